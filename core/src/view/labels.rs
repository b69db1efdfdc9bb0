//! Sets of labels, each kept once: thousands of replicas have the same.

use super::Pairs;
use crate::api::{Labels, Name};
use crate::order;
use std::collections::BTreeMap;

/// Sets of labels by number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelTable {
    sets: Vec<Pairs>,
}

impl LabelTable {
    /// The set of that number; empty where there is none.
    pub fn get(&self, number: u32) -> &[(Name, Name)] {
        self.sets.get(number as usize).map_or(&[], Vec::as_slice)
    }

    /// The value of a label in the set of that number.
    pub fn value(&self, number: u32, label: &str) -> Option<&Name> {
        self.get(number).iter().find(|(name, _)| name == label).map(|(_, value)| value)
    }

    /// All sets that are or were in use, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[(Name, Name)])> {
        (0u32..).zip(self.sets.iter().map(Vec::as_slice))
    }

    pub(super) fn set(&mut self, number: u32, pairs: Pairs) {
        let index = number as usize;
        if index >= self.sets.len() {
            self.sets.resize(index + 1, Pairs::new());
        }
        self.sets[index] = pairs;
    }
}

/// Gives each set in use its number, and takes the number back when its last user is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct LabelNumbers {
    numbers: order::Map<Labels, u32>,
    users: Vec<(u32, Option<Labels>)>,
    free: order::Set<u32>,
}

impl LabelNumbers {
    /// The number of a set, with one user more; the set itself where the number is new for it.
    pub(super) fn take(&mut self, labels: &Labels) -> (u32, Option<Pairs>) {
        if let Some(number) = self.numbers.get(labels).copied() {
            if let Some((users, _)) = self.users.get_mut(number as usize) {
                *users += 1;
            }
            return (number, None);
        }
        let number = self.free.pop_first().unwrap_or(self.users.len() as u32);
        let entry = (1, Some(labels.clone()));
        match self.users.get_mut(number as usize) {
            Some(slot) => *slot = entry,
            None => self.users.push(entry),
        }
        self.numbers.insert(labels.clone(), number);
        (number, Some(pairs(labels)))
    }

    /// One user of a number less.
    pub(super) fn release(&mut self, number: u32) {
        let Some((users, labels)) = self.users.get_mut(number as usize) else { return };
        *users = users.saturating_sub(1);
        if *users == 0
            && let Some(labels) = labels.take()
        {
            self.numbers.remove(&labels);
            self.free.insert(number);
        }
    }
}

/// Labels as pairs.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> Pairs {
    map.iter().map(|(name, value)| (Name::new(name), Name::new(value))).collect()
}
