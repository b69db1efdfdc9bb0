//! The versioned store: objects, one revision for every change, and the log of changes that watches read.
//!
//! Knows nothing of what objects mean. Only [`crate::cluster`] writes to it.

use crate::api::{Key, Kind, Name, Object, Uid};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// One change: what was before, what is after.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
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

    /// The kind it is about.
    pub fn kind(&self) -> Option<Kind> {
        self.object().map(|o| o.kind())
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

type Table = BTreeMap<(Name, Name), Arc<Object>>;

/// How many changes the log keeps.
pub const LOG_CHANGES_MAX: usize = 16_384;

/// Objects by kind, namespace and name, with the latest changes. Cloning shares the objects.
#[derive(Clone, Debug)]
pub struct Store {
    revision: u64,
    tables: [Table; Kind::COUNT],
    uids: BTreeMap<Uid, Key>,
    log: VecDeque<Change>,
    compacted: u64,
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
            uids: BTreeMap::new(),
            log: VecDeque::new(),
            compacted: revision,
        };
        for object in objects {
            store.uids.insert(object.meta.uid, object.key());
            store.table_mut(object.kind()).insert((object.meta.namespace.clone(), object.meta.name.clone()), object);
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
        self.table(kind).get(&(Name::new(namespace), Name::new(name)))
    }

    /// The object at that key.
    pub fn at(&self, key: &Key) -> Option<&Arc<Object>> {
        self.table(key.kind).get(&(key.namespace.clone(), key.name.clone()))
    }

    /// The object with that uid.
    pub fn by_uid(&self, uid: Uid) -> Option<&Arc<Object>> {
        self.uids.get(&uid).and_then(|key| self.at(key))
    }

    /// All objects of a kind, by namespace, then name; of one namespace where one is given.
    pub fn list<'a>(&'a self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let namespace = namespace.map(Name::new);
        let start = (namespace.clone().unwrap_or_default(), Name::default());
        self.table(kind)
            .range(start..)
            .take_while(move |((ns, _), _)| namespace.as_ref().is_none_or(|n| n == ns))
            .map(|(_, object)| object)
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.table(kind).len()
    }

    /// Adds an object. Sets its resource version.
    pub fn create(&mut self, mut object: Object) -> Result<Arc<Object>, WriteError> {
        let key = (object.meta.namespace.clone(), object.meta.name.clone());
        if self.table(object.kind()).contains_key(&key) {
            return Err(WriteError::Exists);
        }
        self.revision += 1;
        object.meta.resource_version = self.revision;
        let object = Arc::new(object);
        self.uids.insert(object.meta.uid, object.key());
        self.table_mut(object.kind()).insert(key, Arc::clone(&object));
        self.record(None, Some(Arc::clone(&object)));
        Ok(object)
    }

    /// Replaces an object, if it has the `expected` revision where one is given. Sets its resource version.
    /// A version equal to the present one makes no change.
    pub fn update(&mut self, mut object: Object, expected: Option<u64>) -> Result<Arc<Object>, WriteError> {
        let key = (object.meta.namespace.clone(), object.meta.name.clone());
        let revision = self.revision + 1;
        let table = self.table_mut(object.kind());
        let Some(slot) = table.get_mut(&key) else { return Err(WriteError::NotFound) };
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
        let after = Arc::new(object);
        let before = std::mem::replace(slot, Arc::clone(&after));
        self.revision = revision;
        self.record(Some(before), Some(Arc::clone(&after)));
        Ok(after)
    }

    /// Removes an object. Returns its last version.
    pub fn delete(&mut self, key: &Key) -> Result<Arc<Object>, WriteError> {
        let Some(before) = self.table_mut(key.kind).remove(&(key.namespace.clone(), key.name.clone())) else {
            return Err(WriteError::NotFound);
        };
        self.uids.remove(&before.meta.uid);
        self.revision += 1;
        self.record(Some(Arc::clone(&before)), None);
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
        let index = self.log.partition_point(|c| c.revision < revision);
        self.log.get(index).filter(|c| c.revision == revision)
    }

    /// Drops the oldest changes until `keep` are left.
    pub fn compact(&mut self, keep: usize) {
        while self.log.len() > keep {
            if let Some(change) = self.log.pop_front() {
                self.compacted = change.revision;
            }
        }
    }

    fn record(&mut self, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        self.log.push_back(Change { revision: self.revision, before, after });
    }

    const fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }

    const fn table_mut(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[kind as usize]
    }
}
