//! Documents read through their schema for server-side apply: which fields are in them, in what two of them differ,
//! what becomes of them when one is laid over the other, and what is left when fields are taken away.
//!
//! Source of the rules: upstream's `structured-merge-diff`.

use super::fields::{self, Fields};
use super::schema::{self, Parts, Type};
use super::scope::Scope;
use crate::order;
use serde_json::{Map, Value};

/// What a place in a document is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A single value.
    Leaf(&'static Type),
    /// One as a whole, whatever is in it.
    Whole(&'static Type),
    /// A structure with fields of its own owners.
    Struct(&'static schema::Fields),
    /// A map whose entries have owners of their own.
    Map(&'static Type),
    /// A list whose values have owners of their own.
    Values(&'static Type),
    /// A list whose items have owners of their own, known by these fields.
    Items(&'static [&'static str], &'static Type),
}

fn shape(holds: &'static Type, parts: &'static Parts) -> Shape {
    match (holds, parts) {
        (_, Parts::Whole) | (Type::Raw, _) | (Type::List(_), Parts::Usual) => Shape::Whole(holds),
        (Type::List(item), Parts::Values) => Shape::Values(item),
        (Type::List(item), Parts::Items(keys)) => Shape::Items(keys, item),
        (Type::Map(item), _) => Shape::Map(item),
        (Type::Struct(name), _) if schema::is_whole(name) => Shape::Whole(holds),
        (Type::Struct(name), _) => schema::types().get(name).map_or(Shape::Whole(holds), Shape::Struct),
        _ => Shape::Leaf(holds),
    }
}

/// The shape of a document of a kind.
pub(super) fn document(kind: &str) -> Option<Shape> {
    schema::types().get(kind).map(Shape::Struct)
}

/// The shape of what stands in no field of its own.
pub(super) fn plain(holds: &'static Type) -> Shape {
    shape(holds, USUAL)
}

const USUAL: &Parts = &Parts::Usual;
const TEXT: &Type = &Type::Text;

impl Shape {
    /// The shape of a field or an entry; none for a field that is not declared.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        match self {
            Self::Struct(fields) => fields.get(name).map(|field| shape(&field.holds, &field.parts)),
            Self::Map(item) => Some(plain(item)),
            _ => None,
        }
    }

    /// The shape of a list's items.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Values(item) | Self::Items(_, item) => plain(item),
            other => other,
        }
    }

    /// The same for a document's own `apiVersion` and `kind`, which its schema does not list.
    fn child_or_text(self, name: &str) -> Self {
        self.child(name).unwrap_or(Self::Leaf(TEXT))
    }
}

fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object).filter(|map| !map.is_empty())
}

/// The entries of two maps, by name.
fn both<'v>(
    one: Option<&'v Map<String, Value>>,
    other: Option<&'v Map<String, Value>>,
) -> Vec<(&'v String, Option<&'v Value>, Option<&'v Value>)> {
    let mut all = Vec::new();
    for (name, value) in one.into_iter().flatten() {
        all.push((name, Some(value), other.and_then(|map| map.get(name))));
    }
    for (name, value) in other.into_iter().flatten() {
        if one.is_none_or(|map| !map.contains_key(name)) {
            all.push((name, None, Some(value)));
        }
    }
    all
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The key of a list's item. The error is what upstream says of an item that has none.
pub(super) fn element(shape: Shape, item: &Value) -> Result<String, &'static str> {
    match (shape, item) {
        (Shape::Items(..), Value::Null) => Err("associative list with keys may not have a null element"),
        (Shape::Items(keys, _), Value::Object(map)) => {
            let mut own = Map::new();
            for key in keys {
                let declared = shape.item().child(key);
                // A key that is not said has its default.
                let default = match declared {
                    _ if *key == "protocol" => "TCP".into(),
                    Some(Shape::Leaf(Type::Int32 | Type::Int64)) => 0.into(),
                    _ => "".into(),
                };
                own.insert((*key).to_owned(), map.get(*key).cloned().unwrap_or(default));
            }
            Ok(fields::item(&own))
        }
        (Shape::Items(..), _) => Err("associative list with keys may not have non-map elements"),
        (_, Value::Object(_)) => Err("associative list without keys has an element that's a map type"),
        (_, Value::Array(_)) => Err("not supported: associative list with lists as elements"),
        (_, Value::Null) => Err("associative list without keys has an element that's an explicit null"),
        (_, value) => Ok(fields::value(value)),
    }
}

/// The items of a list by their keys, and the keys in the order in which they first came.
fn index(shape: Shape, list: &[Value]) -> (Vec<String>, order::Map<String, Vec<&Value>>) {
    let (mut order, mut found) = (Vec::new(), order::Map::<String, Vec<&Value>>::new());
    for item in list {
        let Ok(key) = element(shape, item) else { continue };
        let same = found.entry(key.clone()).or_default();
        if same.is_empty() {
            order.push(key);
        }
        same.push(item);
    }
    (order, found)
}

