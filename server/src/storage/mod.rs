//! The cluster's state on disk: every object as JSON by its key, in one redb file.
//!
//! What [`Storage::commit`] returned from survives a kill at any moment. Nothing here knows what objects mean. A
//! file that is damaged or not ours is never written to.

mod error;
mod open;

pub use error::StorageError;

use kubarium_core::api::{Key, Object};
use redb::{Database, Durability, TableDefinition};
use std::path::PathBuf;
use std::sync::Arc;

/// Name of the file in a data directory.
pub const DATA_FILE: &str = "kubarium.redb";

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const HOSTS: TableDefinition<'_, &str, &str> = TableDefinition::new("dockerhosts");
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// Version of the layout in the file.
const FORMAT: &str = "1";

/// Who a cluster is: made once, kept for its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Tells this cluster's containers from others'.
    pub cluster_id: String,
    /// Seed of its random choices.
    pub seed: u64,
}

/// What was in the file.
#[derive(Debug)]
pub struct Loaded {
    /// Who the cluster is.
    pub identity: Identity,
    /// The revision of the last commit; none for a new cluster.
    pub revision: Option<u64>,
    /// Its objects.
    pub objects: Vec<Arc<Object>>,
    /// Docker hosts that were added while it ran: name and endpoint.
    pub hosts: Vec<(String, String)>,
}

/// Changes that become durable together.
#[derive(Debug, Default)]
pub struct Batch {
    /// The revision they lead to.
    pub revision: u64,
    /// Objects by key: the new version, or none for a removal.
    pub objects: Vec<(Key, Option<Arc<Object>>)>,
    /// Whether `objects` is everything there is, and all else goes.
    pub complete: bool,
}

/// An open data file. Its directory is locked: no other server can use it.
#[derive(Debug)]
pub struct Storage {
    database: Database,
    path: PathBuf,
    _lock: std::fs::File,
}

impl Storage {
    /// Writes a batch; when it returns, the batch is on disk.
    pub fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        self.write(|txn| {
            let mut table = txn.open_table(OBJECTS)?;
            if batch.complete {
                table.retain(|_, _| false)?;
            }
            for (key, object) in &batch.objects {
                let key = row_key(key);
                match object {
                    Some(object) => {
                        table.insert(key.as_str(), object.to_text().as_bytes())?;
                    }
                    None => {
                        table.remove(key.as_str())?;
                    }
                }
            }
            txn.open_table(META)?.insert("revision", batch.revision.to_string().as_str())?;
            Ok(())
        })
    }

    /// Keeps a Docker host, or with no endpoint forgets it.
    pub fn set_host(&self, name: &str, endpoint: Option<&str>) -> Result<(), StorageError> {
        self.write(|txn| {
            let mut table = txn.open_table(HOSTS)?;
            match endpoint {
                Some(endpoint) => table.insert(name, endpoint)?.map(|_| ()),
                None => table.remove(name)?.map(|_| ()),
            };
            Ok(())
        })
    }

    fn write(
        &self,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StorageError> {
        let run = || -> Result<(), redb::Error> {
            let mut txn = self.database.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            change(&txn)?;
            txn.commit()?;
            Ok(())
        };
        run().map_err(|source| StorageError::Write { path: self.path.clone(), source: Box::new(source) })
    }
}

/// `Kind/namespace/name`: none of the parts can contain a slash.
fn row_key(key: &Key) -> String {
    format!("{}/{}/{}", key.kind.info().kind, key.namespace, key.name)
}
