//! Tar files as engines take them: few entries, all of root.

use std::io::{Error, ErrorKind};
use tar::{Builder, EntryType, Header};

/// A file or a directory.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Below the root, or below where the file is unpacked.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) group: u32,
    /// What is in the file; none for a directory.
    pub(super) content: Option<&'a [u8]>,
}

/// A file of these entries. The error names the entry that cannot be in one.
pub(super) fn tar(entries: &[Entry<'_>]) -> Result<Vec<u8>, Error> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let content = entry.content.unwrap_or_default();
        let mut header = Header::new_ustar();
        header.set_entry_type(if entry.content.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(entry.group.into());
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, entry.path.trim_start_matches('/'), content)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, format!("{}: {error}", entry.path)))?;
    }
    builder.into_inner()
}