/// The path on which a walk is.
#[derive(Default)]
struct Walk {
    path: Vec<String>,
}

impl Walk {
    fn at<T>(&mut self, key: String, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key);
        let result = visit(self);
        self.path.pop();
        result
    }

    fn mark(&self, set: &mut Fields) {
        set.insert(self.path.iter().cloned());
    }
}

/// The fields a document names: each value, and each item of a list.
pub(super) fn fields_of(shape: Shape, value: &Value) -> Fields {
    let mut set = Fields::default();
    name_fields(shape, value, &mut Walk::default(), &mut set);
    set
}

fn name_fields(shape: Shape, value: &Value, walk: &mut Walk, set: &mut Fields) {
    match shape {
        Shape::Leaf(_) | Shape::Whole(_) => walk.mark(set),
        Shape::Struct(_) | Shape::Map(_) => {
            for (name, value) in entries(Some(value)).into_iter().flatten() {
                walk.at(fields::field(name), |walk| {
                    name_fields(shape.child_or_text(name), value, walk, set);
                    let nothing = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                    if nothing || matches!(shape, Shape::Map(_)) {
                        walk.mark(set);
                    }
                });
            }
        }
        Shape::Values(_) | Shape::Items(..) => {
            let (order, found) = index(shape, items(Some(value)));
            for key in order {
                let same = found.get(&key).map(Vec::as_slice).unwrap_or_default();
                walk.at(key, |walk| {
                    if let [only] = same {
                        name_fields(shape.item(), only, walk, set);
                    }
                    walk.mark(set);
                });
            }
        }
    }
}

/// In what two documents differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    /// What the first has alone.
    pub(super) removed: Fields,
    /// What both have, with other values.
    pub(super) modified: Fields,
    /// What the second has alone.
    pub(super) added: Fields,
}

impl Comparison {
    /// What the second has otherwise than the first, or alone.
    pub(super) fn written(&self) -> Fields {
        self.modified.union(&self.added)
    }

    /// The same of the fields that are written some way.
    pub(super) fn of(&self, scope: &Scope) -> Self {
        Self { removed: scope.of(&self.removed), modified: scope.of(&self.modified), added: scope.of(&self.added) }
    }
}

/// Compares two documents.
pub(super) fn compare(shape: Shape, old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    compare_at(shape, Some(old), Some(new), &mut Walk::default(), &mut comparison);
    comparison
}

fn compare_at(shape: Shape, old: Option<&Value>, new: Option<&Value>, walk: &mut Walk, found: &mut Comparison) {
    // Most of what is compared is equal.
    if old == new {
        return;
    }
    let is_leaf = match shape {
        Shape::Leaf(_) | Shape::Whole(_) => true,
        Shape::Struct(_) | Shape::Map(_) => entries(old).is_none() && entries(new).is_none(),
        Shape::Values(_) | Shape::Items(..) => items(old).is_empty() && items(new).is_empty(),
    };
    match (old, new) {
        (None, _) => walk.mark(&mut found.added),
        (_, None) => walk.mark(&mut found.removed),
        (Some(old), Some(new)) if is_leaf && old != new => walk.mark(&mut found.modified),
        _ => {}
    }
    if is_leaf {
        return;
    }
    if let Shape::Values(_) | Shape::Items(..) = shape {
        return compare_lists(shape, items(old), items(new), walk, found);
    }
    for (name, before, after) in both(entries(old), entries(new)) {
        walk.at(fields::field(name), |walk| compare_at(shape.child_or_text(name), before, after, walk, found));
    }
}

fn compare_lists(shape: Shape, old: &[Value], new: &[Value], walk: &mut Walk, found: &mut Comparison) {
    let ((mut order, old), (also, new)) = (index(shape, old), index(shape, new));
    order.extend(also.into_iter().filter(|key| !old.contains_key(key)));
    for key in order {
        let before = old.get(&key).map(Vec::as_slice).unwrap_or_default();
        let after = new.get(&key).map(Vec::as_slice).unwrap_or_default();
        walk.at(key, |walk| match (before, after) {
            ([] | [_], [] | [_]) => {
                compare_at(shape.item(), before.first().copied(), after.first().copied(), walk, found);
            }
            // Of items with the same key all are one.
            ([_, _, ..], [_, _, ..]) => {
                if before != after {
                    walk.mark(&mut found.modified);
                }
            }
            ([_, _, ..], _) => {
                if let Some(after) = after.first() {
                    compare_at(shape.item(), None, Some(after), walk, found);
                }
                walk.mark(&mut found.removed);
            }
            (_, _) => {
                if let Some(before) = before.first() {
                    compare_at(shape.item(), Some(before), None, walk, found);
                }
                walk.mark(&mut found.added);
            }
        });
    }
}

