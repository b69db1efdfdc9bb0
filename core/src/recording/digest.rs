//! What a hash is made from: bytes such that no two different values add the same, alike on every machine.

use crate::order;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How many bytes are gathered before they are hashed: what is added is mostly a few bytes.
const GATHERED_MAX: usize = 1 << 15;

/// A hash (XXH3, 64 bits) in the making.
#[derive(Default)]
pub(super) struct Digest {
    /// Of what was gathered and let go, where it was too much.
    hash: Option<Box<Xxh3>>,
    gathered: Vec<u8>,
    /// Hashes of shared parts by where they lie, which decides only whether a part is hashed again, never what is
    /// added for it. They outlive the digest, so that no place is used twice.
    shared: order::Map<usize, u64>,
}

impl Digest {
    /// The hash of all that was added since the last one was taken.
    pub(super) fn take(&mut self) -> u64 {
        let hash = match self.hash.take() {
            None => xxh3_64(&self.gathered),
            Some(mut hash) => {
                hash.update(&self.gathered);
                hash.digest()
            }
        };
        self.gathered.clear();
        hash
    }

    #[inline]
    fn add(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > GATHERED_MAX {
            self.let_go();
        }
        self.gathered.extend_from_slice(bytes);
    }

    fn let_go(&mut self) {
        self.hash.get_or_insert_default().update(&self.gathered);
        self.gathered.clear();
    }

    /// Adds a number.
    pub(super) fn number(&mut self, number: impl Into<i128>) {
        self.add(&number.into().to_le_bytes());
    }

    /// Adds a text.
    pub(super) fn text(&mut self, text: &str) {
        self.add(&(text.len() as u64).to_le_bytes());
        self.add(text.as_bytes());
    }

    /// Adds what may be there.
    pub(super) fn option<T>(&mut self, option: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.add(&[u8::from(option.is_some())]);
        if let Some(value) = option {
            add(self, value);
        }
    }

    /// Adds a text that may be there.
    pub(super) fn word(&mut self, text: Option<&str>) {
        self.option(text, Self::text);
    }

    /// Adds all items, and how many they are.
    pub(super) fn list<T>(&mut self, list: impl ExactSizeIterator<Item = T>, mut add: impl FnMut(&mut Self, T)) {
        self.add(&(list.len() as u64).to_le_bytes());
        for item in list {
            add(self, item);
        }
    }

    /// Adds a structure of Kubernetes', field by field.
    pub(super) fn structure(&mut self, structure: &impl Serialize) {
        self.value(&crate::api::encode(structure));
    }

    /// Adds the hash of a part that others may share.
    pub(super) fn shared<T>(&mut self, part: &Arc<T>, add: impl FnOnce(&mut Self, &T)) {
        let place = Arc::as_ptr(part).addr();
        let hash = self.shared.get(&place).copied().unwrap_or_else(|| {
            let mut digest = Self::default();
            add(&mut digest, part);
            let hash = digest.take();
            if Arc::strong_count(part) > 1 {
                self.shared.insert(place, hash);
            }
            hash
        });
        self.add(&hash.to_le_bytes());
    }

    /// Adds a JSON value.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.add(b"0"),
            Value::Bool(b) => self.add(if *b { b"t" } else { b"f" }),
            Value::Number(n) => {
                self.add(b"n");
                self.text(&n.to_string());
            }
            Value::String(s) => {
                self.add(b"s");
                self.text(s);
            }
            Value::Array(list) => {
                self.add(b"[");
                self.list(list.iter(), Self::value);
            }
            Value::Object(map) => self.map(map),
        }
    }

    /// Adds a JSON map, in the order of its keys.
    pub(super) fn map(&mut self, map: &Map<String, Value>) {
        let mut entries: Vec<_> = map.iter().collect();
        crate::order::sort_by(&mut entries, |(a, _), (b, _)| a.cmp(b));
        self.add(b"{");
        self.list(entries.into_iter(), |digest, (key, value)| {
            digest.text(key);
            digest.value(value);
        });
    }
}
