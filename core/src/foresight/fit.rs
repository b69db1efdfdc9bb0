//! How many more of a pod there could be: they are created in a fork, one after the other, until one gets no node.

use super::trial::Trial;
use super::{document, pod_edit, wrong};
use crate::api::{ApiError, Kind, Name, Object, Uid};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use crate::manifest;
use crate::order;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many are created where nobody says.
pub(super) const LIMIT: u32 = 100_000;

/// How many are created at most.
pub(super) const LIMIT_MAX: u32 = 1_000_000;

/// How many replicas are added at a time at most.
const STRIDE_MAX: u32 = 4_096;

/// What came of it.
#[derive(Default)]
struct Fit {
    fits: u32,
    /// How many went to which node.
    nodes: order::Map<Name, u32>,
    /// Why there was no further one; none where nobody asked for more.
    refusal: Option<String>,
    /// The node on which others would have made room for it.
    room_on: Option<Name>,
}

impl Fit {
    /// Counts a pod in; false where it has no node.
    fn count(&mut self, pod: &Object) -> bool {
        let Some(body) = pod.pod() else { return false };
        if let Some(node) = &body.node {
            self.fits += 1;
            *self.nodes.entry(node.to_name()).or_default() += 1;
            return true;
        }
        if self.refusal.is_none() {
            let condition = body.status.condition(&crate::api::ConditionKind::PodScheduled);
            self.refusal = Some(condition.and_then(|c| c.message.as_deref()).unwrap_or_default().to_owned());
            self.room_on.clone_from(&body.status.rarer.nominated_node);
        }
        false
    }

    fn document(self, mut answer: Value, limit: u32) -> Value {
        answer["fits"] = self.fits.into();
        answer["limit"] = limit.into();
        answer["nodes"] = self.nodes.iter().map(|(name, pods)| json!({"name": name.as_str(), "pods": pods})).collect();
        if let Some(message) = self.refusal {
            answer["refusal"] = json!({"message": message});
            if let Some(node) = self.room_on {
                answer["refusal"]["makesRoomOn"] = node.as_str().into();
            }
        }
        answer
    }
}

/// Of a pod: of its controller's, where it has one.
pub(super) fn of_pod(cluster: &Cluster, namespace: &str, name: &str, limit: u32) -> Result<Value, ApiError> {
    let missing = || ApiError::not_found(Kind::Pod, name);
    let pod = cluster.store().get(Kind::Pod, namespace, name).ok_or_else(missing)?;
    let trial = Trial::sparing(cluster);
    if let Some(owner) = pod_edit::owner(&trial.cluster, pod) {
        return of_replicas(cluster, namespace, &owner.meta.name, limit);
    }
    let mut value = pod.document_value();
    let spec = value["spec"].take();
    let metadata = json!({
        "name": name, "namespace": namespace, "labels": value["metadata"]["labels"],
        "annotations": value["metadata"]["annotations"],
    });
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    copies(trial, namespace, body, limit)
}

/// Of the replicas of a controller.
pub(super) fn of_replicas(cluster: &Cluster, namespace: &str, name: &str, limit: u32) -> Result<Value, ApiError> {
    let missing = || ApiError::not_found(Kind::ReplicationController, name);
    cluster.store().get(Kind::ReplicationController, namespace, name).ok_or_else(missing)?;
    replicas(Trial::sparing(cluster), cluster, namespace, name, limit)
}

/// Of what is yet to be created.
pub(super) fn of_manifest(cluster: &Cluster, namespace: &str, text: &str, limit: u32) -> Result<Value, ApiError> {
    let mut documents = manifest::documents(text);
    let (Some(first), None) = (documents.next(), documents.next()) else {
        return Err(wrong("one manifest is wanted: a Pod or a ReplicationController"));
    };
    let mut value = first.map_err(|e| wrong(format!("the manifest cannot be read: {e}")))?.value;
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut trial = Trial::sparing(cluster);
    match kind.as_str() {
        "Pod" => copies(trial, namespace, value, limit),
        "ReplicationController" if cluster.store().get(Kind::ReplicationController, namespace, &name).is_some() => {
            Err(wrong(format!(
                "replicationcontrollers \"{name}\" already exists: ask how many more replicas of it fit, or give the \
                 manifest another name"
            )))
        }
        "ReplicationController" => {
            value["spec"]["replicas"] = 0.into();
            let path = format!("/api/v1/namespaces/{namespace}/replicationcontrollers");
            let made = trial.ask(Method::Post, &path, &value).map_err(wrong)?;
            let name = made["metadata"]["name"].as_str().unwrap_or_default();
            replicas(trial, cluster, namespace, name, limit)
        }
        _ => Err(wrong(format!(
            "kind: Unsupported value: {kind:?}: of a Pod and of a ReplicationController it can be said how many fit"
        ))),
    }
}

