//! Tar files as engines take them: few entries, all of root.

use std::io::{Error, ErrorKind};
use tar::{Builder, EntryType, Header};

/// What an entry is.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Directory,
    /// What is in the file.
    File(&'a [u8]),
    /// Where the symbolic link leads.
    Link(&'a str),
}

/// A file, a directory or a link.
pub(super) struct Entry<'a> {
    /// Below the root, or below where the file is unpacked.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) group: u32,
    pub(super) content: Content<'a>,
}

/// A file of these entries. The error names the entry that cannot be in one.
pub(super) fn tar(entries: &[Entry<'_>]) -> Result<Vec<u8>, Error> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let path = entry.path.trim_start_matches('/');
        let (kind, content) = match entry.content {
            Content::Directory => (EntryType::Directory, &[][..]),
            Content::File(content) => (EntryType::Regular, content),
            Content::Link(_) => (EntryType::Symlink, &[][..]),
        };
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(entry.group.into());
        header.set_size(content.len() as u64);
        let added = match entry.content {
            Content::Link(target) => builder.append_link(&mut header, path, target),
            _ => builder.append_data(&mut header, path, content),
        };
        added.map_err(|error| Error::new(ErrorKind::InvalidInput, format!("{}: {error}", entry.path)))?;
    }
    builder.into_inner()
}
