//! Brings answers into the form in which the records keep them: numbered placeholders in the place of what differs from
//! run to run, equal ones for equal values within a case, and an order where Kubernetes has none.

use super::{pattern, text};
use regex::{Captures, Regex};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Config maps that a controller publishes which is not held against the records.
const PUBLISHED: [&str; 2] = ["kube-root-ca.crt", "openshift-service-ca.crt"];

/// What upstream's ttl controller writes on each node; not compared either.
const TTL: &str = "node.alpha.kubernetes.io/ttl";

/// Puts placeholders in the place of what differs from run to run.
pub(super) struct Normal {
    sent: String,
    names: BTreeMap<(&'static str, String), String>,
    counts: BTreeMap<&'static str, usize>,
    generated: Vec<(String, String)>,
}

impl Normal {
    pub(super) fn new(sent: String) -> Self {
        Self { sent, names: BTreeMap::new(), counts: BTreeMap::new(), generated: Vec::new() }
    }

    fn placeholder(&mut self, kind: &'static str, value: &str) -> String {
        if let Some(name) = self.names.get(&(kind, value.to_owned())) {
            return name.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("<{kind}{count}>");
        self.names.insert((kind, value.to_owned()), name.clone());
        name
    }

    fn generated_name(&mut self, name: &str, prefix: &str) {
        if self.generated.iter().any(|(n, _)| n == name) {
            return;
        }
        let count = self.counts.entry("sfx").or_default();
        *count += 1;
        self.generated.push((name.to_owned(), format!("{prefix}<sfx{count}>")));
    }

    pub(super) fn generated_in_error(&mut self, body: &str, status: &Value) {
        static PREFIX: LazyLock<Regex> = LazyLock::new(|| pattern(r#""generateName": ?"([^"]+)""#));
        let name = status.pointer("/details/name").and_then(Value::as_str).unwrap_or_default();
        if let Some(found) = PREFIX.captures(body)
            && name.starts_with(&found[1])
            && name.len() == found[1].len() + 5
        {
            self.generated_name(name, &found[1]);
        }
    }

    fn collect_generated(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(meta) = map.get("metadata") {
                    let (prefix, name) = (text(meta, "generateName"), text(meta, "name"));
                    if !prefix.is_empty()
                        && name.starts_with(prefix)
                        && name.len() == prefix.len() + 5
                        && !self.sent.contains(name)
                    {
                        self.generated_name(name, prefix);
                    }
                }
                map.values().for_each(|v| self.collect_generated(v));
            }
            Value::Array(items) => items.iter().for_each(|v| self.collect_generated(v)),
            _ => {}
        }
    }

    pub(super) fn body(&mut self, value: &Value) -> Value {
        self.collect_generated(value);
        self.walk(value, "", false, false)
    }

    pub(super) fn text(&mut self, value: &str) -> String {
        static UUID: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
        static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
        static DATE: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d [+-]\d{4}")
        });
        static IP: LazyLock<Regex> = LazyLock::new(|| pattern(r"10\.0\.\d{1,3}\.\d{1,3}"));
        static MESSAGES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            vec![
                (pattern(r"(in record \()\d+(\))"), "$1<rv>$2"),
                (pattern(r"(, current: )\d+"), "$1<rv>"),
                (pattern(r"(too old resource version: \d+ \()\d+(\))"), "$1<rv>$2"),
                (pattern(r#"("rc-)[a-z0-9]{5}(")"#), "$1<sfx>$2"),
                (pattern(r"(UID in object meta: )[0-9a-f-]{36}"), "$1<uid>"),
                (pattern(r"(\((?:last|first) seen:? )[^)]*\)"), "$1<age>)"),
            ]
        });
        static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(resourceVersion\\*":\\*")\d+"#));
        let mut value = value.to_owned();
        for (name, shown) in &self.generated {
            value = value.replace(name, shown);
        }
        value = UUID
            .replace_all(&value, |found: &Captures<'_>| {
                if self.sent.contains(&found[0]) { found[0].to_owned() } else { self.placeholder("uid", &found[0]) }
            })
            .into_owned();
        value = TIME
            .replace_all(&value, |found: &Captures<'_>| match found.get(1) {
                _ if ["2020", "2021", "2001"].iter().any(|year| found[0].starts_with(year)) => found[0].to_owned(),
                Some(_) => "<microtime>".to_owned(),
                None => "<time>".to_owned(),
            })
            .into_owned();
        let whole = DATE.replace_all(&value, "<time>").into_owned();
        value = IP
            .replace_all(&whole, |found: &Captures<'_>| {
                let range = found.get(0).map(|m| m.range()).unwrap_or_default();
                let digit = |c: Option<char>, also: &str| c.is_some_and(|c| c.is_ascii_digit() || also.contains(c));
                let bounded = !digit(whole[..range.start].chars().next_back(), ".")
                    && !digit(whole[range.end..].chars().next(), "./");
                if !bounded || self.sent.contains(&found[0]) {
                    found[0].to_owned()
                } else {
                    self.placeholder("ip", &found[0])
                }
            })
            .into_owned();
        for (pattern, shown) in MESSAGES.iter() {
            value = pattern.replace_all(&value, *shown).into_owned();
        }
        if let Some((before, fields)) = value.split_once("strict decoding error: ") {
            // They are named in the order of the document, which the records do not keep.
            let mut fields: Vec<&str> = fields.split(", ").collect();
            fields.sort_unstable();
            value = format!("{before}strict decoding error: {}", fields.join(", "));
        }
        VERSION.replace_all(&value, "$1<rv>").into_owned()
    }

    /// A document that is not JSON.
    pub(super) fn document(&mut self, value: &str) -> String {
        static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(resourceVersion: ")\d+(")"#));
        let value = VERSION.replace_all(value, "$1<rv>$2").into_owned();
        self.text(&value)
    }

    fn walk(&mut self, value: &Value, key: &str, of_list: bool, cell: bool) -> Value {
        match value {
            Value::Object(map) => self.walk_map(map, key, of_list),
            Value::Array(items) => {
                items.iter().filter(|v| !published(v)).map(|v| self.walk(v, key, false, key == "cells")).collect()
            }
            Value::Number(number) if matches!(key, "nodePort" | "healthCheckNodePort") => {
                let text = number.to_string();
                let given = number.as_u64().is_some_and(|n| (30_000..=32_767).contains(&n));
                if given && !self.sent.contains(&text) {
                    self.placeholder("nodePort", &text).into()
                } else {
                    value.clone()
                }
            }
            Value::String(text) => self.walk_text(text, key, of_list, cell).into(),
            other => other.clone(),
        }
    }

    fn walk_map(&mut self, map: &Map<String, Value>, key: &str, of_list: bool) -> Value {
        let mut map = map.clone();
        if key == "metadata"
            && let Some(annotations) = map.get_mut("annotations").and_then(Value::as_object_mut)
            && annotations.contains_key(TTL)
        {
            annotations.remove(TTL);
            if annotations.is_empty() {
                map.remove("annotations");
            }
            if let Some(entries) = map.get_mut("managedFields").and_then(Value::as_array_mut) {
                entries.retain(|entry| !entry.to_string().contains(TTL));
            }
        }
        if let Some(entries) = map.get_mut("managedFields").and_then(Value::as_array_mut) {
            entries.sort_by_key(|entry| {
                ["operation", "manager", "apiVersion", "subresource"].map(|key| text(entry, key).to_owned())
            });
        }
        let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind == "Status" {
            sort_causes(&mut map);
        }
        let is_list = map.contains_key("items")
            || map.contains_key("rows")
            || kind.ends_with("List")
            || kind == "Table"
            || (key == "object" && of_list);
        let bookmark = map.get("type").and_then(Value::as_str) == Some("BOOKMARK");
        map.iter()
            .map(|(k, v)| {
                let of_list = (k == "metadata" && is_list)
                    || (k == "resourceVersion" && key == "metadata" && of_list)
                    || (k == "object" && bookmark);
                (self.text(k), self.walk(v, k, of_list, false))
            })
            .collect()
    }

    fn walk_text(&mut self, value: &str, key: &str, of_list: bool, cell: bool) -> String {
        static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d+[smhdy])+$"));
        static PORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(:)(3[0-2]\d{3})(/)"));
        static AGO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\((\d+[smhdy])+ ago\)"));
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        if key == "resourceVersion" && digits && value != "0" {
            return if of_list { "<listRV>".to_owned() } else { self.placeholder("rv", value) };
        }
        if key == "continue" && !value.is_empty() {
            return "<continue>".to_owned();
        }
        if cell && AGE.is_match(value) {
            return "<age>".to_owned();
        }
        let mut value = value.to_owned();
        if cell {
            value = PORT
                .replace_all(&value, |found: &Captures<'_>| {
                    if self.sent.contains(&found[2]) {
                        found[0].to_owned()
                    } else {
                        format!(":{}/", self.placeholder("nodePort", &found[2]))
                    }
                })
                .into_owned();
            value = AGO.replace_all(&value, "(<age> ago)").into_owned();
        }
        self.text(&value)
    }
}

