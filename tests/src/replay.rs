//! Replays recorded requests against a cluster, and brings answers into the form in which the records keep them.

use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Span, Time};
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One recorded case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub group: String,
    /// The namespace it needs, if any.
    pub namespace: Option<String>,
    /// Its requests with their answers.
    pub steps: Vec<Value>,
}

/// What an answer comes to, normalised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// HTTP status.
    pub status: u64,
    /// `Content-Type`.
    pub content_type: String,
    /// `Warning` headers.
    pub warnings: Vec<String>,
    /// Body.
    pub body: Value,
}

impl Case {
    /// From a line of a record.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_str(line)?;
        Ok(Self {
            name: text(&value, "case").to_owned(),
            group: text(&value, "group").to_owned(),
            namespace: value["namespace"].as_str().map(str::to_owned),
            steps: value["steps"].as_array().cloned().unwrap_or_default(),
        })
    }

    /// The recorded answers.
    pub fn expected(&self) -> Vec<Answered> {
        let answer = |step: &Value| {
            let response = &step["response"];
            let warnings = response["warning"].as_array().into_iter().flatten();
            Answered {
                status: response["status"].as_u64().unwrap_or_default(),
                content_type: text(response, "contentType").to_owned(),
                warnings: warnings.filter_map(Value::as_str).map(str::to_owned).collect(),
                body: without_managed_fields(response["body"].clone()),
            }
        };
        self.steps.iter().map(answer).collect()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Server-side apply is not compared yet, so neither is who wrote which field.
fn without_managed_fields(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| key != "managedFields")
                .map(|(key, value)| (key, without_managed_fields(value)))
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(without_managed_fields).collect(),
        other => other,
    }
}

/// Sends a case's requests to a fresh cluster. Returns its answers, normalised.
pub fn run(case: &Case) -> Vec<Answered> {
    let mut world = World::new();
    if let Some(namespace) = &case.namespace {
        let body = json!({"metadata": {"name": namespace}});
        world.send(Request::new(Method::Post, "/api/v1/namespaces").with_json(&body));
    }
    let sent: Vec<Value> = case
        .steps
        .iter()
        .map(|step| {
            let mut step = step.clone();
            if let Some(map) = step.as_object_mut() {
                map.remove("response");
            }
            step
        })
        .collect();
    let mut normal = Normal::new(Value::Array(sent).to_string());
    let mut raws = Vec::new();
    case.steps.iter().map(|step| world.step(step, &mut raws, &mut normal)).collect()
}

struct World {
    cluster: Cluster,
    now: Time,
}

/// What came over the wire.
struct Raw {
    status: u16,
    content_type: String,
    warnings: Vec<String>,
    body: Value,
}

