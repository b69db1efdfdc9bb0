//! Sets of fields, in the form Kubernetes calls `FieldsV1`: a tree of maps whose keys are `f:` and a field's name, `k:`
//! and the keys of a list's item, `v:` and a value of a list, or `i:` and an index. What is in the set has an empty map,
//! or, where something below it is in the set too, a `.` among that.
//!
//! Source of the rules: upstream's `structured-merge-diff`. Knows neither types nor managers.

use super::query::quoted;
use crate::order;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

const SELF: &str = ".";
/// In a set that another is held against: every key.
pub(super) const ANY: &str = "*";

type Nodes = Map<String, Value>;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Nodes);

/// How two sets become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// What is in either.
    Either,
    /// What is in both.
    Both,
    /// What is in the first only.
    First,
    /// What is in the first, and neither in the second nor below what is.
    FirstAndNotBelow,
    /// What is in the first, and in the second or below what is; [`ANY`] in the second stands for every key.
    Within,
}

fn is_member(node: &Value) -> bool {
    node.as_object().is_some_and(|node| node.is_empty() || node.contains_key(SELF))
}

fn children(node: &Value) -> Option<&Nodes> {
    node.as_object().filter(|node| !node.is_empty())
}

/// A node of the tree, unless nothing is in it.
fn node(member: bool, mut below: Nodes) -> Option<Value> {
    if member && !below.is_empty() {
        below.insert(SELF.to_owned(), json!({}));
    }
    (member || !below.is_empty()).then_some(Value::Object(below))
}

fn combine(a: &Nodes, b: &Nodes, rule: Rule) -> Nodes {
    let mut all = Nodes::new();
    for (key, mine) in a.iter().filter(|(key, _)| *key != SELF) {
        let other = b.get(key).or_else(|| b.get(ANY).filter(|_| rule == Rule::Within));
        let combined = match other {
            None if matches!(rule, Rule::Both | Rule::Within) => None,
            None => Some(mine.clone()),
            Some(other) => combine_nodes(mine, other, rule),
        };
        if let Some(combined) = combined {
            all.insert(key.clone(), combined);
        }
    }
    if rule == Rule::Either {
        for (key, other) in b.iter().filter(|(key, _)| *key != SELF && !a.contains_key(*key)) {
            all.insert(key.clone(), other.clone());
        }
    }
    all
}

fn combine_nodes(mine: &Value, other: &Value, rule: Rule) -> Option<Value> {
    let member = match rule {
        Rule::FirstAndNotBelow if is_member(other) => return None,
        Rule::Within if is_member(other) => return Some(mine.clone()),
        Rule::Within => false,
        Rule::Either => is_member(mine) || is_member(other),
        Rule::Both => is_member(mine) && is_member(other),
        Rule::First | Rule::FirstAndNotBelow => is_member(mine) && !is_member(other),
    };
    let none = Nodes::new();
    node(member, combine(children(mine).unwrap_or(&none), children(other).unwrap_or(&none), rule))
}

