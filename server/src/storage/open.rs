//! Opening a data file: a new one is made, one of ours is read, any other is refused and left as it is.

use super::{DATA_FILE, FORMAT, HOSTS, Identity, Loaded, META, OBJECTS, Storage, StorageError};
use kubarium_core::api::{Kind, Object};
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageBackend as _};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Everything is in the control plane's memory already, so the file needs little of its own.
const CACHE_BYTES: usize = 16 << 20;

/// Held locked while a server uses the directory.
const LOCK_FILE: &str = "lock";

/// Rows of a table of texts.
type Texts = Vec<(String, String)>;

/// Everything in a file: what it is, objects, Docker hosts.
type Rows = (Texts, Vec<(String, Vec<u8>)>, Texts);

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
        let lock = lock(dir, &path)?;
        let known = silently(|| examine(&path)).unwrap_or_else(|| Err(contradiction(&path)))?;
        let opened = silently(|| {
            let database = builder().create(&path).map_err(|e| wrong_file(&path, e))?;
            let loaded = match known {
                Some(loaded) => loaded,
                None => make(&database, &path, seed)?,
            };
            Ok((database, loaded))
        });
        let (database, loaded) = opened.unwrap_or_else(|| Err(contradiction(&path)))?;
        Ok((Self { database, path, _lock: lock }, loaded))
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn contradiction(path: &Path) -> StorageError {
    StorageError::Damaged { path: path.to_owned(), why: "its pages contradict each other".to_owned() }
}

/// The library may panic on a damaged file instead of saying so. None where it did.
fn silently<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
    result.ok()
}

/// Keeps a second server out for as long as the file is open.
fn lock(dir: &Path, path: &Path) -> Result<File, StorageError> {
    let unusable = |source| StorageError::Directory { path: dir.to_owned(), source };
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK_FILE)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Checks and reads a copy of the file in memory: to open a database is to write to it, and a damaged file must stay
/// as it is. None where there is nothing in it yet.
fn examine(path: &Path) -> Result<Option<Loaded>, StorageError> {
    let unreadable = |e: std::io::Error| StorageError::Unreadable { path: path.to_owned(), why: e.to_string() };
    let bytes = match std::fs::read(path) {
        Ok(bytes) if bytes.is_empty() => return Ok(None),
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    let copy = InMemoryBackend::new();
    copy.set_len(bytes.len() as u64).and_then(|()| copy.write(0, &bytes)).map_err(unreadable)?;
    drop(bytes);
    let mut database = builder().create_with_backend(copy).map_err(|e| wrong_file(path, e))?;
    // Every page's checksum, so that damage is found now and not by a later read.
    match database.check_integrity() {
        Ok(true) => {}
        Ok(false) => {
            return Err(StorageError::Damaged { path: path.to_owned(), why: "checksums differ".to_owned() });
        }
        Err(e) => return Err(wrong_file(path, e)),
    }
    let empty = || -> Result<bool, redb::Error> { Ok(database.begin_read()?.list_tables()?.next().is_none()) };
    match empty() {
        Ok(true) => Ok(None),
        Ok(false) => load(&database, path).map(Some),
        Err(e) => Err(StorageError::Damaged { path: path.to_owned(), why: e.to_string() }),
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
        DatabaseError::Storage(redb::StorageError::Io(e)) => match e.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => {
                StorageError::Damaged { path, why: "it is cut off".to_owned() }
            }
            _ => StorageError::Unreadable { path, why: e.to_string() },
        },
        other => StorageError::Damaged { path, why: other.to_string() },
    }
}

/// Gives a new cluster its identity and its tables.
fn make(database: &Database, path: &Path, seed: Option<u64>) -> Result<Loaded, StorageError> {
    let mut random = [0u8; 24];
    getrandom::fill(&mut random).map_err(|e| StorageError::Unreadable {
        path: path.to_owned(),
        why: format!("no random numbers to be had for a new cluster: {e}"),
    })?;
    let (id, number) = random.split_at(16);
    let cluster_id = crate::hex::hex(id);
    let seed = seed.unwrap_or_else(|| number.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    let write = || -> Result<(), redb::Error> {
        let txn = database.begin_write()?;
        {
            let mut meta = txn.open_table(META)?;
            txn.open_table(OBJECTS)?;
            txn.open_table(HOSTS)?;
            meta.insert("cluster", cluster_id.as_str())?;
            meta.insert("seed", seed.to_string().as_str())?;
            meta.insert("format", FORMAT)?;
        }
        txn.commit()?;
        Ok(())
    };
    write().map_err(|source| StorageError::Write { path: path.to_owned(), source: Box::new(source) })?;
    let identity = Identity { cluster_id, seed };
    Ok(Loaded { identity, revision: None, objects: Vec::new(), hosts: Vec::new() })
}

fn load(database: &Database, path: &Path) -> Result<Loaded, StorageError> {
    let damaged = |why: String| StorageError::Damaged { path: path.to_owned(), why };
    let read = || -> Result<Rows, redb::Error> {
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
    let object = Object::from_value(kind, &value).map_err(|e| e.to_string())?;
    if super::row_key(&object.key()) == key { Ok(object) } else { Err("filed under another name".to_owned()) }
}
