//! A kubectl program, in front of a server that was started for it.

use super::client::{Auth, Client};
use super::kubectl::{Ran, Stand, replay as replay_in};
use super::session::Stage;
use super::{Agreement, Case};
use crate::server::{Directory, run};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// How long one command line may take.
const COMMAND_MAX: Duration = Duration::from_mins(1);

/// Replays cases of command lines with the kubectl at `program` against a fresh server, on which `fixture`'s requests
/// were made first. `told` hears of each case before it begins. Counts are added to `agreement`.
pub fn replay(
    cases: &[Case],
    program: &Path,
    fixture: &Path,
    agreement: Agreement,
    told: impl FnMut(&Case),
) -> Result<Agreement, String> {
    let stage = Stage::open()?;
    let home = Directory::new().map_err(|e| e.to_string())?;
    let config = home.join("kubeconfig");
    write_config(&config, &stage)?;
    let kubectl = Kubectl { program, config, home, client: stage.client(), stage };
    replay_in(cases, &kubectl, fixture, false, agreement, told)
}

fn write_config(path: &Path, stage: &Stage) -> Result<(), String> {
    let made = run(&["kubeconfig", "--server", &stage.server.url]).map_err(|e| e.to_string())?;
    if !made.status.success() {
        return Err(format!("kubarium kubeconfig: {}", String::from_utf8_lossy(&made.stderr)));
    }
    std::fs::write(path, made.stdout).map_err(|e| e.to_string())
}

struct Kubectl<'a> {
    program: &'a Path,
    config: PathBuf,
    home: Directory,
    client: Client,
    stage: Stage,
}

impl Stand for Kubectl<'_> {
    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<(u16, String), String> {
        let headers = [("Content-Type".to_owned(), content_type.to_owned())];
        let headers = if content_type.is_empty() { &[][..] } else { &headers[..] };
        let body = (!body.is_empty()).then_some(body);
        let answer = self.client.send(method, path, headers, body, Auth::Admin)?;
        Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    fn run(&self, words: &[&str], input: &str, files: &[(String, String)]) -> Result<Ran, String> {
        let place = Directory::new().map_err(|e| e.to_string())?;
        for (name, text) in files {
            std::fs::write(place.join(name), text).map_err(|e| format!("{name}: {e}"))?;
        }
        let mut command = Command::new(self.program);
        command
            .args(words)
            .current_dir(place.path())
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("TZ", "UTC"), ("LC_ALL", "C")])
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.config);
        let output = finish(&mut command, input)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran { exit: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    fn pass(&self, time: Duration) {
        sleep(time);
    }

    fn url(&self) -> String {
        self.stage.server.url.clone()
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