impl World {
    fn new() -> Self {
        let now = Time(1_790_000_000_000_000);
        let config = Config {
            service_network: std::net::Ipv4Addr::new(10, 0, 0, 0),
            service_prefix: 16,
            // The recorded server was started with upstream's default here.
            allow_privileged: true,
            ..Config::default()
        };
        Self { cluster: Cluster::new(config, now), now }
    }

    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        let mut output = self.cluster.handle(self.now, Input::Wake);
        for _ in 0..10_000 {
            match output.wake {
                Some(wake) if wake <= until => {
                    self.now = self.now.max(wake);
                    output = self.cluster.handle(self.now, Input::Wake);
                }
                _ => break,
            }
        }
        self.now = until;
    }

    fn send(&mut self, request: Request) -> Raw {
        let answer = self.cluster.handle(self.now, Input::Request(request)).answer;
        self.pass(Span::from_millis(20));
        match answer {
            Some(Answer::Done(response)) => {
                let body = if response.content_type.contains("json") {
                    serde_json::from_str(&response.body).unwrap_or(Value::String(response.body))
                } else {
                    Value::String(response.body)
                };
                Raw { status: response.status, content_type: response.content_type, warnings: response.warnings, body }
            }
            Some(Answer::Watch(query)) => {
                let mut events = Vec::new();
                let mut from = None;
                loop {
                    match self.cluster.watch(&query, from) {
                        Ok(batch) => {
                            events.extend(batch.events);
                            if batch.next >= self.cluster.store().revision() {
                                break;
                            }
                            from = Some(batch.next);
                        }
                        Err(error) => {
                            events.push(json!({"type": "ERROR", "object": error.to_status()}));
                            break;
                        }
                    }
                }
                let content_type = "application/json".to_owned();
                Raw { status: 200, content_type, warnings: Vec::new(), body: events.into() }
            }
            other => Raw {
                status: 200,
                content_type: "text/plain".to_owned(),
                warnings: Vec::new(),
                body: format!("{other:?}").into(),
            },
        }
    }

    fn step(&mut self, step: &Value, raws: &mut Vec<Value>, normal: &mut Normal) -> Answered {
        if let Some(seconds) = step["sleepSeconds"].as_f64() {
            self.pass(Span((seconds * 1e6) as i64));
            raws.push(json!({}));
            return Answered::default();
        }
        let path = expand(text(step, "path"), raws);
        let body = step.get("rawBody").and_then(Value::as_str).map(str::to_owned);
        let body = step.get("body").map(spaced).or(body).map(|b| expand(&b, raws));
        let request = request(step, &path, body.as_deref());
        let mut raw;
        let mut tries = 0;
        loop {
            raw = match &request {
                Some(request) => self.send(request.clone()),
                // Methods the API has no word for never reach it.
                None => Raw {
                    status: 405,
                    content_type: "application/json".to_owned(),
                    warnings: Vec::new(),
                    body: not_allowed(),
                },
            };
            tries += 1;
            if tries > 200 || reached(&step["until"], &raw) {
                break;
            }
            self.pass(Span::from_millis(50));
        }
        if text(step, "method") == "POST" && path == "/api/v1/nodes" && raw.status == 201 {
            // Upstream's ttl controller annotates new nodes; what it writes is not compared, that it writes is.
            let name = raw.body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let mut request = Request::new(Method::Patch, format!("/api/v1/nodes/{name}"));
            "application/merge-patch+json".clone_into(&mut request.content_type);
            request.body = json!({"metadata": {"annotations": {"node.alpha.kubernetes.io/ttl": "0"}}}).to_string();
            self.send(request);
        }
        if path.contains("watch=") || path.contains("/watch/") {
            // A stream is the list of its documents.
            if !raw.body.is_array() {
                raw.body = json!([raw.body]);
            }
            if raw.body.as_array().is_some_and(Vec::is_empty) {
                raw.body = "".into();
            }
        }
        raws.push(raw.body.clone());
        if let (Some(body), Some("Status")) = (&body, raw.body.get("kind").and_then(Value::as_str)) {
            normal.generated_in_error(body, &raw.body);
        }
        let mut shown = raw.body;
        if text(step, "filter") == "discovery" {
            shown = discovery(shown);
        }
        let body = match &shown {
            Value::String(text) => Value::String(normal.text(text)),
            _ => normal.body(&without_managed_fields(shown)),
        };
        let warnings = raw.warnings.iter().map(|w| {
            let quoted = w.replace('\\', "\\\\").replace('"', "\\\"");
            normal.text(&format!("299 - \"{quoted}\""))
        });
        let mut warnings: Vec<String> = warnings.collect();
        warnings.sort();
        Answered { status: u64::from(raw.status), content_type: raw.content_type, warnings, body }
    }
}

fn request(step: &Value, path: &str, body: Option<&str>) -> Option<Request> {
    let method = match text(step, "method") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => return None,
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut request = Request::new(method, path);
    query.clone_into(&mut request.query);
    "application/json".clone_into(&mut request.accept);
    "golden/1.0".clone_into(&mut request.user_agent);
    if let Some(body) = body {
        "application/json".clone_into(&mut request.content_type);
        body.clone_into(&mut request.body);
    }
    for (key, value) in step["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().to_owned();
        match key.as_str() {
            "Accept" => request.accept = value,
            "Content-Type" => request.content_type = value,
            "User-Agent" => request.user_agent = value,
            _ => {}
        }
    }
    Some(request)
}

/// JSON with a space after each comma and colon, as the requests were sent.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts: Vec<String> =
                map.iter().map(|(k, v)| format!("{}: {}", Value::from(k.as_str()), spaced(v))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn not_allowed() -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "MethodNotAllowed",
        "message": "the server does not allow this method on the requested resource", "details": {}, "code": 405,
    })
}

fn reached(until: &Value, raw: &Raw) -> bool {
    if until.is_null() {
        return true;
    }
    if let Some(status) = until["status"].as_u64() {
        return status == u64::from(raw.status);
    }
    let found = raw.body.pointer(text(until, "pointer")).cloned().unwrap_or_default();
    if until["length"] == true {
        let length = found.as_array().map(Vec::len).or(found.as_object().map(Map::len)).unwrap_or_default();
        return until["value"].as_u64() == Some(length as u64);
    }
    found == until["value"]
}

