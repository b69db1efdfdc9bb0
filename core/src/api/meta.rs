//! What every object has: name, uid, revision, labels, owners. Replicas share what they have in common.

use super::managed::{Managed, ManagedFields};
use super::{CommonName, Name};
use crate::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// Labels or annotations, shared between objects that have the same.
pub type Labels = Arc<BTreeMap<String, String>>;

/// A universally unique identifier, made from the cluster's seed. Its bits lie in halves, the high one first: a number of
/// 128 bits would have to lie at every sixteenth byte, and leave gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u128", into = "u128")]
pub struct Uid([u64; 2]);

impl Uid {
    /// The uid with these bits.
    pub const fn new(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }

    /// Its bits.
    pub const fn bits(self) -> u128 {
        (self.0[0] as u128) << 64 | self.0[1] as u128
    }

    /// Both halves of its bits, the high one first.
    pub(crate) const fn halves(self) -> [u64; 2] {
        self.0
    }

    /// A version 4 UUID from 128 random bits.
    pub const fn from_random(bits: u128) -> Self {
        Self::new(bits & !(0xf << 76) | (0x4 << 76) & !(0x3 << 62) | (0x2 << 62))
    }

    /// The uid of no object.
    pub const NIL: Self = Self([0, 0]);
}

impl Hash for Uid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.bits());
    }
}

impl From<u128> for Uid {
    fn from(bits: u128) -> Self {
        Self::new(bits)
    }
}

impl From<Uid> for u128 {
    fn from(uid: Uid) -> Self {
        uid.bits()
    }
}

/// Where the dashes of a uid are, and how long it is.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const UID_BYTES: usize = 36;

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit: every event of the cluster has its object's uid as text.
        let mut text = [b'-'; UID_BYTES];
        let mut rest = self.bits();
        for at in (0..UID_BYTES).rev().filter(|at| !DASHES.contains(at)) {
            text[at] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Uid {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let digit = |(at, byte): (usize, u8)| match char::from(byte).to_digit(16) {
            Some(digit) => Some(Some(digit)),
            None => (byte == b'-' && DASHES.contains(&at)).then_some(None),
        };
        let all = (s.len() == UID_BYTES).then(|| {
            s.bytes().enumerate().map(digit).try_fold((0u128, 0), |(uid, digits), digit| match digit? {
                Some(digit) => Some(((uid << 4) | u128::from(digit), digits + 1)),
                None => Some((uid, digits)),
            })
        });
        match all.flatten() {
            Some((uid, 32)) => Ok(Self::new(uid)),
            // Not as it is usually written.
            _ => u128::from_str_radix(&s.replace('-', ""), 16).map(Self::new),
        }
    }
}

/// That an object is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// When its grace period ends.
    pub at: Time,
    /// The grace period in seconds.
    pub grace_seconds: Option<i64>,
}

/// The rarer fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetaRest {
    /// The prefix the name was made from.
    pub generate_name: Option<String>,
    /// Who must let go before the object disappears.
    pub finalizers: Vec<String>,
    /// As the client wrote it; unused since Kubernetes 1.20.
    pub self_link: Option<String>,
}

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// Unique among its kind in its namespace.
    pub name: Name,
    /// Empty for kinds without namespaces.
    pub namespace: CommonName,
    /// Unique for all time.
    pub uid: Uid,
    /// Revision of the store at which it was last written.
    pub resource_version: u64,
    /// Counts changes of what is wanted; zero where Kubernetes keeps none.
    pub generation: i64,
    /// When it was created, whole seconds.
    pub created: Time,
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Owners; at most one of them is its controller.
    pub owners: Option<Arc<Vec<OwnerReference>>>,
    /// Whether and when it goes away.
    pub deletion: Option<Box<Deletion>>,
    /// Who wrote which field.
    pub managed: Managed,
    /// The rarer fields.
    pub rest: Option<Box<MetaRest>>,
}

/// Labels of a map, shared between all that are empty: most objects have neither labels nor annotations.
pub(crate) fn shared_labels(map: Option<BTreeMap<String, String>>) -> Labels {
    static EMPTY: OnceLock<Labels> = OnceLock::new();
    match map.filter(|m| !m.is_empty()) {
        Some(map) => Arc::new(map),
        None => Arc::clone(EMPTY.get_or_init(Labels::default)),
    }
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            name: Name::default(),
            namespace: CommonName::default(),
            uid: Uid::NIL,
            resource_version: 0,
            generation: 0,
            created: Time::EPOCH,
            labels: shared_labels(None),
            annotations: shared_labels(None),
            owners: None,
            deletion: None,
            managed: None,
            rest: None,
        }
    }
}

