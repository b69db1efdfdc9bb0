//! The versioned store: objects, one revision for every change, and the log of changes that watches read.
//!
//! Knows no more of what objects mean than which pods are bound to which node. Only [`crate::cluster`] writes to it.

mod names;
mod placement;
mod seats;

use crate::api::{CommonName, Key, Kind, Meta, Name, Object, Uid};
use crate::order;
use crate::seat::Seat;
use names::Names;
use placement::Placement;
use seats::{Seats, read_ahead};
use std::collections::VecDeque;
use std::sync::Arc;

/// One change: what was before, what is after.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
    /// The kind it is about.
    pub kind: Kind,
    /// The number that the object has, or had, in its store.
    pub seat: Seat,
    /// The version before; none for a creation.
    pub before: Option<Arc<Object>>,
    /// The version after; none for a removal.
    pub after: Option<Arc<Object>>,
}

impl Change {
    /// The object as it is, or as it last was.
    pub fn object(&self) -> Option<&Arc<Object>> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// There is one of that name.
    Exists,
    /// There is none of that name.
    NotFound,
    /// It has another revision than expected.
    Conflict {
        /// The revision it has.
        current: u64,
    },
}

/// A revision whose following changes are no longer in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The oldest revision one can still read from.
    pub oldest: u64,
}

/// Where the objects of one kind are, by namespace, then name. No namespace in it is empty.
type Table = order::Map<CommonName, Names>;

/// Objects of one kind, by namespace, then name. It is walked in many places, and its steps are compiled once for all.
struct Objects<'a> {
    /// The namespaces to come.
    spaces: order::Iter<'a, CommonName, Names>,
    names: order::Iter<'a, Name, Seat>,
    seats: &'a Seats,
}

impl<'a> Iterator for Objects<'a> {
    type Item = &'a Arc<Object>;

    #[inline(never)]
    fn next(&mut self) -> Option<&'a Arc<Object>> {
        loop {
            if let Some((_, seat)) = self.names.next() {
                // Whatever has a name has a seat.
                return self.seats.get(*seat);
            }
            self.names = self.spaces.next()?.1.in_order(self.seats).iter();
        }
    }
}

/// How many objects are read ahead together: what they take fits into the caches.
pub(crate) const READ_AHEAD_MAX: usize = 256;

/// How many changes the log keeps, where it is not to forget them.
const LOG_CHANGES_MAX: usize = 16_384;

/// Objects by kind, namespace and name, with the latest changes. Cloning shares the objects.
#[derive(Clone, Debug)]
pub struct Store {
    revision: u64,
    tables: [Table; Kind::COUNT],
    seats: Seats,
    placement: Placement,
    log: VecDeque<Change>,
    compacted: u64,
    kept: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::restore(0, std::iter::empty())
    }
}

impl Store {
    /// A store with these objects at that revision, and an empty log.
    pub fn restore(revision: u64, objects: impl IntoIterator<Item = Arc<Object>>) -> Self {
        let mut store = Self {
            revision,
            tables: Default::default(),
            seats: Seats::default(),
            placement: Placement::default(),
            log: VecDeque::new(),
            compacted: revision,
            kept: LOG_CHANGES_MAX,
        };
        // They are looked through by name later, so they sit in that order, whatever the one in which they come.
        let place = |o: &Object| (o.kind(), o.meta.namespace.clone(), o.meta.name.clone());
        let mut objects: Vec<_> = objects.into_iter().map(|object| (place(&object), object)).collect();
        order::sort_by(&mut objects, |a, b| a.0.cmp(&b.0));
        let mut objects = objects.into_iter().peekable();
        while let Some((place, object)) = objects.next() {
            // The last of several of one name counts.
            if objects.peek().is_some_and(|(next, _)| *next == place) {
                continue;
            }
            store.placement.update(None, Some(&object));
            let (kind, namespace, name) = place;
            let seat = store.seats.add(object);
            store.tables[kind as usize].entry(namespace).or_default().add(&name, seat);
        }
        store
    }

