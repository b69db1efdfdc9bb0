//! Commands in running containers, and the containers' own processes: begun or attached to, and talked to.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::hijack::{self, Input, Output};
use super::names;
use bollard::models::ExecConfig;
use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder};
use bytes::Bytes;
use kubarium_core::apiserver::ExecQuery;
use std::time::{Duration, Instant};

/// How long after its output a command may take to end, and how often is looked.
const END_TIMEOUT: Duration = Duration::from_secs(10);
const END_PERIOD: Duration = Duration::from_millis(20);

/// Keys that nobody types: the engine's own would take ctrl-p from who edits a command line.
const DETACH_KEYS: &str = "ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-^";

/// A process that somebody talks to. Dropping it leaves the process alone, its input closed.
#[derive(Debug)]
pub struct Process {
    /// What it writes.
    pub output: Output,
    /// What it is told.
    pub input: Input,
    /// What else can be done with it.
    pub control: Control,
}

/// What else can be done with a process.
#[derive(Clone, Debug)]
pub struct Control {
    engine: Engine,
    id: String,
    is_command: bool,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Code(i64),
    /// It never began.
    NeverBegan,
    /// It may still run: its outputs are closed.
    Unknown,
}

/// Begins a command, or attaches to a container. The error is a sentence.
pub(super) async fn start(engine: &Engine, query: &ExecQuery) -> Result<Process, String> {
    let missing = || format!("container not found (\"{}\")", query.container);
    let attempt = query.attempt.ok_or_else(missing)?;
    let container = names::container(&query.pod, &query.container, attempt);
    let started = match &query.command {
        Some(words) => exec(engine, &container, words, query.stdin, query.terminal).await,
        None => attach(engine, query, container).await,
    };
    started.map_err(|error| if error.is_missing() || error.is_conflict() { missing() } else { error.message })
}

/// Begins a command in a container.
pub(super) async fn exec(
    engine: &Engine,
    container: &str,
    words: &[String],
    stdin: bool,
    terminal: bool,
) -> Result<Process, EngineError> {
    let config = ExecConfig {
        attach_stdin: Some(stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(terminal),
        detach_keys: Some(DETACH_KEYS.to_owned()),
        cmd: Some(words.to_vec()),
        ..ExecConfig::default()
    };
    let id = limited(CALL_TIMEOUT, engine.docker.create_exec(container, config)).await?.id;
    let body = Bytes::from(serde_json::json!({ "Detach": false, "Tty": terminal }).to_string());
    let (output, input) = hijack::call(engine, &format!("/exec/{id}/start"), body, terminal).await?;
    Ok(Process { output, input, control: Control { engine: engine.clone(), id, is_command: true } })
}

async fn attach(engine: &Engine, query: &ExecQuery, container: String) -> Result<Process, EngineError> {
    let stdin = u8::from(query.stdin);
    let path = format!("/containers/{container}/attach?stream=1&stdin={stdin}&stdout=1&stderr=1");
    let (output, input) = hijack::call(engine, &path, Bytes::new(), query.terminal).await?;
    Ok(Process { output, input, control: Control { engine: engine.clone(), id: container, is_command: false } })
}

impl Control {
    /// Tells the process how large its terminal is, in characters. One that has none, or has ended, is not told.
    pub async fn resize(&self, width: u16, height: u16) {
        let (width, height) = (i32::from(width), i32::from(height));
        let docker = &self.engine.docker;
        let told = if self.is_command {
            let options = ResizeExecOptionsBuilder::new().w(width).h(height).build();
            limited(CALL_TIMEOUT, docker.resize_exec(&self.id, options)).await
        } else {
            let options = ResizeContainerTTYOptionsBuilder::new().w(width).h(height).build();
            limited(CALL_TIMEOUT, docker.resize_container_tty(&self.id, options)).await
        };
        if let Err(error) = told {
            tracing::debug!(node = %self.engine.node, error = error.message, "a terminal was not resized");
        }
    }

    /// How a command ended whose outputs are closed. Of a container itself that is not asked. The error is a sentence.
    pub async fn end(&self) -> Result<End, String> {
        if !self.is_command {
            return Ok(End::Unknown);
        }
        let start = Instant::now();
        while start.elapsed() < END_TIMEOUT {
            let seen = limited(CALL_TIMEOUT, self.engine.docker.inspect_exec(&self.id)).await.map_err(|e| e.message)?;
            match (seen.running, seen.exit_code) {
                (Some(true), _) | (_, None) => tokio::time::sleep(END_PERIOD).await,
                (_, Some(code)) if code != 0 && seen.pid.unwrap_or_default() == 0 => return Ok(End::NeverBegan),
                (_, Some(code)) => return Ok(End::Code(code)),
            }
        }
        Ok(End::Unknown)
    }
}
