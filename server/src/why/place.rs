//! Where a question is asked: a server, or a scenario.

use crate::failure::Failure;
use crate::remote::{Remote, RemoteArguments};
use crate::{kubeconfig, simulate};
use clap::Args;
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Input, Span};
use serde_json::Value;
use std::path::PathBuf;

/// Flags that say of which cluster something is asked.
#[derive(Args, Debug)]
pub(super) struct PlaceArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// File that says where the server is, its authority and the token, as `kubarium kubeconfig` writes it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "token_file", "data_dir", "certificate_authority"])]
    kubeconfig: Option<PathBuf>,
    /// Ask no server, but a cluster that is simulated first: manifests and scenarios as `kubarium simulate` takes them,
    /// each with this flag.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "kubeconfig", "token_file", "data_dir", "certificate_authority"])]
    scenario: Vec<String>,
    /// How much virtual time passes before the question, such as 90s or 2h. Without it, until nothing is left to happen
    /// (a day at most).
    #[arg(long, value_name = "DURATION", value_parser = simulate::duration, requires = "scenario")]
    after: Option<Span>,
    /// Seed of every random choice; takes the place of the scenario's.
    #[arg(long, requires = "scenario")]
    seed: Option<u64>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A cluster that can be asked.
pub(super) enum Place {
    Server(Remote),
    Simulated(Box<Cluster>),
}

impl PlaceArguments {
    /// The cluster. A scenario is played here.
    pub(super) fn find(&self) -> Result<Place, Failure> {
        if !self.scenario.is_empty() {
            let world = simulate::play(&self.scenario, self.seed, self.after)?;
            return Ok(Place::Simulated(Box::new(world.cluster().clone())));
        }
        Ok(Place::Server(match &self.kubeconfig {
            Some(path) => kubeconfig::read(path)?,
            None => self.remote.find()?,
        }))
    }
}

impl Place {
    /// Asks for a document.
    pub(super) fn get(&mut self, path: &str) -> Result<Value, Failure> {
        match self {
            Self::Server(remote) => remote.ask("GET", path, "application/json", ""),
            Self::Simulated(cluster) => ask(cluster, Method::Get, path, ""),
        }
    }

    /// Asks for a document, with a text that the question is about.
    pub(super) fn post(&mut self, path: &str, body: &str) -> Result<Value, Failure> {
        match self {
            Self::Server(remote) => remote.ask("POST", path, "application/yaml", body),
            Self::Simulated(cluster) => ask(cluster, Method::Post, path, body),
        }
    }
}

/// Asks a cluster as a client would.
fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &str) -> Result<Value, Failure> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = Request { query: query.to_owned(), body: body.to_owned(), ..Request::new(method, path) };
    let now = cluster.now();
    let Some(Answer::Done(done)) = cluster.handle(now, Input::Request(request)).answer else {
        return Err(Failure::running(format!("{path} is nothing that can be told in one answer")));
    };
    let value: Value = serde_json::from_str(&done.body).unwrap_or_default();
    match done.status {
        ..400 => Ok(value),
        status => {
            let said = value["message"].as_str().unwrap_or(&done.body);
            Err(Failure::running(format!("the cluster answers {status}: {said}")))
        }
    }
}

/// A name as it stands in a path: what cannot be in one is refused here, before it becomes another path.
pub(super) fn segment<'a>(what: &str, name: &'a str) -> Result<&'a str, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::usage(format!("{what}: `{name}` is no name: letters, digits, `-` and `.` make one")));
    }
    Ok(name)
}