/// A document with another laid over it: what both have is the other's.
pub(super) fn merge(shape: Shape, under: &Value, over: &Value) -> Value {
    merge_at(shape, Some(under), Some(over)).unwrap_or_default()
}

fn merge_at(shape: Shape, under: Option<&Value>, over: Option<&Value>) -> Option<Value> {
    match shape {
        Shape::Struct(_) | Shape::Map(_) if entries(under).is_some() || entries(over).is_some() => {
            let mut merged = Map::new();
            for (name, under, over) in both(entries(under), entries(over)) {
                if let Some(value) = merge_at(shape.child_or_text(name), under, over) {
                    merged.insert(name.clone(), value);
                }
            }
            (!merged.is_empty()).then_some(Value::Object(merged))
        }
        Shape::Values(_) | Shape::Items(..) if !items(under).is_empty() || !items(over).is_empty() => {
            let merged = merge_lists(shape, items(under), items(over));
            (!merged.is_empty()).then_some(Value::Array(merged))
        }
        _ => over.or(under).cloned(),
    }
}

/// Items in the order of the upper list, those of the lower one alone where they were between them.
fn merge_lists(shape: Shape, under: &[Value], over: &[Value]) -> Vec<Value> {
    let keys = |list: &[Value]| list.iter().filter_map(|item| element(shape, item).ok()).collect::<Vec<_>>();
    let (lower, upper) = (keys(under), keys(over));
    let (_, below) = index(shape, under);
    let (_, above) = index(shape, over);
    // Of several with one key none can be told from the others.
    let single = |key: &str| match below.get(key).map(Vec::as_slice) {
        Some([only]) => Some(*only),
        _ => None,
    };
    let laid = |key: &str| merge_at(shape.item(), single(key), above.get(key).and_then(|found| found.first()).copied());
    let mut shared = upper.iter().filter(|key| below.contains_key(*key));
    let mut next = shared.next();
    let (mut merged, mut done) = (Vec::new(), Vec::new());
    let (mut l, mut u) = (0, 0);
    while l < lower.len() || u < upper.len() {
        if let (Some(key), Some(other)) = (lower.get(l), upper.get(u)) {
            if key == other {
                done.push(key);
                merged.extend(laid(key));
                l += 1;
                u += 1;
                next = shared.next();
                continue;
            }
            if above.contains_key(key) && next.is_some_and(|next| next != key) {
                // Its turn comes when that of the upper list comes.
                l += 1;
                continue;
            }
        }
        if let (Some(key), Some(item)) = (lower.get(l), under.get(l)) {
            if !above.contains_key(key) {
                merged.extend(merge_at(shape.item(), Some(item), None));
                l += 1;
                continue;
            }
            if done.contains(&key) {
                l += 1;
            }
        }
        if let Some(key) = upper.get(u) {
            done.push(key);
            merged.extend(laid(key));
            u += 1;
            if next == Some(key) {
                next = shared.next();
            }
        }
    }
    merged
}

/// A document without some fields. What nothing is left of becomes null.
pub(super) fn remove(shape: Shape, value: &Value, gone: &Fields) -> Value {
    match (shape, value) {
        (Shape::Leaf(_), value) => value.clone(),
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            let mut left = Map::new();
            for (name, value) in map {
                let key = fields::field(name);
                if gone.has(&key) {
                    continue;
                }
                let below = gone.below(&key);
                let value =
                    if below.is_empty() { value.clone() } else { remove(shape.child_or_text(name), value, &below) };
                left.insert(name.clone(), value);
            }
            if left.is_empty() { Value::Null } else { Value::Object(left) }
        }
        (Shape::Values(_) | Shape::Items(..), Value::Array(list)) => {
            let mut left = Vec::new();
            for item in list {
                let Ok(key) = element(shape, item) else { continue };
                if gone.has(&key) {
                    continue;
                }
                let below = gone.below(&key);
                left.push(if below.is_empty() { item.clone() } else { remove(shape.item(), item, &below) });
            }
            if left.is_empty() { Value::Null } else { Value::Array(left) }
        }
        _ => Value::Null,
    }
}

/// The set with every declared field that has something of it below.
pub(super) fn with_named(shape: Shape, set: &Fields) -> Fields {
    let mut all = set.clone();
    for key in set.keys() {
        let name = key.strip_prefix("f:");
        let inner = match name {
            Some(name) => shape.child(name),
            None => Some(shape.item()),
        };
        let below = set.below(key);
        if below.is_empty() {
            continue;
        }
        let mut whole = Fields::default();
        whole.graft(key, &inner.map_or_else(|| below.clone(), |inner| with_named(inner, &below)));
        if name.is_some() && inner.is_some() && matches!(shape, Shape::Struct(_)) {
            whole.insert([key.to_owned()]);
        }
        all = all.union(&whole);
    }
    all
}