fn expand(text: &str, raws: &[Value]) -> String {
    static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{\{(\d+):([^}]+)\}\}"));
    TEMPLATE
        .replace_all(text, |found: &Captures<'_>| {
            let step = found[1].parse::<usize>().ok().and_then(|n| raws.get(n));
            match step.and_then(|raw| raw.pointer(&found[2])) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            }
        })
        .into_owned()
}

/// Patterns are constants of this file.
fn pattern(text: &str) -> Regex {
    #[allow(clippy::expect_used)]
    Regex::new(text).expect("a valid pattern")
}

const RESOURCES: [&str; 8] =
    ["namespaces", "nodes", "pods", "replicationcontrollers", "services", "endpoints", "events", "bindings"];
/// Parts of pods whose paths come with the issue that brings exec, port-forward and resizing.
const LATER: [&str; 5] = ["attach", "exec", "portforward", "ephemeralcontainers", "resize"];

/// Keeps the resources that are served.
pub fn discovery(mut value: Value) -> Value {
    let keep = |list: &mut Value| {
        if let Some(list) = list.as_array_mut() {
            list.retain(|r| {
                let name = r.get("name").or(r.get("resource")).and_then(Value::as_str).unwrap_or_default();
                let (resource, part) = name.split_once('/').unwrap_or((name, ""));
                RESOURCES.contains(&resource) && !LATER.contains(&part)
            });
            for resource in list {
                if let Some(parts) = resource.get_mut("subresources").and_then(Value::as_array_mut) {
                    parts.retain(|p| !LATER.contains(&text(p, "subresource")));
                }
            }
        }
    };
    match text(&value, "kind") {
        "APIResourceList" => keep(&mut value["resources"]),
        "APIGroupList" => value["groups"] = json!([]),
        "APIGroupDiscoveryList" => {
            if let Some(items) = value["items"].as_array_mut() {
                items.retain(|i| text(&i["metadata"], "name").is_empty());
                for version in items.iter_mut().filter_map(|i| i["versions"].as_array_mut()).flatten() {
                    keep(&mut version["resources"]);
                }
            }
        }
        _ => {}
    }
    if value.get("serverAddressByClientCIDRs").is_some() {
        value["serverAddressByClientCIDRs"] = json!("<addresses>");
    }
    if let Some(paths) = value.get_mut("paths").and_then(Value::as_array_mut) {
        let known = ["/api", "/api/v1", "/apis", "/version", "/healthz", "/readyz", "/livez", "/metrics"];
        paths.retain(|p| p.as_str().is_some_and(|p| known.contains(&p)));
    }
    if value.get("gitVersion").is_some()
        && let Some(map) = value.as_object_mut()
    {
        for (key, value) in map.iter_mut() {
            if !matches!(key.as_str(), "major" | "minor") {
                *value = "<string>".into();
            }
        }
    }
    value
}

/// Puts placeholders in the place of what differs from run to run.
struct Normal {
    sent: String,
    names: BTreeMap<(&'static str, String), String>,
    counts: BTreeMap<&'static str, usize>,
    generated: Vec<(String, String)>,
}

impl Normal {
    fn new(sent: String) -> Self {
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

    fn generated_in_error(&mut self, body: &str, status: &Value) {
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

    fn body(&mut self, value: &Value) -> Value {
        self.collect_generated(value);
        self.walk(value, "", false, false)
    }

    fn text(&mut self, value: &str) -> String {
        static UUID: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
        static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
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
        let whole = value.clone();
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

    fn walk(&mut self, value: &Value, key: &str, of_list: bool, cell: bool) -> Value {
        match value {
            Value::Object(map) => self.walk_map(map, key, of_list),
            Value::Array(items) => items.iter().map(|v| self.walk(v, key, false, key == "cells")).collect(),
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
        {
            annotations.remove("node.alpha.kubernetes.io/ttl");
            if annotations.is_empty() {
                map.remove("annotations");
            }
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

/// The first place where two documents differ.
pub fn first_difference(expected: &Value, got: &Value, at: &str) -> Option<String> {
    let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(x), Some(y)) => first_difference(x, y, &format!("{at}/{key}")),
                (Some(x), None) => Some(format!("{at}/{key}: {} != absent", short(x))),
                (None, Some(y)) => Some(format!("{at}/{key}: absent != {}", short(y))),
                (None, None) => None,
            })
        }
        (Value::Array(a), Value::Array(b)) => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (x, y))| first_difference(x, y, &format!("{at}/{index}")))
            .or_else(|| (a.len() != b.len()).then(|| format!("{at}: length {} != {}", a.len(), b.len()))),
        (a, b) if a == b => None,
        (a, b) => Some(format!("{at}: {} != {}", short(a), short(b))),
    }
}
