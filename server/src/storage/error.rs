//! What can be wrong with a data file, in words that say what to do.

use std::fmt;
use std::path::PathBuf;

/// A data file that cannot be used.
#[derive(Debug)]
#[expect(missing_docs, reason = "each says itself in its message")]
pub enum StorageError {
    Directory { path: PathBuf, source: std::io::Error },
    InUse { path: PathBuf },
    Unreadable { path: PathBuf, why: String },
    Damaged { path: PathBuf, why: String },
    Foreign { path: PathBuf, why: String },
    Newer { path: PathBuf, format: String },
    Write { path: PathBuf, source: Box<redb::Error> },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, source } => {
                write!(f, "--data-dir: cannot use {}: {source}", path.display())
            }
            Self::InUse { path } => {
                write!(f, "{} is in use by another kubarium; stop that one or give another --data-dir", path.display())
            }
            Self::Unreadable { path, why } => write!(f, "cannot read {}: {why}", path.display()),
            Self::Damaged { path, why } => write!(
                f,
                "{} is damaged ({why}); it was left as it is: put back a copy, or move it away to start a new cluster",
                path.display()
            ),
            Self::Foreign { path, why } => write!(
                f,
                "{} is not a data file of kubarium ({why}); it was left as it is: move it away, or give another \
                 --data-dir",
                path.display()
            ),
            Self::Newer { path, format } => write!(
                f,
                "{} has format {format}, which this version of kubarium does not know; use the version that wrote it",
                path.display()
            ),
            Self::Write { path, source } => write!(f, "cannot write to {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for StorageError {}
