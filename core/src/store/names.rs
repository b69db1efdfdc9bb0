//! Which object has which name, among those of one kind in one namespace.

#![expect(clippy::disallowed_types, reason = "its order decides nothing: who walks it sorts what is in it")]

use super::seats::{Seats, spread};
use crate::api::Name;
use crate::order;
use crate::seat::Seat;
use hashbrown::HashTable;
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// The seats of the objects by their names, which the objects themselves know.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Each with a part of its name's hash, so that a table which grows need not look at the objects, and one that is searched
    /// looks at one of them.
    seats: HashTable<(u32, Seat)>,
    /// The same in order, where somebody asked for it lately.
    order: OnceLock<Order>,
}

/// Seats in the order of their names.
#[derive(Clone, Debug)]
struct Order {
    seats: order::Map<Name, Seat>,
    /// How many changes it follows. After as many as it had objects it is given up: to make it anew costs no more, and who
    /// only writes, many objects one after the other, pays for an order that nobody asks for no longer.
    changes_left: usize,
}

fn hash(name: &str) -> u32 {
    xxh3_64(name.as_bytes()) as u32
}

impl Names {
    /// The seat of the object of that name.
    pub(super) fn find(&self, name: &str, objects: &Seats) -> Option<Seat> {
        let hash = hash(name);
        self.seats.find(spread(hash), is(hash, name, objects)).map(|(_, seat)| *seat)
    }

    /// Notes the seat of an object whose name nobody has.
    pub(super) fn add(&mut self, name: &Name, seat: Seat) {
        let hash = hash(name);
        self.seats.insert_unique(spread(hash), (hash, seat), |(hash, _)| spread(*hash));
        self.change(|order| _ = order.insert(name.clone(), seat));
    }

    /// Forgets a name. Returns whose it was.
    pub(super) fn remove(&mut self, name: &str, objects: &Seats) -> Option<Seat> {
        let hash = hash(name);
        let ((_, seat), _) = self.seats.find_entry(spread(hash), is(hash, name, objects)).ok()?.remove();
        self.change(|order| _ = order.remove(name));
        Some(seat)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The seats of all, in no order.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.seats.iter().map(|(_, seat)| *seat)
    }

    /// All of them, in the order of their names.
    pub(super) fn in_order(&self, objects: &Seats) -> &order::Map<Name, Seat> {
        let sort = || {
            let named = |(_, seat): &(u32, Seat)| Some((objects.get(*seat)?.meta.name.clone(), *seat));
            let mut all: Vec<(Name, Seat)> = self.seats.iter().filter_map(named).collect();
            order::sort_by(&mut all, |a, b| a.0.cmp(&b.0));
            Order { changes_left: all.len(), seats: all.into_iter().collect() }
        };
        &self.order.get_or_init(sort).seats
    }

    fn change(&mut self, change: impl FnOnce(&mut order::Map<Name, Seat>)) {
        match self.order.get_mut() {
            Some(order) if order.changes_left > 0 => {
                order.changes_left -= 1;
                change(&mut order.seats);
            }
            Some(_) => self.order = OnceLock::new(),
            None => {}
        }
    }
}

/// Whether an entry is that of a name.
fn is<'a>(hash: u32, name: &'a str, objects: &'a Seats) -> impl Fn(&(u32, Seat)) -> bool + 'a {
    move |(other, seat)| *other == hash && objects.get(*seat).is_some_and(|object| object.meta.name == name)
}
