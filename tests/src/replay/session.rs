//! Replays requests against a server that was started for them.

use super::client::{Auth, Client, Received};
use super::discovery::discovery;
use super::normal::Normal;
use super::{Agreement, Case, pattern, text};
use crate::server::{Directory, Server};
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The group whose requests need a server that was restarted over its data, so that what it remembered for watches is
/// gone.
const AFTER_RESTART: &str = "after-restart";

/// How long a step is repeated that waits for something, unless it says otherwise.
const UNTIL: u64 = 10;

/// What the recorded server was started with, as far as answers depend on it.
const ARGUMENTS: [&str; 3] = ["--allow-host", "--service-network", "10.0.0.0/16"];

/// Any will do; it is the only one.
const TOKEN: &str = "the-token-of-a-server-that-lives-for-one-replay";

/// A server with a data directory of its own.
pub(super) struct Stage {
    pub(super) server: Server,
    directory: Directory,
    token: Option<&'static str>,
}

impl Stage {
    /// A server that asks for a token.
    fn guarded() -> Result<Self, String> {
        Self::with(Some(TOKEN))
    }

    /// A server that asks for none: kubectl keeps its token to itself where nothing is encrypted.
    pub(super) fn open() -> Result<Self, String> {
        Self::with(None)
    }

    fn with(token: Option<&'static str>) -> Result<Self, String> {
        let directory = Directory::new().map_err(|e| e.to_string())?;
        if let Some(token) = token {
            write_private(&directory.join("token"), token).map_err(|e| e.to_string())?;
        }
        let server = Self::start(&directory, token)?;
        Ok(Self { server, directory, token })
    }

    fn start(directory: &Directory, token: Option<&str>) -> Result<Server, String> {
        let mut arguments: Vec<&str> = ARGUMENTS.into();
        let file = directory.join("token").to_string_lossy().into_owned();
        if token.is_some() {
            arguments.extend(["--token-file", &file]);
        }
        Server::start(directory.path(), &arguments)
    }

    /// Ends the server and starts it again over its data.
    fn restart(self) -> Result<Self, String> {
        let Self { server, directory, token } = self;
        server.terminate();
        let server = Self::start(&directory, token)?;
        Ok(Self { server, directory, token })
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&self.server.url, self.token.unwrap_or_default())
    }
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// Replays cases of requests against a fresh server; those that need a restarted one come last. `told` hears of each
/// case before it begins. Counts are added to `agreement`.
pub fn replay(cases: &[Case], mut agreement: Agreement, mut told: impl FnMut(&Case)) -> Result<Agreement, String> {
    let (after, before): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.group == AFTER_RESTART);
    let mut stage = Stage::guarded()?;
    for (cases, restart) in [(before, false), (after, true)] {
        if restart && !cases.is_empty() {
            stage = stage.restart()?;
        }
        let client = stage.client();
        for case in cases {
            told(case);
            agreement.count(case, &run(case, &client), decisive);
        }
    }
    Ok(agreement)
}

/// What clients decide by: the code, and of an error its reason and the fields it is about.
fn decisive(answer: &Value) -> Value {
    let body = &answer["body"];
    let mut loose = json!({"status": answer["status"]});
    if body["kind"] == "Status" {
        let causes = body["details"]["causes"].as_array().into_iter().flatten();
        let mut causes: Vec<(&str, &str)> = causes.map(|c| (text(c, "field"), text(c, "reason"))).collect();
        causes.sort_unstable();
        loose["reason"] = body["reason"].clone();
        loose["code"] = body["code"].clone();
        loose["causes"] = json!(causes);
    }
    loose
}

/// Sends a case's requests. Returns its answers, normalised; fewer than asked where the server broke off.
fn run(case: &Case, client: &Client) -> Vec<Value> {
    if let Some(namespace) = &case.namespace {
        let body = json!({"metadata": {"name": namespace}}).to_string();
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        // That it failed shows in the steps.
        let _ = client.send("POST", "/api/v1/namespaces", &headers, Some(&body), Auth::Admin);
    }
    let mut normal = Normal::new(spaced(&Value::Array(case.steps.clone())));
    let mut raws = Vec::new();
    let mut answers = Vec::new();
    for one in &case.steps {
        match step(one, client, &mut raws, &mut normal) {
            Ok(answer) => answers.push(answer),
            Err(error) => {
                answers.push(json!({"error": error}));
                break;
            }
        }
    }
    // Nodes and priority classes belong to no namespace: the next case must not see them.
    for one in &case.steps {
        let path = text(one, "path").split('?').next().unwrap_or_default();
        let name = one["body"]["metadata"]["name"].as_str();
        if let Some(name) = name
            && text(one, "method") == "POST"
            && path == "/api/v1/nodes"
        {
            let _ = client.send("DELETE", &format!("{path}/{name}"), &[], None, Auth::Admin);
        }
    }
    answers
}

