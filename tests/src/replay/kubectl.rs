//! Replays command lines of kubectl in front of a cluster, whoever runs them and wherever the cluster is.

use super::session::spaced;
use super::terminal::{Terminal, filtered, released};
use super::{Agreement, Case, text};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// How often one looks whether the fixture's replicas are there, and how long between.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(100);

/// What a command line came to.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The exit code.
    pub exit: Option<i32>,
    /// What was asked for.
    pub out: String,
    /// What went wrong.
    pub err: String,
}

/// A cluster, and somebody who runs command lines in front of it.
pub(super) trait Stand {
    /// Sends a request; returns status and body.
    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<(u16, String), String>;

    /// Runs words, without `kubectl`, with something to read and files by name.
    fn run(&self, words: &[&str], input: &str, files: &[(String, String)]) -> Result<Ran, String>;

    /// Lets time pass.
    fn pass(&self, time: Duration);

    /// The URL of the API.
    fn url(&self) -> String;
}

/// Replays cases of command lines, after `fixture`'s requests were made. `told` hears of each case before it begins.
/// Counts are added to `agreement`: case by case or, `by_command`, line by line under the command it begins with.
pub(super) fn replay(
    cases: &[Case],
    stand: &dyn Stand,
    fixture: &Path,
    by_command: bool,
    mut agreement: Agreement,
    mut told: impl FnMut(&Case),
) -> Result<Agreement, String> {
    build(fixture, stand)?;
    for case in cases {
        told(case);
        let case = &Case { answers: case.answers.iter().map(as_released).collect(), ..case.clone() };
        if let Some(namespace) = &case.namespace {
            let body = json!({"metadata": {"name": namespace}}).to_string();
            stand.send("POST", "/api/v1/namespaces", "application/json", &body)?;
        }
        let sent: Vec<Value> = case.steps.iter().map(|s| json!([s["argv"], s.get("stdin")])).collect();
        let files = json!(case.files.iter().map(|(name, text)| (name.as_str(), text)).collect::<Vec<_>>());
        let sent = format!("{}{}", spaced(&sent.into()), spaced(&files));
        let url = stand.url();
        let terminal = Terminal { sent: &sent, server: &url };
        let answers: Vec<Value> = case.steps.iter().map(|step| answer(stand, step, &case.files, &terminal)).collect();
        if !by_command {
            agreement.count(case, &answers, decisive);
            continue;
        }
        for ((step, recorded), got) in case.steps.iter().zip(&case.answers).zip(answers) {
            let line = Case {
                group: command_of(step),
                steps: vec![step.clone()],
                answers: vec![recorded.clone()],
                ..case.clone()
            };
            agreement.count(&line, &[got], decisive);
        }
    }
    Ok(agreement)
}

/// The command that a line begins with.
fn command_of(step: &Value) -> String {
    let mut words = step["argv"].as_array().into_iter().flatten().skip(1).filter_map(Value::as_str);
    let mut word = words.next().unwrap_or_default();
    if word == "-n" {
        word = words.nth(1).unwrap_or_default();
    }
    word.to_owned()
}

/// A recorded answer in the words of a released kubectl.
fn as_released(recorded: &Value) -> Value {
    let mut answer = recorded.clone();
    answer["stderr"] = released(text(recorded, "stderr")).into();
    answer
}

/// Whether a command line succeeded, as scripts see it.
fn decisive(answer: &Value) -> Value {
    answer["exit"].clone()
}

/// What a command line's exit code and outputs come to, normalised.
fn answer(stand: &dyn Stand, step: &Value, files: &[(String, String)], terminal: &Terminal<'_>) -> Value {
    if step["settle"] == true {
        stand.pass(Duration::from_millis(500));
    }
    let words: Vec<&str> = step["argv"].as_array().into_iter().flatten().skip(1).filter_map(Value::as_str).collect();
    match stand.run(&words, text(step, "stdin"), files) {
        Ok(ran) => {
            let shown = |text_of: &str| filtered(text(step, "filter"), &terminal.normal(text_of));
            json!({"exit": ran.exit, "stdout": shown(&ran.out), "stderr": released(&shown(&ran.err))})
        }
        Err(error) => json!({"error": error}),
    }
}

/// Makes what the read-only command lines look at. A request that is refused shows in what they print.
fn build(fixture: &Path, stand: &dyn Stand) -> Result<(), String> {
    let wrong = |e: String| format!("{}: {e}", fixture.display());
    let text_of = std::fs::read_to_string(fixture).map_err(|e| wrong(e.to_string()))?;
    let requests: Vec<Value> = serde_json::from_str(&text_of).map_err(|e| wrong(e.to_string()))?;
    for request in &requests {
        if let Some(seconds) = request["sleep"].as_f64() {
            stand.pass(Duration::from_secs_f64(seconds));
        } else if let Some(controller) = request["waitrc"].as_str() {
            run_replicas(stand, controller)?;
        } else {
            let content_type = request["headers"]["Content-Type"].as_str().unwrap_or("application/json");
            let body = request["body"].to_string();
            stand.send(text(request, "method"), text(request, "path"), content_type, &body)?;
        }
    }
    Ok(())
}

/// Says of the fixture's replicas that they run, as their kubelet would.
fn run_replicas(stand: &dyn Stand, controller: &str) -> Result<(), String> {
    let path = format!("/api/v1/namespaces/fx/pods?labelSelector=app%3D{controller}");
    let mut names: Vec<String> = Vec::new();
    for _ in 0..LOOKS {
        let (_, list) = stand.send("GET", &path, "", "")?;
        let list: Value = serde_json::from_str(&list).unwrap_or_default();
        let items = list["items"].as_array().into_iter().flatten();
        names = items.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect();
        if names.len() == 3 {
            break;
        }
        stand.pass(LOOK);
    }
    names.sort();
    for (index, name) in names.iter().enumerate() {
        let body = running(&format!("192.168.21.{}", index + 1)).to_string();
        let path = format!("/api/v1/namespaces/fx/pods/{name}/status");
        stand.send("PATCH", &path, "application/strategic-merge-patch+json", &body)?;
    }
    Ok(())
}

fn running(ip: &str) -> Value {
    let since = "2020-01-01T00:00:00Z";
    let conditions: Vec<Value> = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": since}))
        .to_vec();
    json!({"status": {
        "phase": "Running", "hostIP": "192.168.10.2", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": since,
        "conditions": conditions,
        "containerStatuses": [{
            "name": "c", "ready": true, "started": true, "restartCount": 0, "image": "nginx:1.25",
            "imageID": "sha256:1", "containerID": "containerd://abc", "state": {"running": {"startedAt": since}},
        }],
    }})
}
