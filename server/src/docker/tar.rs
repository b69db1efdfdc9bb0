//! Tar files (ustar) as engines take them: few entries, all of root.

const BLOCK: usize = 512;

/// The largest number that fits a field for an owner.
const OCTAL_MAX: u32 = 0o7_777_777;

/// A file or a directory.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Below the root, or below where the file is unpacked; at most 100 bytes.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) group: u32,
    /// What is in the file; none for a directory.
    pub(super) content: Option<&'a [u8]>,
}

/// A file of these entries.
pub(super) fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let content = entry.content.unwrap_or_default();
        let mut header = [0u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        let path = entry.path.trim_start_matches('/').as_bytes();
        put(0, &path[..path.len().min(100)]);
        put(100, format!("{:07o}\0", entry.mode).as_bytes());
        put(108, b"0000000\0");
        if entry.group <= OCTAL_MAX {
            put(116, format!("{:07o}\0", entry.group).as_bytes());
        } else {
            // A first bit says that the rest is binary.
            put(116, &[0x80, 0, 0, 0]);
            put(120, &entry.group.to_be_bytes());
        }
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, if entry.content.is_some() { b"0" } else { b"5" });
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(header);
        tar.extend(content);
        // The content is filled up to a block.
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    // Two empty blocks end the file.
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}