impl Fields {
    /// The set of these paths; each is the keys on the way to a field.
    pub(super) fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(path.iter().map(|key| (*key).to_owned()));
        }
        set
    }

    /// From JSON, brought into the one form there is for a set. None where it is no set.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        read(value.as_object()?).map(|(nodes, _)| Self(nodes))
    }

    /// From JSON written out.
    pub(super) fn from_text(text: &str) -> Self {
        serde_json::from_str(text).map(Self).unwrap_or_default()
    }

    /// As JSON, written out.
    pub(super) fn into_text(self) -> String {
        Value::Object(self.0).to_string()
    }

    /// Adds a field.
    pub(super) fn insert(&mut self, path: impl IntoIterator<Item = String>) {
        let mut path = path.into_iter().peekable();
        let mut nodes = &mut self.0;
        while let Some(key) = path.next() {
            let is_new = !nodes.contains_key(&key);
            let Value::Object(below) = nodes.entry(key).or_insert_with(|| json!({})) else { return };
            let last = path.peek().is_none();
            // A node that was there and has nothing below is in the set itself.
            let marked = if last { !below.is_empty() } else { !is_new && below.is_empty() };
            if marked {
                below.insert(SELF.to_owned(), json!({}));
            }
            nodes = below;
        }
    }

    /// Everything of a document below `key`, taken from another set.
    pub(super) fn graft(&mut self, key: &str, below: &Self) {
        if !below.is_empty() {
            self.0.insert(key.to_owned(), Value::Object(below.0.clone()));
        }
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the field of that key is in it.
    pub(super) fn has(&self, key: &str) -> bool {
        key != SELF && self.0.get(key).is_some_and(is_member)
    }

    /// What is in it below a key.
    pub(super) fn below(&self, key: &str) -> Self {
        let mut below = self.0.get(key).and_then(children).cloned().unwrap_or_default();
        below.remove(SELF);
        Self(below)
    }

    /// The keys below which something is, or that are in it.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|key| *key != SELF)
    }

    /// What is in either.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Rule::Either))
    }

    /// What is in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Rule::Both))
    }

    /// What is in it and not in the other.
    pub(super) fn difference(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Rule::First))
    }

    /// What is in it and neither in the other nor below what is.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Rule::FirstAndNotBelow))
    }

    /// What is in it and in the other, or below what is.
    pub(super) fn within(&self, other: &Self) -> Self {
        Self(combine(&self.0, &other.0, Rule::Within))
    }

    /// Whether anything is in it that has nothing below: more than the mere frame of what others own.
    pub(super) fn has_leaves(&self) -> bool {
        fn leaf(node: &Value) -> bool {
            children(node).is_none_or(|below| below.iter().any(|(key, node)| key != SELF && leaf(node)))
        }
        self.0.values().any(leaf)
    }

    /// The paths of all that is in it, as people read them, in upstream's order: of what lies side by side first what is
    /// in the set, then what is below it.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        list(&self.0, "", &mut paths);
        paths
    }
}

fn list(nodes: &Nodes, prefix: &str, paths: &mut Vec<String>) {
    let mut keys: Vec<&String> = nodes.keys().filter(|key| *key != SELF).collect();
    order::sort_by(&mut keys, |a, b| compare(a, b));
    for key in keys.iter().filter(|key| nodes.get(**key).is_some_and(is_member)) {
        paths.push(format!("{prefix}{}", shown(key)));
    }
    for key in keys {
        if let Some(below) = nodes.get(key).and_then(children) {
            list(below, &format!("{prefix}{}", shown(key)), paths);
        }
    }
}

/// Reads a level of the tree: what is on it, and whether it names itself.
fn read(map: &Nodes) -> Option<(Nodes, bool)> {
    let mut nodes = Nodes::new();
    for (key, value) in map.iter().filter(|(key, _)| *key != SELF) {
        let key = match key.split_at_checked(2)? {
            ("f:", _) => key.clone(),
            ("k:", rest) => item(&serde_json::from_str(rest).ok()?),
            ("v:", rest) => self::value(&serde_json::from_str(rest).ok()?),
            ("i:", rest) => format!("i:{}", rest.parse::<i64>().ok()?),
            // Some later version may know it.
            (kind, _) if kind.ends_with(':') => continue,
            _ => return None,
        };
        let (below, names_itself) = read(value.as_object()?)?;
        if let Some(node) = node(names_itself || below.is_empty(), below) {
            nodes.insert(key, node);
        }
    }
    Some((nodes, map.contains_key(SELF)))
}

