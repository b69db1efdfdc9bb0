//! The best of many nodes, kept from one change of a node to the next.

use super::snapshot::Snapshot;

/// Says that there is no node.
const NONE: u32 = u32::MAX;

/// A knockout tournament of nodes by their totals: when the total of one changes, only its matches are played again.
/// Nodes are numbered by index; what is less than 0 takes no part.
#[derive(Clone, Debug, Default)]
pub(super) struct Tournament {
    totals: Vec<i32>,
    /// The winners, that of the final at 1; the matches won by `at` and its neighbour are decided at `at / 2`.
    winners: Vec<u32>,
    /// How many nodes there is room for: a power of two.
    room: usize,
}

impl Tournament {
    /// The total of a node; less than 0 where it takes no part.
    pub(super) fn total(&self, index: u32) -> i32 {
        self.totals[index as usize]
    }

    /// The totals of all nodes, to be written; see [`Self::play`].
    pub(super) fn totals_mut(&mut self, nodes: usize) -> &mut [i32] {
        self.totals.resize(nodes, -1);
        &mut self.totals
    }

    /// Plays the matches again of these nodes, whose totals were written.
    pub(super) fn play(&mut self, changed: &[u32], snapshot: &Snapshot) {
        let room = self.totals.len().next_power_of_two().max(2);
        if room != self.room {
            self.room = room;
            self.winners = vec![NONE; room];
            return self.play_all(snapshot);
        }
        // Each match is played once where many nodes changed, and only theirs where few did.
        if changed.len() > room / 16 {
            return self.play_all(snapshot);
        }
        for index in changed {
            let mut at = (room + *index as usize) >> 1;
            while at > 0 {
                self.winners[at] = self.decide(at, snapshot);
                at /= 2;
            }
        }
    }

    fn play_all(&mut self, snapshot: &Snapshot) {
        for at in (1..self.room).rev() {
            self.winners[at] = self.decide(at, snapshot);
        }
    }

    /// Who comes into the match at `at`: a node, or the winner of an earlier one.
    fn comes(&self, at: usize) -> u32 {
        match at.checked_sub(self.room) {
            None => self.winners[at],
            Some(index) if self.totals.get(index).is_some_and(|total| *total >= 0) => index as u32,
            Some(_) => NONE,
        }
    }

    fn decide(&self, at: usize, snapshot: &Snapshot) -> u32 {
        self.better(self.comes(2 * at), self.comes(2 * at + 1), snapshot)
    }

    fn better(&self, a: u32, b: u32, snapshot: &Snapshot) -> u32 {
        if a == NONE || b == NONE {
            return a.min(b);
        }
        let (total_a, total_b) = (self.totals[a as usize], self.totals[b as usize]);
        let a_wins = total_a > total_b || total_a == total_b && snapshot.before(a, b);
        if a_wins { a } else { b }
    }

    /// The best node.
    pub(super) fn first(&self) -> Option<u32> {
        self.winners.get(1).copied().filter(|index| *index != NONE)
    }

    /// The second best: the best of those who lost to the best one.
    pub(super) fn second(&self, snapshot: &Snapshot) -> Option<u32> {
        let mut at = self.room + self.first()? as usize;
        let mut second = NONE;
        while at > 1 {
            second = self.better(second, self.comes(at ^ 1), snapshot);
            at /= 2;
        }
        (second != NONE).then_some(second)
    }
}
