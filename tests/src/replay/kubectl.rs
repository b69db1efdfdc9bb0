//! Replays command lines of kubectl against a server that was started for them.

use super::client::{Auth, Client};
use super::session::{Stage, spaced};
use super::terminal::{Terminal, filtered};
use super::{Agreement, Case, text};
use crate::server::{Directory, run};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How long one command line may take.
const COMMAND_MAX: Duration = Duration::from_mins(1);

/// How long the fixture's replicas may take to be there.
const REPLICAS_MAX: Duration = Duration::from_secs(10);

/// Replays cases of command lines with the kubectl at `program` against a fresh server, on which `fixture`'s requests
/// were made first. `told` hears of each case before it begins. Counts are added to
/// `agreement`.
pub fn replay(
    cases: &[Case],
    program: &Path,
    fixture: &Path,
    mut agreement: Agreement,
    mut told: impl FnMut(&Case),
) -> Result<Agreement, String> {
    let stage = Stage::open()?;
    let client = stage.client();
    build(fixture, &client)?;
    let home = Directory::new().map_err(|e| e.to_string())?;
    let config = home.join("kubeconfig");
    write_config(&config, &stage)?;
    for case in cases {
        told(case);
        if let Some(namespace) = &case.namespace {
            post(&client, "/api/v1/namespaces", &json!({"metadata": {"name": namespace}}))?;
        }
        let sent: Vec<Value> = case.steps.iter().map(|s| json!([s["argv"], s.get("stdin")])).collect();
        let files = json!(case.files.iter().map(|(name, text)| (name.as_str(), text)).collect::<Vec<_>>());
        let sent = format!("{}{}", spaced(&sent.into()), spaced(&files));
        let terminal = Terminal { sent: &sent, server: &stage.server.url };
        let kubectl = Kubectl { program, config: &config, home: home.path() };
        let place = Directory::new().map_err(|e| e.to_string())?;
        for (name, text) in &case.files {
            std::fs::write(place.join(name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        let answers = case.steps.iter().map(|step| kubectl.answer(step, place.path(), &terminal));
        agreement.count(case, &answers.collect::<Vec<_>>(), decisive);
    }
    Ok(agreement)
}

/// Whether a command line succeeded, as scripts see it.
fn decisive(answer: &Value) -> Value {
    answer["exit"].clone()
}

fn write_config(path: &Path, stage: &Stage) -> Result<(), String> {
    let made = run(&["kubeconfig", "--server", &stage.server.url]).map_err(|e| e.to_string())?;
    if !made.status.success() {
        return Err(format!("kubarium kubeconfig: {}", String::from_utf8_lossy(&made.stderr)));
    }
    std::fs::write(path, made.stdout).map_err(|e| e.to_string())
}

fn post(client: &Client, path: &str, body: &Value) -> Result<u16, String> {
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    client.send("POST", path, &headers, Some(&body.to_string()), Auth::Admin).map(|answer| answer.status)
}

/// Makes what the read-only command lines look at. A request that is refused shows in what they print.
fn build(fixture: &Path, client: &Client) -> Result<(), String> {
    let wrong = |e: String| format!("{}: {e}", fixture.display());
    let text_of = std::fs::read_to_string(fixture).map_err(|e| wrong(e.to_string()))?;
    let requests: Vec<Value> = serde_json::from_str(&text_of).map_err(|e| wrong(e.to_string()))?;
    for request in &requests {
        if let Some(seconds) = request["sleep"].as_f64() {
            sleep(Duration::from_secs_f64(seconds));
        } else if let Some(controller) = request["waitrc"].as_str() {
            run_replicas(client, controller)?;
        } else {
            let content_type = request["headers"]["Content-Type"].as_str().unwrap_or("application/json");
            let headers = [("Content-Type".to_owned(), content_type.to_owned())];
            let body = request["body"].to_string();
            client.send(text(request, "method"), text(request, "path"), &headers, Some(&body), Auth::Admin)?;
        }
    }
    Ok(())
}

/// Says of the fixture's replicas that they run, as their kubelet would.
fn run_replicas(client: &Client, controller: &str) -> Result<(), String> {
    let path = format!("/api/v1/namespaces/fx/pods?labelSelector=app%3D{controller}");
    let begun = Instant::now();
    let mut names: Vec<String> = Vec::new();
    while names.len() != 3 && begun.elapsed() < REPLICAS_MAX {
        let list = client.send("GET", &path, &[], None, Auth::Admin)?;
        let list: Value = serde_json::from_slice(&list.body).unwrap_or_default();
        let items = list["items"].as_array().into_iter().flatten();
        names = items.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect();
        sleep(Duration::from_millis(100));
    }
    names.sort();
    let headers = [("Content-Type".to_owned(), "application/strategic-merge-patch+json".to_owned())];
    for (index, name) in names.iter().enumerate() {
        let body = running(&format!("192.168.21.{}", index + 1)).to_string();
        let path = format!("/api/v1/namespaces/fx/pods/{name}/status");
        client.send("PATCH", &path, &headers, Some(&body), Auth::Admin)?;
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

struct Kubectl<'a> {
    program: &'a Path,
    config: &'a PathBuf,
    home: &'a Path,
}

impl Kubectl<'_> {
    /// What a command line's exit code and outputs come to, normalised.
    fn answer(&self, step: &Value, place: &Path, terminal: &Terminal<'_>) -> Value {
        if step["settle"] == true {
            sleep(Duration::from_millis(500));
        }
        let words = step["argv"].as_array().into_iter().flatten().skip(1).filter_map(Value::as_str);
        let mut command = Command::new(self.program);
        command
            .args(words)
            .current_dir(place)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("TZ", "UTC"), ("LC_ALL", "C")])
            .env("HOME", self.home)
            .env("KUBECONFIG", self.config);
        let output = match finish(&mut command, text(step, "stdin")) {
            Ok(output) => output,
            Err(error) => return json!({"error": error}),
        };
        let shown = |bytes: &[u8]| filtered(text(step, "filter"), &terminal.normal(&String::from_utf8_lossy(bytes)));
        json!({"exit": output.status.code(), "stdout": shown(&output.stdout), "stderr": shown(&output.stderr)})
    }
}

/// Runs a command to its end, or kills it when it takes too long.
fn finish(command: &mut Command, input: &str) -> Result<Output, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input has ended already.
        let _ = stdin.write_all(input.as_bytes());
    }
    let id = child.id();
    let (ended, end) = mpsc::channel();
    let watcher = spawn(move || {
        if end.recv_timeout(COMMAND_MAX).is_err() {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().map_err(|e| e.to_string());
    let _ = ended.send(());
    let _ = watcher.join();
    output
}
