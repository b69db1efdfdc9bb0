//! Data files that were spoilt: a server that opens one says so, or has everything in it; it never panics and never
//! forgets in silence.
//!
//! Seeded: the same damage each time. `KUBARIUM_FUZZ_SECONDS=60 cargo test --release --test storage_fuzz -- --nocapture`
//! goes on for so long and prints how many files it took.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium::storage::{Batch, DATA_FILE, Storage};
use kubarium_core::Rng;
use kubarium_core::api::{Kind, Object};
use kubarium_tests::server::Directory;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FILES: u64 = 60;

/// A file with some history: objects written, changed and removed in many commits, and a Docker host.
fn good(dir: &Path) {
    let (storage, _) = Storage::open(dir, Some(7)).unwrap();
    for revision in 1..=60_u64 {
        let name = format!("p{}", revision % 20);
        let pod = json!({"metadata": {"name": name, "namespace": "default", "uid": format!("00000000-0000-4000-8000-{revision:012}"),
                         "resourceVersion": revision.to_string()},
                         "spec": {"containers": [{"name": "c", "image": "x".repeat(revision as usize * 7)}]}});
        let object = Arc::new(Object::from_value(Kind::Pod, &pod).unwrap());
        let kept = (revision % 7 != 0).then(|| Arc::clone(&object));
        storage.commit(&Batch { revision, objects: vec![(object.key(), kept)], complete: false }).unwrap();
    }
    storage.set_host("a", Some("tcp://10.0.0.2:2375")).unwrap();
}

/// The revision, the objects and the hosts of a data file.
type Content = (Option<u64>, BTreeSet<String>, Vec<(String, String)>);

/// What opening a directory comes to: everything in it, or why not.
fn open(dir: &Path) -> Result<Content, String> {
    let opened = std::panic::catch_unwind(|| Storage::open(dir, None));
    let (_storage, loaded) = opened.expect("opening does not panic").map_err(|e| e.to_string())?;
    let objects = loaded.objects.iter().map(|o| o.to_value().to_string()).collect();
    Ok((loaded.revision, objects, loaded.hosts))
}

fn spoil(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    let at = rng.below(bytes.len() as u64) as usize;
    let end = (at + 1 + rng.below(600) as usize).min(bytes.len());
    match rng.below(6) {
        0 => {
            bytes.truncate(at);
            format!("cut off at {at}")
        }
        1 => {
            bytes[at..end].fill(0);
            format!("zeroes from {at} to {end}")
        }
        2 => {
            let piece = bytes[at..end].to_vec();
            let to = rng.below((bytes.len() - piece.len()) as u64) as usize;
            bytes[to..to + piece.len()].copy_from_slice(&piece);
            format!("{at} to {end} copied to {to}")
        }
        3 => {
            let near = rng.below(1024.min(bytes.len() as u64)) as usize;
            bytes[near] ^= 1 << rng.below(8);
            format!("a bit of the header's byte {near}")
        }
        4 => {
            bytes.extend(vec![0xa5; end - at]);
            format!("{} bytes more", end - at)
        }
        _ => {
            let bits = 1 + rng.below(3);
            for _ in 0..bits {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << rng.below(8);
            }
            format!("{bits} bits")
        }
    }
}

#[test]
fn a_spoilt_data_file_is_refused_or_whole() {
    let data = Directory::new().unwrap();
    good(data.path());
    let file = data.join(DATA_FILE);
    let bytes = std::fs::read(&file).unwrap();
    let whole = open(data.path()).unwrap();
    assert_eq!((whole.0, whole.1.len(), whole.2.len()), (Some(60), 17, 1));
    let begun = Instant::now();
    let limit = std::env::var("KUBARIUM_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).map(Duration::from_secs);
    let (mut files, mut refused) = (0, 0);
    let mut lost = Vec::new();
    while limit.map_or(files < FILES, |limit| begun.elapsed() < limit) {
        let mut rng = Rng::new(files, "data file");
        let mut spoilt = bytes.clone();
        let damage = spoil(&mut rng, &mut spoilt);
        std::fs::write(&file, &spoilt).unwrap();
        match open(data.path()) {
            Ok(seen) if seen == whole => {}
            Ok(seen) => lost.push(format!("file {files}, {damage}: {} objects at {:?}", seen.1.len(), seen.0)),
            Err(why) => {
                refused += 1;
                assert!(why.contains(file.to_str().unwrap()) && !why.contains('\n'), "file {files}, {damage}: {why}");
                assert!(std::fs::read(&file).unwrap() == spoilt, "file {files}, {damage}: it was written to");
            }
        }
        files += 1;
    }
    println!("data file: {files} files, {refused} refused, {} not whole", lost.len());
    assert!(lost.is_empty(), "forgotten in silence:\n{}", lost.join("\n"));
    assert!(refused > 0 && refused < files, "{refused} of {files} were refused");
}
