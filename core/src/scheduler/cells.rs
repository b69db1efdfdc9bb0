//! The nodes in cells: to all that looks around for a pod, those of one cell are alike. What it makes of all nodes is found
//! by asking about one of each cell.

use super::evaluation::Evaluation;
use super::framework::Verdict;
use super::profile::count;
use super::snapshot::Snapshot;
use crate::api::Name;
use crate::order;
use std::cmp::Reverse;

/// A node in its cell: who would be chosen first goes first. A node that will not do has a total less than 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked {
    total: Reverse<i32>,
    /// What breaks ties.
    pub(super) tie: (u64, Name),
    /// Its index.
    pub(super) node: u32,
}

impl Ranked {
    /// The sum of the scores it has by itself; less than 0 where it will not do.
    pub(super) const fn total(&self) -> i32 {
        self.total.0
    }
}

/// Nodes of equal traits.
#[derive(Debug, Default)]
pub(super) struct Cell {
    traits: Box<[i64]>,
    ranked: order::Set<Ranked>,
    /// How many of them stand how by themselves.
    verdicts: Vec<(Verdict, u32)>,
}

impl Cell {
    /// Its nodes, those that would do by themselves before the others.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Ranked> {
        self.ranked.iter()
    }

    /// How many of its nodes stand how by themselves; a verdict that nodes had may be there with none.
    pub(super) fn verdicts(&self) -> &[(Verdict, u32)] {
        &self.verdicts
    }
}

/// Where a node is, and as what.
#[derive(Debug)]
struct Seat {
    cell: usize,
    verdict: Verdict,
    ranked: Ranked,
}

/// All cells.
#[derive(Debug, Default)]
pub(super) struct Cells {
    all: Vec<Cell>,
    by_traits: order::Map<Box<[i64]>, usize>,
    /// Cells without nodes, to be used again.
    vacant: Vec<usize>,
    /// By index of the node.
    seats: Vec<Option<Seat>>,
    /// How many traits a node has.
    width: usize,
    /// Up to which change of the snapshot it is true; none where no node has a seat yet.
    seen: Option<u64>,
}

impl Cells {
    /// Seats the nodes anew that changed, given how each stands by itself, and its traits.
    pub(super) fn update(&mut self, evaluation: &Evaluation, snapshot: &Snapshot, liken: impl Fn(u32, &mut Vec<i64>)) {
        let traits = |index: u32| {
            let mut traits = Vec::new();
            liken(index, &mut traits);
            traits
        };
        let known = self.seen.replace(snapshot.version());
        let changed = known.and_then(|version| snapshot.changed_since(version));
        // With other traits to look at, nodes that were alike may no longer be.
        let is_done = changed.is_some_and(|mut changed| {
            changed.all(|index| {
                let traits = traits(index);
                let fits = traits.len() == self.width;
                if fits {
                    self.seat(index, traits, evaluation, snapshot);
                }
                fits
            })
        });
        if !is_done {
            *self = Self { seen: self.seen, ..Self::default() };
            for index in 0..snapshot.nodes().len() as u32 {
                let traits = traits(index);
                self.width = traits.len();
                self.seat(index, traits, evaluation, snapshot);
            }
        }
    }

    fn seat(&mut self, index: u32, traits: Vec<i64>, evaluation: &Evaluation, snapshot: &Snapshot) {
        let at = index as usize;
        if self.seats.len() <= at {
            self.seats.resize_with(at + 1, || None);
        }
        if let Some(seat) = self.seats[at].take() {
            let cell = &mut self.all[seat.cell];
            cell.ranked.remove(&seat.ranked);
            count(&mut cell.verdicts, seat.verdict, -1);
            if cell.ranked.is_empty() && *cell.traits != *traits {
                self.by_traits.remove(&cell.traits);
                cell.verdicts.clear();
                self.vacant.push(seat.cell);
            }
        }
        let verdict = evaluation.verdict(index);
        if verdict == Verdict::Absent {
            return;
        }
        let (tie, name) = snapshot.tie(index);
        let total = Reverse(evaluation.totals().total(index));
        let ranked = Ranked { total, tie: (tie, name.clone()), node: index };
        let number = self.of(traits);
        let cell = &mut self.all[number];
        cell.ranked.insert(ranked.clone());
        count(&mut cell.verdicts, verdict, 1);
        self.seats[at] = Some(Seat { cell: number, verdict, ranked });
    }

    /// The number of the cell of these traits.
    fn of(&mut self, traits: Vec<i64>) -> usize {
        if let Some(number) = self.by_traits.get(&*traits) {
            return *number;
        }
        let number = self.vacant.pop().unwrap_or(self.all.len());
        if number == self.all.len() {
            self.all.push(Cell::default());
        }
        let traits: Box<[i64]> = traits.into();
        self.all[number].traits.clone_from(&traits);
        self.by_traits.insert(traits, number);
        number
    }

    /// Those that have nodes, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.all.iter().enumerate().filter(|(_, cell)| !cell.ranked.is_empty())
    }

    /// The number of a node's cell, and how it stands there by itself.
    pub(super) fn place(&self, index: u32) -> Option<(usize, Verdict)> {
        self.seats.get(index as usize)?.as_ref().map(|seat| (seat.cell, seat.verdict))
    }
}