    /// The revision of the last change.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The oldest revision [`Self::changes_since`] accepts.
    pub const fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The object of that name.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.seats.get(self.seat(kind, namespace, name)?)
    }

    /// The object at that key.
    pub fn at(&self, key: &Key) -> Option<&Arc<Object>> {
        self.get(key.kind, &key.namespace, &key.name)
    }

    /// The pod with that uid.
    pub fn pod(&self, uid: Uid) -> Option<&Arc<Object>> {
        self.seats.get(self.seats.pod(uid)?)
    }

    /// The number of the pod with that uid.
    pub(crate) fn seat_of_pod(&self, uid: Uid) -> Option<Seat> {
        self.seats.pod(uid)
    }

    /// The object with that number.
    pub(crate) fn at_seat(&self, seat: Seat) -> Option<&Arc<Object>> {
        self.seats.get(seat)
    }

    /// The pod with that uid, which has or had that number.
    pub(crate) fn pod_at(&self, seat: Seat, uid: Uid) -> Option<&Arc<Object>> {
        self.seats.get(seat).filter(|object| object.meta.uid == uid)
    }

    /// The pods bound to a node, whether it exists or not, in order of namespace and name.
    pub fn pods_on(&self, node: &str) -> Vec<Arc<Object>> {
        let pods = self.placement.on(node).iter();
        let mut pods: Vec<Arc<Object>> = pods.filter_map(|uid| self.pod(*uid)).cloned().collect();
        order::sort_by(&mut pods, |a, b| (&a.meta.namespace, &a.meta.name).cmp(&(&b.meta.namespace, &b.meta.name)));
        pods
    }

    /// The uids of the pods bound to a node, in no order that meant anything.
    pub fn uids_on(&self, node: &str) -> &[Uid] {
        self.placement.on(node)
    }

    /// All nodes that pods are bound to, in order.
    pub fn nodes_with_pods(&self) -> Vec<&Name> {
        self.placement.nodes()
    }

    /// All objects of a kind, by namespace, then name; of one namespace where one is given.
    pub fn list<'a>(&'a self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let (table, seats) = (self.table(kind), &self.seats);
        let (spaces, names) = match namespace {
            None => (table.iter(), order::Iter::default()),
            Some(namespace) => {
                let names = table.get(namespace).map(|names| names.in_order(seats).iter());
                (order::Iter::default(), names.unwrap_or_default())
            }
        };
        Objects { spaces, names, seats }
    }

    /// All objects of a kind as they sit, which is quicker than by name, for their memory lies so, too. Where an object sits
    /// means nothing: this is for what comes out the same in any order.
    pub fn seated(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        let mut seats: Vec<Seat> = self.table(kind).values().flat_map(Names::seats).collect();
        order::sort_by(&mut seats, Seat::cmp);
        self.together(seats).map(|(_, object)| object)
    }

    /// All objects, with their numbers. Those with which the store began come first, by kind, namespace and name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Seat, &Arc<Object>)> {
        self.together(self.seats.all().collect())
    }

    /// The objects with these numbers, those that are near each other read ahead together.
    fn together(&self, seats: Vec<Seat>) -> impl Iterator<Item = (Seat, &Arc<Object>)> {
        (0..seats.len()).filter_map(move |n| {
            if n % READ_AHEAD_MAX == 0 {
                self.read_ahead(&seats[n..seats.len().min(n + READ_AHEAD_MAX)]);
            }
            Some((seats[n], self.at_seat(seats[n])?))
        })
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.table(kind).values().map(Names::len).sum()
    }

    /// Adds an object. Sets its resource version.
    pub fn create(&mut self, mut object: Object) -> Result<Arc<Object>, WriteError> {
        let revision = self.revision + 1;
        let Self { tables, seats, .. } = self;
        let table = &mut tables[object.kind() as usize];
        let home = table.entry(object.meta.namespace.clone());
        object.meta.namespace = home.key().clone();
        let names = home.or_default();
        if names.find(&object.meta.name, seats).is_some() {
            return Err(WriteError::Exists);
        }
        object.meta.resource_version = revision;
        let object = Arc::new(object);
        let seat = seats.add(Arc::clone(&object));
        names.add(&object.meta.name, seat);
        self.revision = revision;
        self.placement.update(None, Some(&object));
        self.record(seat, None, Some(Arc::clone(&object)));
        Ok(object)
    }

    /// Replaces an object, if it has the `expected` revision where one is given. Sets its resource version.
    /// A version equal to the present one makes no change.
    pub fn update(&mut self, object: Object, expected: Option<u64>) -> Result<Arc<Object>, WriteError> {
        let Some((seat, now)) = self.present(&object) else { return Err(WriteError::NotFound) };
        if let Some(expected) = expected
            && now.meta.resource_version != expected
        {
            return Err(WriteError::Conflict { current: now.meta.resource_version });
        }
        self.replace(seat, object)
    }

    /// As [`Self::update`], of the object that has that number.
    pub(crate) fn replace(&mut self, seat: Seat, mut object: Object) -> Result<Arc<Object>, WriteError> {
        let Some(now) = self.seats.get(seat) else { return Err(WriteError::NotFound) };
        object.meta.resource_version = now.meta.resource_version;
        if **now == object {
            return Ok(Arc::clone(now));
        }
        let revision = self.revision + 1;
        object.meta.resource_version = revision;
        object.share_names(now);
        let after = Arc::new(object);
        let before = self.seats.replace(seat, Arc::clone(&after));
        self.revision = revision;
        self.placement.update(before.as_deref(), Some(&after));
        self.record(seat, before, Some(Arc::clone(&after)));
        Ok(after)
    }

    /// What has the name of an object now. Pods are found quicker by their uid; where one of the name was made anew, the name
    /// counts.
    fn present(&self, object: &Object) -> Option<(Seat, &Arc<Object>)> {
        let Meta { namespace, name, uid, .. } = &object.meta;
        let pod = if object.kind() == Kind::Pod { self.seats.pod(*uid) } else { None };
        let found = |seat: Seat| Some((seat, self.seats.get(seat)?));
        let of_that_name =
            |found: &(Seat, &Arc<Object>)| found.1.meta.name == *name && found.1.meta.namespace == *namespace;
        let pod = pod.and_then(found).filter(of_that_name);
        pod.or_else(|| self.seat(object.kind(), namespace, name).and_then(found))
    }

    /// Removes an object. Returns its last version.
    pub fn delete(&mut self, key: &Key) -> Result<Arc<Object>, WriteError> {
        let Self { tables, seats, .. } = self;
        let table = &mut tables[key.kind as usize];
        let Some(names) = table.get_mut(key.namespace.as_str()) else { return Err(WriteError::NotFound) };
        let Some(seat) = names.remove(&key.name, seats) else { return Err(WriteError::NotFound) };
        if names.is_empty() {
            table.remove(key.namespace.as_str());
        }
        // Whatever has a name has a seat.
        let before = seats.take(seat).ok_or(WriteError::NotFound)?;
        self.placement.update(Some(&before), None);
        self.revision += 1;
        self.record(seat, Some(Arc::clone(&before)), None);
        Ok(before)
    }

    /// Looks at these objects one right after the other, which changes nothing: where many are about to be read that lie
    /// anywhere, their memory is waited for together, and not for each.
    pub(crate) fn read_ahead(&self, seats: &[Seat]) {
        read_ahead(&seats.iter().filter_map(|seat| self.at_seat(*seat)).collect::<Vec<_>>());
    }

    /// The changes after `revision`, oldest first.
    pub fn changes_since(&self, revision: u64) -> Result<impl Iterator<Item = &Change>, TooOld> {
        if revision < self.compacted {
            return Err(TooOld { oldest: self.compacted });
        }
        let skip = self.log.partition_point(|c| c.revision <= revision);
        Ok(self.log.range(skip..))
    }

    /// The change that made `revision`, while the log has it.
    pub fn change(&self, revision: u64) -> Option<&Change> {
        // Every revision is one change.
        let index = revision.checked_sub(self.log.front()?.revision)?;
        self.log.get(usize::try_from(index).ok()?)
    }

    /// Keeps no changes from the next [`Self::compact`] on.
    pub const fn forget_changes(&mut self) {
        self.kept = 0;
    }

    /// Drops the oldest of more changes than are kept.
    pub fn compact(&mut self) {
        let mut surplus = self.log.len().saturating_sub(self.kept);
        while surplus > 0 {
            let some = surplus.min(READ_AHEAD_MAX);
            // They were last seen long ago, and what goes is read once more.
            let before = self.log.range(..some).filter_map(|change| change.before.as_ref());
            read_ahead(&before.collect::<Vec<_>>());
            for change in self.log.drain(..some) {
                self.compacted = change.revision;
            }
            surplus -= some;
        }
    }

    fn record(&mut self, seat: Seat, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        let Some(kind) = after.as_ref().or(before.as_ref()).map(|object| object.kind()) else { return };
        self.log.push_back(Change { revision: self.revision, kind, seat, before, after });
    }

    fn seat(&self, kind: Kind, namespace: &str, name: &str) -> Option<Seat> {
        self.table(kind).get(namespace)?.find(name, &self.seats)
    }

    const fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }
}
