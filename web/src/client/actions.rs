//! What a person does to a cluster, wherever on the page they do it: scale, cordon, delete, fail a node.

use super::{ClientError, Notice, Session, merge_patch};
use crate::state::Undo;
use crate::text::{Language, Text};
use crate::worker::protocol::NodeFault;
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::sim::Action;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

impl Session {
    /// Scales a replication controller; can be undone.
    pub(crate) fn scale(&self, language: Language, namespace: &str, name: &str, before: u32, after: u32) {
        let path = format!("/api/v1/namespaces/{namespace}/replicationcontrollers/{name}/scale");
        let to = |replicas: u32| merge_patch(path.clone(), &json!({ "spec": { "replicas": replicas } }));
        let what = language.fill(Text::Scaled, &[name, &before.to_string(), &after.to_string()]);
        self.change(Undo { what, back: to(before), again: to(after) });
    }

    /// Closes a node for new pods, or opens it again; can be undone.
    pub(crate) fn cordon(&self, language: Language, node: &str, closed: bool) {
        let to = |closed: bool| {
            merge_patch(format!("/api/v1/nodes/{node}"), &json!({ "spec": { "unschedulable": closed } }))
        };
        let text = if closed { Text::CordonedNode } else { Text::UncordonedNode };
        self.change(Undo { what: language.fill(text, &[node]), back: to(!closed), again: to(closed) });
    }

    /// Deletes a pod. Cannot be undone; its controller, if it has one, makes another.
    pub(crate) fn delete_pod(&self, language: Language, namespace: &str, name: &str) {
        let session = self.clone();
        let request = Request::new(Method::Delete, format!("/api/v1/namespaces/{namespace}/pods/{name}"));
        let text = language.fill(Text::DeletedPod, &[name]);
        spawn_local(async move {
            if session.send(request).await {
                session.notify.emit(Notice { text, is_error: false });
            }
        });
    }

    /// Closes a node for new pods and asks for the eviction of each pod on it. Evictions cannot be undone.
    pub(crate) fn drain(&self, language: Language, node: &str) {
        let (cordoned, pods) = {
            let rows = self.feed.rows();
            let pods = rows.places().get(node).into_iter().flat_map(|place| place.pods()).filter_map(|s| rows.pod(s));
            let names: Vec<_> = pods.map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
            (rows.node(node).is_some_and(|n| n.cordoned), names)
        };
        if !cordoned {
            self.cordon(language, node, true);
        }
        let session = self.clone();
        spawn_local(async move {
            for (namespace, name) in pods {
                let body = json!({
                    "apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": { "name": name, "namespace": namespace },
                });
                let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
                session.send(Request::new(Method::Post, path).with_json(&body)).await;
            }
        });
    }

    /// Whether a node's machine is off or cut off in the simulation.
    pub(crate) fn is_failed(&self, node: &str) -> bool {
        self.feed.faults(node).iter().any(|f| matches!(f, NodeFault::Off | NodeFault::Partitioned))
    }

    /// Switches a node's machine off, or brings it back. Only in a simulation; elsewhere it does nothing.
    pub(crate) fn toggle_failure(&self, language: Language, node: &str) {
        let name = kubarium_core::api::Name::new(node);
        let faults = self.feed.faults(node);
        let (action, text) = if faults.contains(&NodeFault::Off) {
            (Action::RestoreNode { node: name }, Text::NodeIsBack)
        } else if faults.contains(&NodeFault::Partitioned) {
            (Action::HealNode { node: name }, Text::NodeIsBack)
        } else {
            (Action::FailNode { node: name }, Text::NodeIsOff)
        };
        self.act(action, language.fill(text, &[node]));
    }

    /// Does what only a simulation can do, and says so.
    pub(crate) fn act(&self, action: Action, what: String) {
        let Some(control) = self.client.control() else { return };
        let notify = self.notify.clone();
        spawn_local(async move {
            notify.emit(match control.act(action).await {
                Ok(()) => Notice { text: what, is_error: false },
                Err(ClientError(text)) => Notice { text, is_error: true },
            });
        });
    }
}