fn step(step: &Value, client: &Client, raws: &mut Vec<Value>, normal: &mut Normal) -> Result<Value, String> {
    if let Some(seconds) = step["sleepSeconds"].as_f64() {
        sleep(Duration::from_secs_f64(seconds));
        raws.push(json!({}));
        return Ok(json!({}));
    }
    let path = expand(text(step, "path"), raws);
    let body = step.get("rawBody").and_then(Value::as_str).map(str::to_owned);
    let body = step.get("body").map(spaced).or(body).map(|b| expand(&b, raws));
    let auth = match text(step, "auth") {
        "none" => Auth::None,
        "bad" => Auth::Bad,
        _ => Auth::Admin,
    };
    let headers = headers(step, body.is_some());
    let until = &step["until"];
    let patience = Duration::from_secs(until["timeoutSeconds"].as_u64().unwrap_or(UNTIL));
    let begun = Instant::now();
    let (received, raw) = loop {
        let received = client.send(text(step, "method"), &path, &headers, body.as_deref(), auth)?;
        let raw = parsed(&received, path.contains("watch=") || path.contains("/watch/"));
        if until.is_null() || begun.elapsed() > patience || reached(until, received.status, &raw) {
            break (received, raw);
        }
        sleep(Duration::from_millis(50));
    };
    raws.push(raw.clone());
    if let (Some(body), "Status") = (&body, text(&raw, "kind")) {
        normal.generated_in_error(body, &raw);
    }
    let body = match raw {
        Value::String(text) => Value::String(normal.document(&text)),
        raw if text(step, "filter") == "discovery" && raw.is_object() => normal.body(&discovery(raw)),
        raw => normal.body(&raw),
    };
    let mut answer = Map::new();
    answer.insert("status".to_owned(), received.status.into());
    answer.insert("contentType".to_owned(), received.content_type.into());
    answer.insert("body".to_owned(), body);
    if !received.warnings.is_empty() {
        let mut warnings: Vec<String> = received.warnings.iter().map(|w| normal.text(w)).collect();
        warnings.sort();
        answer.insert("warning".to_owned(), warnings.into());
    }
    Ok(answer.into())
}

/// The headers to send; one that is recorded as empty is left out.
fn headers(step: &Value, with_body: bool) -> Vec<(String, String)> {
    let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
    if with_body {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        headers.retain(|(n, _)| n != name);
        headers.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
    }
    headers.retain(|(_, value)| !value.is_empty());
    headers
}

/// JSON as JSON, a watch as the list of its events, everything else as text.
fn parsed(received: &Received, watch: bool) -> Value {
    let text = String::from_utf8_lossy(&received.body).into_owned();
    if received.content_type.contains("protobuf") || received.content_type.contains("cbor") {
        let prefix: Vec<String> = received.body.iter().take(4).map(|b| format!("{b:02x}")).collect();
        return json!({"_binary": true, "_prefix": prefix.concat(), "_empty": text.is_empty()});
    }
    if !received.content_type.contains("json") || text.is_empty() {
        return text.into();
    }
    if watch {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return lines.map(serde_json::from_str).collect::<Result<Vec<Value>, _>>().map_or(text.into(), Value::from);
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// JSON with a space after each comma and colon, as the requests were sent.
pub(super) fn spaced(value: &Value) -> String {
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

fn reached(until: &Value, status: u16, raw: &Value) -> bool {
    if let Some(wanted) = until["status"].as_u64() {
        return wanted == u64::from(status);
    }
    let found = at(raw, text(until, "pointer")).unwrap_or_default();
    if until["length"] == true {
        let length = found.as_array().map(Vec::len).or(found.as_object().map(Map::len)).unwrap_or_default();
        return until["value"].as_u64() == Some(length as u64);
    }
    found == until["value"]
}

/// What a pointer points at; `#` at its end is a map's size.
fn at(raw: &Value, pointer: &str) -> Option<Value> {
    match pointer.strip_suffix("/#") {
        Some(of) => raw.pointer(of)?.as_object().map(|map| map.len().into()),
        None => raw.pointer(if pointer == "/" { "" } else { pointer }).cloned(),
    }
}

fn expand(text: &str, raws: &[Value]) -> String {
    static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{\{(\d+):([^}]+)\}\}"));
    TEMPLATE
        .replace_all(text, |found: &Captures<'_>| {
            let step = found[1].parse::<usize>().ok().and_then(|n| raws.get(n));
            match step.and_then(|raw| at(raw, &found[2])) {
                Some(Value::String(text)) => text,
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            }
        })
        .into_owned()
}
