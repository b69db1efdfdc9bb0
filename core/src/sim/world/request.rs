//! What the world asks of its cluster's API, and what it answers itself where a driver would.

use super::World;
use crate::api::{ApiError, Kind, Reason};
use crate::apiserver::{Answer, Creation, LogQuery, Method, ProxyTarget, Request, Response};
use crate::cluster::Input;
use crate::runtime::MachineUsage;
use crate::sim::action::ActionError;
use crate::sim::machine::Output;
use crate::sim::manifest::Manifest;
use crate::sim::manifests;
use crate::sim::refusal;
use serde_json::{Value, json};

impl World {
    /// Asks the API. What only a driver can answer is answered as the machines of this world would.
    pub(super) fn request(&mut self, request: Request) -> Option<Answer> {
        let creates_node = request.method == Method::Post && request.path == "/api/v1/nodes";
        let answer = self.handle(Input::Request(request));
        if creates_node && let Some(Answer::Done(Response { status: 201, body, .. })) = &answer {
            // Somebody made a node: in this world there is a machine behind it.
            let name = serde_json::from_str::<Value>(body).ok();
            if let Some(name) = name.as_ref().and_then(|n| n["metadata"]["name"].as_str()) {
                self.plug_in(name.into());
            }
        }
        answer.map(|answer| self.instead_of_driver(answer))
    }

    /// Answers a request that only reads; none for any other. Nothing comes of it, so it is in no recording.
    pub fn look(&self, request: &Request) -> Option<Answer> {
        let draft = self.cluster.look(self.now, request)?;
        Some(self.instead_of_driver(draft.finish()))
    }

    fn instead_of_driver(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Logs(query) => Answer::Done(self.log(&query)),
            Answer::Usage(query) => Answer::Done(query.answer(self.cluster.store(), self.now, &self.usage())),
            Answer::Proxy(target) => Answer::Done(self.answer_of(&target)),
            Answer::Exec(_) | Answer::PortForward(_) => Answer::Done((&nothing_inside()).into()),
            other => other,
        }
    }

    /// What a container has written so far: in this world no more than that it started and ended. None where its machine
    /// cannot be reached.
    pub fn output(&self, query: &LogQuery) -> Option<Output> {
        let machine = self.machine(&query.node).filter(|m| m.is_reachable())?;
        Some(machine.output(query.pod.uid, &query.container, query.attempt))
    }

    /// What is used on the machines that can be reached.
    pub fn usage(&self) -> Vec<MachineUsage> {
        let reachable = self.machines.iter().filter(|machine| machine.is_reachable());
        reachable.map(|machine| machine.usage(self.cluster.store())).collect()
    }

    fn log(&self, query: &LogQuery) -> Response {
        let Some(output) = self.output(query) else {
            return Response::json(500, &manifests::failure(500, &format!("node {} cannot be reached", query.node)));
        };
        let body = output.shown(query);
        Response { status: 200, content_type: "text/plain".to_owned(), warnings: Vec::new(), body }
    }

    /// What a pod answers a request that the API passes on to it.
    fn answer_of(&self, target: &ProxyTarget) -> Response {
        let here = target.pod.as_ref().zip(target.node.as_ref());
        let Some((pod, node)) = here.filter(|(pod, node)| self.answers(pod, node)) else {
            let message = format!("dial tcp {}:{}: connect: no route to host", target.ip, target.port);
            return Response::json(503, &manifests::failure(503, &message));
        };
        let body = format!("{} on {node}: {}\n", pod.name, target.path);
        Response { status: 200, content_type: "text/plain".to_owned(), warnings: Vec::new(), body }
    }

    /// Creates what a manifest says, which may have been read ahead; its namespace first where that is missing.
    pub(super) fn create(&mut self, manifest: &Manifest, read: Option<Box<Creation>>) -> Result<(), ActionError> {
        let (kind, namespace) = manifest.collection()?;
        if !namespace.is_empty() && self.cluster.store().get(Kind::Namespace, "", &namespace).is_none() {
            let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            self.ask(Request::new(Method::Post, "/api/v1/namespaces").with_json(&body), "")?;
        }
        if let Some(creation) = read {
            refusal::accepted(self.handle(Input::Create(creation)).as_ref(), manifest.json())?;
        } else {
            let request = Request::new(Method::Post, manifests::path_to(kind, &namespace));
            let mut request = manifests::with_body(request, manifest);
            // A field that nobody knows is a typing error: refused, as kubectl has it.
            "fieldValidation=Strict".clone_into(&mut request.query);
            self.ask(request, manifest.json())?;
        }
        if kind == Kind::Node && !manifest.name().is_empty() {
            self.plug_in(manifest.name().clone());
        }
        Ok(())
    }

    pub(super) fn apply_manifest(&mut self, manifest: &Manifest) -> Result<(), ActionError> {
        let (kind, namespace) = manifest.collection()?;
        let name = manifest.name();
        if self.cluster.store().get(kind, &namespace, name).is_none() {
            return self.create(manifest, None);
        }
        let path = manifests::path_to(kind, &namespace);
        let mut request = manifests::with_body(Request::new(Method::Patch, format!("{path}/{name}")), manifest);
        "application/merge-patch+json".clone_into(&mut request.content_type);
        self.ask(request, manifest.json())
    }

    /// Has the API do something of which only a refusal is news. It names the field of the manifest it is about.
    fn ask(&mut self, mut request: Request, manifest: &str) -> Result<(), ActionError> {
        request.brief = true;
        refusal::accepted(self.handle(Input::Request(request)).as_ref(), manifest)
    }
}

/// What is answered to who wants into a pod: in this world there is nothing in it.
pub fn nothing_inside() -> ApiError {
    ApiError::new(
        501,
        Reason::Unknown,
        "the pods of a simulated cluster run no programs: there is nothing to run commands in, to attach to or to \
         forward ports of",
    )
}
