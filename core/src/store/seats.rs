//! The objects themselves, each at its seat, and which pod has which uid.

#![expect(clippy::disallowed_types, reason = "nobody walks the table of pods: its order decides nothing")]

use crate::api::{Kind, Object, Uid};
use crate::seat::{Seat, Seated};
use hashbrown::HashTable;
use std::sync::Arc;

/// All objects of a store. Its tables say at which seat an object of a name is.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    objects: Seated<Arc<Object>>,
    /// Seats of objects that went.
    free: Vec<Seat>,
    /// The seat that nobody had yet.
    next: Seat,
    /// The pods, each with a part of its hash: so that a table which grows, and one that is searched, need not look at them.
    pods: HashTable<(u32, Seat)>,
}

impl Default for Seats {
    fn default() -> Self {
        Self { objects: Seated::default(), free: Vec::new(), next: Seat::FIRST, pods: HashTable::new() }
    }
}

/// Uids are random. What is the same in all of them lies elsewhere in each part.
const fn hash(uid: Uid) -> u32 {
    let [high, low] = uid.halves();
    let both = high ^ low;
    (both >> 32) as u32 ^ both as u32
}

/// As a table wants it, which looks at both ends of it.
pub(super) const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

impl Seats {
    /// The object at a seat.
    pub(super) fn get(&self, seat: Seat) -> Option<&Arc<Object>> {
        self.objects.get(seat)
    }

    /// All seats that somebody has.
    pub(super) fn all(&self) -> impl Iterator<Item = Seat> {
        let seats = std::iter::successors(Some(Seat::FIRST), |seat| Some(seat.next()));
        seats.take_while(|seat| *seat < self.next).filter(|seat| self.get(*seat).is_some())
    }

    /// The seat of the pod with that uid.
    pub(super) fn pod(&self, uid: Uid) -> Option<Seat> {
        let hash = hash(uid);
        let is_it = |(other, seat): &(u32, Seat)| *other == hash && self.get(*seat).is_some_and(|o| o.meta.uid == uid);
        self.pods.find(spread(hash), is_it).map(|(_, seat)| *seat)
    }

    /// Gives an object a seat.
    pub(super) fn add(&mut self, object: Arc<Object>) -> Seat {
        let seat = self.free.pop().unwrap_or_else(|| {
            let next = self.next.next();
            std::mem::replace(&mut self.next, next)
        });
        if object.kind() == Kind::Pod {
            let hash = hash(object.meta.uid);
            self.pods.insert_unique(spread(hash), (hash, seat), |(hash, _)| spread(*hash));
        }
        self.objects.put(seat, object);
        seat
    }

    /// Puts a version in the place of the one before, which is returned.
    pub(super) fn replace(&mut self, seat: Seat, object: Arc<Object>) -> Option<Arc<Object>> {
        self.objects.put(seat, object)
    }

    /// Takes an object out.
    pub(super) fn take(&mut self, seat: Seat) -> Option<Arc<Object>> {
        let object = self.objects.take(seat)?;
        if object.kind() == Kind::Pod {
            let entry = self.pods.find_entry(spread(hash(object.meta.uid)), |(_, other)| *other == seat);
            if let Ok(entry) = entry {
                entry.remove();
            }
        }
        self.free.push(seat);
        Some(object)
    }
}

/// See [`super::Store::read_ahead`].
pub(super) fn read_ahead(objects: &[&Arc<Object>]) {
    let mut read = 0;
    // What an object points to can be asked for only when the object is there, so all objects go first.
    for object in objects {
        // A part of each of the lines of memory that it lies in.
        read ^= object.kind() as u64 ^ object.meta.uid.halves()[0] ^ u64::from(object.meta.owners.is_some());
    }
    for pod in objects.iter().filter_map(|object| object.pod()) {
        read ^= pod.status.phase as u64 ^ pod.spec.containers.len() as u64 ^ u64::from(pod.status.pod_ip.is_some());
    }
    std::hint::black_box(read);
}