/// Whether a document is about one of the published config maps: it, a watch's event of it, or a table's row.
fn published(value: &Value) -> bool {
    let is = |name: &Value| name.as_str().is_some_and(|name| PUBLISHED.contains(&name));
    is(&value["metadata"]["name"]) || value.get("object").is_some_and(published) || is(&value["cells"][0])
}

/// Upstream walks maps here, so neither the order of causes nor that in the message means anything.
fn sort_causes(status: &mut Map<String, Value>) {
    let Some(causes) = status.get("details").and_then(|d| d.get("causes")).and_then(Value::as_array) else { return };
    if causes.len() < 2 {
        return;
    }
    let mut causes = causes.clone();
    causes.sort_by_key(|c| (text(c, "field").to_owned(), text(c, "message").to_owned(), text(c, "reason").to_owned()));
    let mut parts: Vec<String> = Vec::new();
    for cause in &causes {
        let part = format!("{}: {}", text(cause, "field"), text(cause, "message"));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let list = parts.join(", ");
    let sorted = |text: &str| {
        let mut chars: Vec<char> = text.chars().collect();
        chars.sort_unstable();
        chars
    };
    let message = status.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (at, _) in message.match_indices('[') {
        if let Some(inner) = message[at + 1..].strip_suffix(']')
            && inner.len() == list.len()
            && sorted(inner) == sorted(&list)
        {
            status.insert("message".to_owned(), format!("{}[{list}]", &message[..at]).into());
            break;
        }
    }
    if let Some(details) = status.get_mut("details") {
        details["causes"] = causes.into();
    }
}