/// Creates copies of a pod, one by one.
fn copies(mut trial: Trial, namespace: &str, mut body: Value, limit: u32) -> Result<Value, ApiError> {
    let base = body["metadata"]["name"].as_str().or(body["metadata"]["generateName"].as_str()).unwrap_or("pod");
    let base: String = base.chars().take(200).collect();
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    if let Some(spec) = body["spec"].as_object_mut() {
        // Where they may go is asked, not when.
        spec.remove("schedulingGates");
        spec.remove("nodeName");
        // Admission finds it anew.
        if spec.get("priorityClassName").is_some_and(Value::is_string) {
            spec.remove("priority");
            spec.remove("preemptionPolicy");
        }
    }
    let mut fit = Fit::default();
    let mut number = 0_u32;
    while fit.fits < limit {
        number += 1;
        let name = format!("{}-{number}", base.trim_end_matches('-'));
        if trial.cluster.store().get(Kind::Pod, namespace, &name).is_some() {
            continue;
        }
        body["metadata"]["name"] = name.as_str().into();
        if let Err(message) = trial.ask(Method::Post, &path, &body) {
            if fit.fits == 0 {
                return Err(wrong(message));
            }
            fit.refusal = Some(message);
            break;
        }
        let now = |trial: &Trial| trial.cluster.store().get(Kind::Pod, namespace, &name).cloned();
        if now(&trial).is_some_and(|pod| pod.pod().is_some_and(|p| p.node.is_none())) {
            trial.settle();
        }
        if !now(&trial).is_some_and(|pod| fit.count(&pod)) {
            break;
        }
    }
    Ok(fit.document(document("Fit", namespace, &base), limit))
}

/// Lets a controller keep more and more replicas.
fn replicas(mut trial: Trial, before: &Cluster, namespace: &str, name: &str, limit: u32) -> Result<Value, ApiError> {
    let path = format!("/api/v1/namespaces/{namespace}/replicationcontrollers/{name}");
    let controller = |trial: &Trial| trial.cluster.store().get(Kind::ReplicationController, namespace, name).cloned();
    let missing = || ApiError::not_found(Kind::ReplicationController, name);
    let object = controller(&trial).ok_or_else(missing)?;
    let owner = object.meta.uid;
    let active =
        |o: &&Arc<Object>| o.meta.controller_uid() == Some(owner) && o.meta.deletion.is_none() && owner != Uid::NIL;
    let pods = |trial: &Trial| -> Vec<Arc<Object>> {
        trial.cluster.store().list(Kind::Pod, Some(namespace)).filter(active).cloned().collect()
    };
    let had: u32 = before.store().list(Kind::Pod, Some(namespace)).filter(active).count() as u32;
    let (mut more, mut stride) = (0, 1);
    loop {
        more = limit.min(more + stride);
        stride = (2 * stride).min(STRIDE_MAX);
        trial.ask(Method::Patch, &path, &json!({"spec": {"replicas": had + more}})).map_err(wrong)?;
        trial.settle();
        let mut fit = Fit::default();
        let new = |o: &&Arc<Object>| before.store().get(Kind::Pod, namespace, &o.meta.name).is_none();
        let all = pods(&trial);
        let placed = all.iter().filter(new).filter(|pod| fit.count(pod)).count() as u32;
        if placed < more && fit.refusal.is_none() {
            // They were not even created.
            let failed = controller(&trial).map(|o| o.document_value()["status"]["conditions"].take());
            let failed = failed.as_ref().and_then(Value::as_array).into_iter().flatten();
            let said = failed.filter(|c| c["type"] == "ReplicaFailure").find_map(|c| c["message"].as_str());
            fit.refusal = Some(said.unwrap_or_default().to_owned());
        }
        if fit.refusal.is_some() || more >= limit {
            let mut answer = document("Fit", namespace, name);
            answer["replicas"] = had.into();
            return Ok(fit.document(answer, limit));
        }
    }
}
