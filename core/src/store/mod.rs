//! The versioned store: objects, one revision for every change, and the log of changes that watches read.
//!
//! Knows no more of what objects mean than which pods are bound to which node. Only [`crate::cluster`] writes to it.

mod placement;

use crate::api::{CommonName, Key, Kind, Name, Object, Uid};
use crate::lookup::{Identified, Keyed};
use crate::order;
use placement::Placement;
use std::collections::VecDeque;
use std::sync::Arc;

/// One change: what was before, what is after.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
    /// The kind it is about.
    pub kind: Kind,
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

/// Objects of one kind by namespace, then name. No namespace in it is empty.
type Table = order::Map<CommonName, order::Map<Name, Arc<Object>>>;

impl Identified for Arc<Object> {
    fn uid(&self) -> &Uid {
        &self.meta.uid
    }
}

/// How many changes the log keeps, where it is not to forget them.
const LOG_CHANGES_MAX: usize = 16_384;

/// Objects by kind, namespace and name, with the latest changes. Cloning shares the objects.
#[derive(Clone, Debug)]
pub struct Store {
    revision: u64,
    tables: [Table; Kind::COUNT],
    pods: Keyed<Arc<Object>>,
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
            pods: Keyed::default(),
            placement: Placement::default(),
            log: VecDeque::new(),
            compacted: revision,
            kept: LOG_CHANGES_MAX,
        };
        for object in objects {
            store.index(None, &object);
            let namespace = store.table_mut(object.kind()).entry(object.meta.namespace.clone()).or_default();
            namespace.insert(object.meta.name.clone(), object);
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
        self.table(kind).get(namespace)?.get(name)
    }

    /// The object at that key.
    pub fn at(&self, key: &Key) -> Option<&Arc<Object>> {
        self.get(key.kind, &key.namespace, &key.name)
    }

    /// The pod with that uid.
    pub fn pod(&self, uid: Uid) -> Option<&Arc<Object>> {
        self.pods.get(uid)
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
        let table = self.table(kind);
        let (all, one) = match namespace {
            None => (Some(table.values()), None),
            Some(namespace) => (None, table.get(namespace)),
        };
        all.into_iter().flatten().chain(one).flat_map(order::Map::values)
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.table(kind).values().map(order::Map::len).sum()
    }

    /// Adds an object. Sets its resource version.
    pub fn create(&mut self, mut object: Object) -> Result<Arc<Object>, WriteError> {
        let revision = self.revision + 1;
        let table = self.table_mut(object.kind());
        let home = table.entry(object.meta.namespace.clone());
        object.meta.namespace = home.key().clone();
        let place = home.or_default().entry(object.meta.name.clone());
        if !place.is_vacant() {
            return Err(WriteError::Exists);
        }
        object.meta.resource_version = revision;
        let object = Arc::clone(place.or_insert_with(|| Arc::new(object)));
        self.revision = revision;
        self.index(None, &object);
        self.record(object.kind(), None, Some(Arc::clone(&object)));
        Ok(object)
    }

    /// Replaces an object, if it has the `expected` revision where one is given. Sets its resource version.
    /// A version equal to the present one makes no change.
    pub fn update(&mut self, mut object: Object, expected: Option<u64>) -> Result<Arc<Object>, WriteError> {
        let revision = self.revision + 1;
        let namespace = self.table_mut(object.kind()).get_mut(object.meta.namespace.as_str());
        let Some(slot) = namespace.and_then(|n| n.get_mut(&object.meta.name)) else {
            return Err(WriteError::NotFound);
        };
        if let Some(expected) = expected
            && slot.meta.resource_version != expected
        {
            return Err(WriteError::Conflict { current: slot.meta.resource_version });
        }
        object.meta.resource_version = slot.meta.resource_version;
        if **slot == object {
            return Ok(Arc::clone(slot));
        }
        object.meta.resource_version = revision;
        object.share_names(slot);
        let after = Arc::new(object);
        let before = std::mem::replace(slot, Arc::clone(&after));
        self.revision = revision;
        self.index(Some(&before), &after);
        self.record(after.kind(), Some(before), Some(Arc::clone(&after)));
        Ok(after)
    }

    /// Removes an object. Returns its last version.
    pub fn delete(&mut self, key: &Key) -> Result<Arc<Object>, WriteError> {
        let table = self.table_mut(key.kind);
        let Some(namespace) = table.get_mut(key.namespace.as_str()) else { return Err(WriteError::NotFound) };
        let Some(before) = namespace.remove(&key.name) else { return Err(WriteError::NotFound) };
        if namespace.is_empty() {
            table.remove(key.namespace.as_str());
        }
        if key.kind == Kind::Pod {
            self.pods.remove(before.meta.uid);
            self.placement.update(Some(&before), None);
        }
        self.revision += 1;
        self.record(key.kind, Some(Arc::clone(&before)), None);
        Ok(before)
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
        while self.log.len() > self.kept {
            if let Some(change) = self.log.pop_front() {
                self.compacted = change.revision;
            }
        }
    }

    fn record(&mut self, kind: Kind, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        self.log.push_back(Change { revision: self.revision, kind, before, after });
    }

    fn index(&mut self, before: Option<&Object>, object: &Arc<Object>) {
        if object.kind() == Kind::Pod {
            self.placement.update(before, Some(object));
            self.pods.put(Arc::clone(object));
        }
    }

    const fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }

    const fn table_mut(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[kind as usize]
    }
}
