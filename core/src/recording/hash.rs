//! One number for the whole state of a cluster.

use crate::api::Kind;
use crate::cluster::Cluster;
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

/// A hash (XXH3, 64 bits) over everything a cluster holds: its revision, every object, field by field, and the
/// schedulers' decisions. Equal states
/// have equal hashes on every machine.
pub fn state_hash(cluster: &Cluster) -> u64 {
    let mut hash = Xxh3::new();
    let store = cluster.store();
    hash.update(&store.revision().to_le_bytes());
    hash.update(&cluster.now().0.to_le_bytes());
    for kind in Kind::ALL {
        hash.update(&(kind as u64).to_le_bytes());
        for object in store.list(kind, None) {
            add(&mut hash, &object.to_value());
            if let Some(decision) = cluster.schedulers().decision(object.meta.uid) {
                hash.update(&decision.at.0.to_le_bytes());
                let chosen = decision.chosen.as_ref();
                let node = chosen.map(|c| c.node.to_string()).or_else(|| decision.message()).unwrap_or_default();
                add_text(&mut hash, b"d", &node);
                hash.update(&chosen.map_or(0, |c| c.feasible).to_le_bytes());
            }
        }
    }
    hash.digest()
}

/// Adds a value such that no two different ones add the same bytes. Maps go in the order of their keys.
fn add(hash: &mut Xxh3, value: &Value) {
    match value {
        Value::Null => hash.update(b"0"),
        Value::Bool(b) => hash.update(if *b { b"t" } else { b"f" }),
        Value::Number(n) => add_text(hash, b"n", &n.to_string()),
        Value::String(s) => add_text(hash, b"s", s),
        Value::Array(list) => {
            hash.update(b"[");
            for value in list {
                add(hash, value);
            }
            hash.update(b"]");
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            hash.update(b"{");
            for (key, value) in entries {
                add_text(hash, b"k", key);
                add(hash, value);
            }
            hash.update(b"}");
        }
    }
}

fn add_text(hash: &mut Xxh3, mark: &[u8], text: &str) {
    hash.update(mark);
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}
