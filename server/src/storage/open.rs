//! Opening a data file: a new one is made, one of ours is read, any other is refused and left as it is.

use super::{DATA_FILE, FORMAT, HOSTS, Identity, Loaded, META, OBJECTS, Storage, StorageError};
use kubarium_core::api::{Kind, Object};
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _};
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Everything is in the control plane's memory already, so the file needs little of its own.
const CACHE_BYTES: usize = 16 << 20;

/// What every redb file begins with.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

impl Storage {
    /// Opens the data directory's file, or makes it. A new cluster gets `seed`, or a random one.
    pub fn open(dir: &Path, seed: Option<u64>) -> Result<(Self, Loaded), StorageError> {
        let path = dir.join(DATA_FILE);
        std::fs::create_dir_all(dir).map_err(|source| StorageError::Directory { path: dir.to_owned(), source })?;
        match std::fs::metadata(&path) {
            Ok(found) if found.len() > 0 => check_magic(&path)?,
            Ok(found) if !found.is_file() => {
                return Err(StorageError::Foreign { path, why: "not a file".to_owned() });
            }
            _ => {}
        }
        // The library may panic on a damaged file instead of saying so.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE_BYTES);
            let mut database = builder.create(&path).map_err(|e| wrong_file(&path, e))?;
            verify(&mut database, &path)?;
            let loaded = load(&database, &path, seed)?;
            Ok((database, loaded))
        }));
        match opened {
            Ok(Ok((database, loaded))) => Ok((Self { database, path }, loaded)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StorageError::Damaged { path, why: "its pages contradict each other".to_owned() }),
        }
    }
}

fn check_magic(path: &Path) -> Result<(), StorageError> {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|f| f.take(MAGIC.len() as u64).read_to_end(&mut start));
    match read {
        Err(e) => Err(StorageError::Unreadable { path: path.to_owned(), why: e.to_string() }),
        Ok(_) if start == MAGIC => Ok(()),
        Ok(_) => Err(StorageError::Foreign { path: path.to_owned(), why: "it does not begin like one".to_owned() }),
    }
}

fn wrong_file(path: &Path, error: DatabaseError) -> StorageError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StorageError::InUse { path },
        DatabaseError::Storage(redb::StorageError::Io(e)) if e.kind() != std::io::ErrorKind::InvalidData => {
            StorageError::Unreadable { path, why: e.to_string() }
        }
        other => StorageError::Damaged { path, why: other.to_string() },
    }
}

/// Checks every page's checksum, so that damage is found now and not by a later read.
fn verify(database: &mut Database, path: &Path) -> Result<(), StorageError> {
    match database.check_integrity() {
        Ok(true) => Ok(()),
        Ok(false) => Err(StorageError::Damaged { path: path.to_owned(), why: "checksums differ".to_owned() }),
        Err(e) => Err(wrong_file(path, e)),
    }
}

fn load(database: &Database, path: &Path, seed: Option<u64>) -> Result<Loaded, StorageError> {
    let damaged = |why: String| StorageError::Damaged { path: path.to_owned(), why };
    let make = || -> Result<(), redb::Error> {
        let txn = database.begin_write()?;
        {
            let mut meta = txn.open_table(META)?;
            txn.open_table(OBJECTS)?;
            txn.open_table(HOSTS)?;
            let mut random = [0u8; 24];
            // Without randomness the fixed identity still works; only two such clusters on one host would clash.
            let _ = getrandom::fill(&mut random);
            let (id, number) = random.split_at(16);
            let id: String = id.iter().map(|b| format!("{b:02x}")).collect();
            let number = number.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            meta.insert("cluster", id.as_str())?;
            meta.insert("seed", seed.unwrap_or(number).to_string().as_str())?;
            meta.insert("format", FORMAT)?;
        }
        txn.commit()?;
        Ok(())
    };
    let read = || -> Result<(Vec<(String, String)>, Vec<(String, Vec<u8>)>, Vec<(String, String)>), redb::Error> {
        let txn = database.begin_read()?;
        let mut meta = Vec::new();
        for row in txn.open_table(META)?.iter()? {
            let (key, value) = row?;
            meta.push((key.value().to_owned(), value.value().to_owned()));
        }
        let mut objects = Vec::new();
        for row in txn.open_table(OBJECTS)?.iter()? {
            let (key, value) = row?;
            objects.push((key.value().to_owned(), value.value().to_owned()));
        }
        let mut hosts = Vec::new();
        for row in txn.open_table(HOSTS)?.iter()? {
            let (key, value) = row?;
            hosts.push((key.value().to_owned(), value.value().to_owned()));
        }
        Ok((meta, objects, hosts))
    };
    let empty = || -> Result<bool, redb::Error> { Ok(database.begin_read()?.list_tables()?.next().is_none()) };
    if empty().map_err(|e| damaged(e.to_string()))? {
        make().map_err(|source| StorageError::Write { path: path.to_owned(), source: Box::new(source) })?;
    }
    let (meta, rows, hosts) = read().map_err(|e| match e {
        redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. } => {
            StorageError::Foreign { path: path.to_owned(), why: "it has other tables".to_owned() }
        }
        other => damaged(other.to_string()),
    })?;
    let text = |name: &str| meta.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match text("format") {
        Some(FORMAT) => {}
        Some(format) => return Err(StorageError::Newer { path: path.to_owned(), format: format.to_owned() }),
        None => return Err(StorageError::Foreign { path: path.to_owned(), why: "it names no format".to_owned() }),
    }
    let (Some(cluster_id), Some(Ok(seed))) = (text("cluster"), text("seed").map(str::parse)) else {
        return Err(damaged("it does not say whose it is".to_owned()));
    };
    let revision = match text("revision").map(str::parse) {
        None => None,
        Some(Ok(revision)) => Some(revision),
        Some(Err(_)) => return Err(damaged("its revision is no number".to_owned())),
    };
    let mut objects = Vec::with_capacity(rows.len());
    for (key, bytes) in rows {
        let object = decode(&key, &bytes).map_err(|why| damaged(format!("{key}: {why}")))?;
        objects.push(Arc::new(object));
    }
    let identity = Identity { cluster_id: cluster_id.to_owned(), seed };
    Ok(Loaded { identity, revision, objects, hosts })
}

fn decode(key: &str, bytes: &[u8]) -> Result<Object, String> {
    let kind = key.split('/').next().unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|k| k.info().kind == kind).ok_or("unknown kind")?;
    let value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let object = Object::from_value(kind, value).map_err(|e| e.to_string())?;
    if super::row_key(&object.key()) == key { Ok(object) } else { Err("filed under another name".to_owned()) }
}
