//! The kubelet of the records: it acts on every pod once, and only when asked.

use crate::world::{World, path};
use kubarium_core::api::{Kind, Object, PodPhase};
use kubarium_core::apiserver::Method;
use kubarium_core::{Span, Time};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MERGE: &str = "application/merge-patch+json";

/// What it knows besides what the API knows.
#[derive(Default)]
pub(crate) struct Kubelet {
    /// Nodes that renew their lease, and whether they run.
    nodes: BTreeMap<String, bool>,
    dead: BTreeSet<String>,
    held: BTreeSet<String>,
    modes: BTreeMap<String, String>,
    addresses: u32,
}

fn timestamp(at: Time) -> String {
    at.floor_secs().to_string()
}

fn annotation<'a>(pod: &'a Object, key: &str) -> Option<&'a str> {
    pod.meta.annotations.get(key).map(String::as_str)
}

impl Kubelet {
    pub(crate) fn join(&mut self, node: &str, dead: bool) {
        self.nodes.insert(node.to_owned(), true);
        if dead {
            self.dead.insert(node.to_owned());
        } else {
            self.dead.remove(node);
        }
    }

    /// The nodes that renew their lease now.
    pub(crate) fn heartbeats(&self) -> Vec<String> {
        self.nodes.iter().filter(|(n, runs)| **runs && !self.dead.contains(*n)).map(|(n, _)| n.clone()).collect()
    }

    /// The status of a node that is well.
    pub(crate) fn node_status(now: Time) -> Value {
        let now = timestamp(now);
        let room = json!({"cpu": "8", "memory": "16Gi", "pods": "110"});
        json!({"capacity": room, "allocatable": room, "conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady",
             "lastHeartbeatTime": now, "lastTransitionTime": now}
        ]})
    }

    /// Says of nodes that are held not to be ready that they are.
    pub(crate) fn post_ready(world: &mut World) {
        for node in world.kubelet.heartbeats() {
            let Some(object) = world.cluster.store().get(Kind::Node, "", &node) else { continue };
            let conditions = object.node().unwrap().1.conditions.clone().unwrap_or_default();
            if conditions.iter().any(|c| c.type_ == "Ready" && c.status != "True") {
                let status = json!({"status": Self::node_status(world.now())});
                world.must(Method::Patch, &format!("{}/status", path(Kind::Node, Some(&node))), MERGE, &status);
            }
        }
    }

    pub(crate) fn command(world: &mut World, step: &Value) {
        let node = step["node"].as_str().unwrap_or_default().to_owned();
        let pods: Vec<String> =
            step["pods"].as_array().into_iter().flatten().map(|p| world.name(p.as_str().unwrap())).collect();
        let action = step["do"].as_str().unwrap();
        match action {
            "stop" => _ = world.kubelet.nodes.insert(node, false),
            "start" => {
                world.kubelet.nodes.insert(node, true);
                Self::post_ready(world);
            }
            "node-condition" => {
                let now = timestamp(world.now());
                let list: Vec<Value> = step["conditions"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(kind, status)| json!({"type": kind, "status": status, "lastTransitionTime": now}))
                    .collect();
                let status = json!({"status": {"conditions": list}});
                world.must(Method::Patch, &format!("{}/status", path(Kind::Node, Some(&node))), MERGE, &status);
            }
            "hold" => world.kubelet.held.extend(pods),
            "release" => world.kubelet.held.retain(|held| !pods.contains(held)),
            "ready" | "unready" => {
                for pod in pods {
                    world.kubelet.modes.insert(pod.clone(), action.to_owned());
                    Self::set(world, &pod, "Running", action == "ready", 0);
                }
            }
            "fail" | "succeed" => {
                let phase = if action == "fail" { "Failed" } else { "Succeeded" };
                for pod in &pods {
                    Self::set(world, pod, phase, false, 0);
                }
            }
            "crash" => {
                let restarts = step["restarts"].as_i64().unwrap();
                let ready = step["ready"] == json!(true);
                for pod in &pods {
                    Self::set(world, pod, "Running", ready, restarts);
                }
            }
            other => panic!("kubelet {other}"),
        }
    }

    /// Posts the status of a pod.
    fn set(world: &mut World, name: &str, phase: &str, ready: bool, restarts: i64) {
        let object = world.cluster.store().get(Kind::Pod, "default", name).unwrap().clone();
        let age = annotation(&object, "kubelet/ready-age").map_or(0, |a| a.parse().unwrap());
        let now = world.now();
        let since = if ready { now - Span::from_secs(age) } else { now };
        let pod = object.pod().unwrap();
        let address = pod.status.pod_ip.as_ref().map_or_else(
            || {
                world.kubelet.addresses += 1;
                format!("10.244.{}.{}", world.kubelet.addresses / 250, world.kubelet.addresses % 250 + 1)
            },
            ToString::to_string,
        );
        let mut conditions: Vec<Value> = object.to_value()["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|c| c["type"] != "Ready")
            .cloned()
            .collect();
        conditions.push(json!({"type": "Ready", "status": if ready { "True" } else { "False" },
            "lastTransitionTime": timestamp(since)}));
        let containers: Vec<Value> = pod
            .spec
            .containers
            .iter()
            .map(|c| {
                json!({"name": c.name, "image": c.image, "imageID": "", "ready": ready, "restartCount": restarts,
                    "state": {"running": {"startedAt": timestamp(now)}}})
            })
            .collect();
        let status = json!({"status": {"phase": phase, "podIP": address, "podIPs": [{"ip": address}],
            "conditions": conditions, "containerStatuses": containers}});
        world.must(Method::Patch, &format!("{}/status", path(Kind::Pod, Some(name))), MERGE, &status);
    }

    /// Acts once on every pod of a live node. Returns whether there was anything to do.
    pub(crate) fn act(world: &mut World) -> bool {
        let pods: Vec<Arc<Object>> = world.cluster.store().list(Kind::Pod, None).cloned().collect();
        let mut acted = false;
        for object in pods {
            let pod = object.pod().unwrap();
            let name = object.meta.name.as_str();
            let Some(node) = pod.node.as_ref().filter(|n| world.kubelet.nodes.get(n.as_str()) == Some(&true)) else {
                continue;
            };
            let mode = world.kubelet.modes.get(name).map(String::as_str);
            let mode = mode.or(annotation(&object, "kubelet/mode")).unwrap_or("ready").to_owned();
            let held = world.kubelet.held.contains(name) || annotation(&object, "kubelet/hold") == Some("true");
            let node_ready = world.cluster.store().get(Kind::Node, "", node).is_some_and(|n| {
                let conditions = n.node().unwrap().1.conditions.as_ref();
                conditions.is_some_and(|l| l.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
            });
            if object.meta.deletion.is_some() {
                if held {
                    continue;
                }
                let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
                world.must(Method::Delete, &path(Kind::Pod, Some(name)), "application/json", &options);
            } else if pod.status.phase == PodPhase::Pending && mode != "pending" {
                Self::set(world, name, "Running", mode != "unready", 0);
            } else if pod.status.phase == PodPhase::Running && (mode == "succeed" || mode == "fail") {
                Self::set(world, name, if mode == "fail" { "Failed" } else { "Succeeded" }, false, 0);
            } else if pod.status.phase == PodPhase::Running && mode == "ready" && !pod.status.is_ready() && node_ready {
                Self::set(world, name, "Running", true, 0);
            } else {
                continue;
            }
            acted = true;
        }
        acted
    }
}