impl Meta {
    /// The owner that controls it.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owners.as_ref()?.iter().find(|o| o.controller == Some(true))
    }

    /// The uid of the owner that controls it.
    pub fn controller_uid(&self) -> Option<Uid> {
        self.controller()?.uid.parse().ok()
    }

    /// Finalizers that hold the object.
    pub fn finalizers(&self) -> &[String] {
        self.rest.as_ref().map_or(&[], |r| &r.finalizers)
    }

    /// The rarer fields, to be written.
    pub fn rest_mut(&mut self) -> &mut MetaRest {
        self.rest.get_or_insert_with(Box::default)
    }

    /// From Kubernetes' form. A uid or resource version that is not ours reads as none.
    pub fn from_k8s(meta: ObjectMeta) -> Self {
        let rest = MetaRest {
            generate_name: meta.generate_name,
            finalizers: meta.finalizers.unwrap_or_default(),
            self_link: meta.self_link,
        };
        let created = meta.creation_timestamp.as_ref().map(Time::from).unwrap_or_default();
        let managed = meta.managed_fields.map(|entries| {
            let mut managed = Vec::with_capacity(entries.len());
            managed.extend(entries.into_iter().filter_map(|entry| ManagedFields::from_k8s(entry, created)));
            Arc::new(managed)
        });
        Self {
            name: meta.name.unwrap_or_default().into(),
            namespace: meta.namespace.unwrap_or_default().into(),
            uid: meta.uid.and_then(|u| u.parse().ok()).unwrap_or_default(),
            resource_version: meta.resource_version.and_then(|v| v.parse().ok()).unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            created,
            labels: shared_labels(meta.labels),
            annotations: shared_labels(meta.annotations),
            owners: meta.owner_references.filter(|o| !o.is_empty()).map(Arc::new),
            deletion: meta
                .deletion_timestamp
                .as_ref()
                .map(|at| Box::new(Deletion { at: Time::from(at), grace_seconds: meta.deletion_grace_period_seconds })),
            managed,
            rest: (rest != MetaRest::default()).then(|| Box::new(rest)),
        }
    }

    /// As JSON, without who wrote which field.
    pub(crate) fn to_value(&self) -> Value {
        super::encode(&self.to_k8s())
    }

    fn to_k8s(&self) -> ObjectMeta {
        let text = |s: &Name| (!s.is_empty()).then(|| s.to_string());
        let map = |m: &Labels| (!m.is_empty()).then(|| BTreeMap::clone(m));
        let rest = self.rest.as_deref();
        ObjectMeta {
            name: text(&self.name),
            namespace: text(&self.namespace),
            uid: (self.uid != Uid::NIL).then(|| self.uid.to_string()),
            resource_version: (self.resource_version != 0).then(|| self.resource_version.to_string()),
            generation: (self.generation != 0).then_some(self.generation),
            creation_timestamp: (self.created != Time::EPOCH).then(|| self.created.to_meta()),
            labels: map(&self.labels),
            annotations: map(&self.annotations),
            owner_references: self.owners.as_deref().cloned(),
            deletion_timestamp: self.deletion.as_ref().map(|d| d.at.to_meta()),
            deletion_grace_period_seconds: self.deletion.as_ref().and_then(|d| d.grace_seconds),
            generate_name: rest.and_then(|r| r.generate_name.clone()),
            finalizers: rest.map(|r| r.finalizers.clone()).filter(|f| !f.is_empty()),
            // They are written out apart, see `managed_text`.
            managed_fields: None,
            self_link: rest.and_then(|r| r.self_link.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Uid;

    #[test]
    fn uids_are_written_as_uuids_and_read_back() {
        let uid = Uid::new(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(uid.to_string(), "01234567-89ab-cdef-0011-223344556677");
        assert_eq!(Uid::NIL.to_string(), "00000000-0000-0000-0000-000000000000");
        for text in ["01234567-89ab-cdef-0011-223344556677", "0123456789abcdef0011223344556677"] {
            assert_eq!(text.parse(), Ok(uid), "{text}");
        }
        assert!("node-1".parse::<Uid>().is_err());
        assert!("0123456z-89ab-cdef-0011-223344556677".parse::<Uid>().is_err());
    }
}