/// JSON as Go writes it.
fn go_json(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The key of a field.
pub(super) fn field(name: &str) -> String {
    format!("f:{name}")
}

/// The key of a list's item with these keys of its own.
pub(super) fn item(keys: &Nodes) -> String {
    format!("k:{}", go_json(&Value::Object(keys.clone())))
}

/// The key of a value of a list.
pub(super) fn value(value: &Value) -> String {
    format!("v:{}", go_json(value))
}

fn parts(key: &str) -> (u8, Value) {
    let (kind, rest) = key.split_at_checked(2).unwrap_or((key, ""));
    let read = || serde_json::from_str(rest).unwrap_or_default();
    match kind {
        "f:" => (0, rest.into()),
        "k:" => (1, read()),
        "v:" => (2, read()),
        _ => (3, read()),
    }
}

/// Upstream's order of keys: fields, then items, values and indices; numbers by size.
fn compare(a: &str, b: &str) -> Ordering {
    let ((kind, a), (other, b)) = (parts(a), parts(b));
    kind.cmp(&other).then_with(|| compare_values(&a, &b))
}

fn compare_values(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        _ => 3,
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default())
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Object(a), Value::Object(b)) => {
            let differing = a.iter().zip(b).map(|((k, x), (l, y))| k.cmp(l).then_with(|| compare_values(x, y)));
            differing.into_iter().find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// A key as people read it, such as `.spec` or `[name="c"]`.
pub(super) fn shown(key: &str) -> String {
    let scalar = |value: &Value| match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    };
    match parts(key) {
        (0, name) => format!(".{}", name.as_str().unwrap_or_default()),
        (1, Value::Object(keys)) => {
            let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={}", scalar(value))).collect();
            format!("[{}]", keys.join(","))
        }
        (2, value) => format!("[={}]", scalar(&value)),
        (_, index) => format!("[{index}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Fields {
        Fields::parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn sets_are_combined_as_upstream_combines_them() {
        let spec = r#"{"f:spec":{".":{},"f:a":{},"f:b":{"f:c":{}}}}"#;
        for (operation, left, right, expected) in [
            ("union", spec, r#"{"f:spec":{"f:b":{}}}"#, r#"{"f:spec":{".":{},"f:a":{},"f:b":{".":{},"f:c":{}}}}"#),
            ("intersection", spec, r#"{"f:spec":{"f:a":{},"f:x":{}}}"#, r#"{"f:spec":{"f:a":{}}}"#),
            ("intersection", spec, r#"{"f:spec":{}}"#, r#"{"f:spec":{}}"#),
            // A field goes, what is below it stays.
            ("difference", spec, r#"{"f:spec":{}}"#, r#"{"f:spec":{"f:a":{},"f:b":{"f:c":{}}}}"#),
            ("difference", spec, r#"{"f:spec":{".":{},"f:a":{}}}"#, r#"{"f:spec":{"f:b":{"f:c":{}}}}"#),
            ("difference", r#"{"f:a":{}}"#, r#"{"f:a":{"f:b":{}}}"#, r#"{"f:a":{}}"#),
            ("difference", r#"{"f:a":{"f:b":{}}}"#, r#"{"f:a":{"f:b":{}}}"#, "{}"),
            // A field goes with all that is below it.
            ("without", spec, r#"{"f:spec":{"f:b":{}}}"#, r#"{"f:spec":{".":{},"f:a":{}}}"#),
            ("without", spec, r#"{"f:spec":{}}"#, "{}"),
        ] {
            let (left, right) = (set(left), set(right));
            let got = match operation {
                "union" => left.union(&right),
                "intersection" => left.intersection(&right),
                "difference" => left.difference(&right),
                _ => left.without(&right),
            };
            assert_eq!(got.into_text(), expected, "{operation} of {left:?} and {right:?}");
        }
    }

    #[test]
    fn paths_are_read_and_listed_in_the_order_of_upstream() {
        let ports = r#"{"f:spec":{"f:ports":{
            "k:{\"protocol\":\"TCP\", \"port\":443}":{".":{},"f:port":{}},
            "k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{}}},
            "f:finalizers":{".":{},"v:\"x\"":{}}},"f:kind":{},"z:later":{}}"#;
        assert_eq!(
            set(ports).paths(),
            [
                ".kind",
                ".spec.finalizers",
                ".spec.finalizers[=\"x\"]",
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=443,protocol=\"TCP\"]",
                ".spec.ports[port=443,protocol=\"TCP\"].port",
            ]
        );
        for broken in [r#"{"f":{}}"#, r#"{"spec":{}}"#, r#"{"k:{":{}}"#, r#"{"i:x":{}}"#, r#"{"f:a":1}"#] {
            assert_eq!(Fields::parse(&serde_json::from_str(broken).unwrap()), None, "{broken}");
        }
    }

    #[test]
    fn fields_are_inserted_above_and_below_others() {
        let mut set = Fields::default();
        for path in [&["f:a", "f:b"][..], &["f:a"], &["f:a", "f:b", "f:c"], &["f:a", "f:b"]] {
            set.insert(path.iter().map(|key| (*key).to_owned()));
        }
        assert_eq!(set.clone().into_text(), r#"{"f:a":{".":{},"f:b":{".":{},"f:c":{}}}}"#);
        assert!(set.has("f:a") && set.below("f:a").has("f:b") && !set.below("f:a").has("f:c"));
    }
}
