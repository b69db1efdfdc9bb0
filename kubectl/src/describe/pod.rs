//! Pods, and what makes them.

use super::base::{date, joined};
use super::container::containers;
use super::page::Page;
use super::volume::volumes;
use crate::call::Call;
use crate::go::{items, number, text};
use serde_json::Value;

pub(super) fn describe(page: &mut Page, pod: &Value) {
    page.field("Name", pod, "/metadata/name");
    page.field("Namespace", pod, "/metadata/namespace");
    if pod.pointer("/spec/priority").is_some() {
        page.row(0, "Priority", &number(pod, "/spec/priority").to_string());
    }
    page.row_if(0, "Priority Class Name", text(pod, "/spec/priorityClassName"));
    page.row_if(0, "Runtime Class Name", text(pod, "/spec/runtimeClassName"));
    page.row_if(0, "Service Account", text(pod, "/spec/serviceAccountName"));
    match text(pod, "/spec/nodeName") {
        "" => page.row(0, "Node", "<none>"),
        node => page.row(0, "Node", &format!("{node}/{}", text(pod, "/status/hostIP"))),
    }
    let started = text(pod, "/status/startTime");
    if !started.is_empty() {
        page.row(0, "Start Time", &date(started));
    }
    page.pairs("Labels", pod, "/metadata/labels");
    page.annotations("Annotations", pod, "/metadata/annotations");
    let phase = text(pod, "/status/phase");
    let deleted = text(pod, "/metadata/deletionTimestamp");
    if deleted.is_empty() || phase == "Failed" || phase == "Succeeded" {
        page.row(0, "Status", phase);
    } else {
        page.row(0, "Status", &format!("Terminating (lasts {})", page.since(deleted)));
        let grace = number(pod, "/metadata/deletionGracePeriodSeconds");
        page.row(0, "Termination Grace Period", &format!("{grace}s"));
    }
    page.row_if(0, "Reason", text(pod, "/status/reason"));
    page.row_if(0, "Message", text(pod, "/status/message"));
    page.row_if(0, "SeccompProfile", text(pod, "/spec/securityContext/seccompProfile/type"));
    page.field("IP", pod, "/status/podIP");
    let addresses = items(pod, "/status/podIPs");
    if addresses.is_empty() {
        page.row(0, "IPs", "<none>");
    } else {
        page.line(0, "IPs:");
        for address in addresses {
            page.row(1, "IP", text(address, "/ip"));
        }
    }
    let owner = items(pod, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true);
    if let Some(owner) = owner {
        page.row(0, "Controlled By", &format!("{}/{}", text(owner, "/kind"), text(owner, "/name")));
    }
    page.row_if(0, "NominatedNodeName", text(pod, "/status/nominatedNodeName"));
    let inits = items(pod, "/spec/initContainers");
    if !inits.is_empty() {
        containers(page, "Init Containers", inits, items(pod, "/status/initContainerStatuses"), Some(pod));
    }
    let statuses = items(pod, "/status/containerStatuses");
    containers(page, "Containers", items(pod, "/spec/containers"), statuses, Some(pod));
    let ephemeral = items(pod, "/spec/ephemeralContainers");
    if !ephemeral.is_empty() {
        containers(
            page,
            "Ephemeral Containers",
            ephemeral,
            items(pod, "/status/ephemeralContainerStatuses"),
            Some(pod),
        );
    }
    gates(page, pod);
    page.conditions(pod);
    volumes(page, items(pod, "/spec/volumes"), "");
    page.field("QoS Class", pod, "/status/qosClass");
    page.pairs("Node-Selectors", pod, "/spec/nodeSelector");
    tolerations(page, "Tolerations", items(pod, "/spec/tolerations"));
}

fn gates(page: &mut Page, pod: &Value) {
    let gates = items(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return;
    }
    page.line(0, "Readiness Gates:");
    page.line(1, "Type\tStatus");
    for gate in gates {
        let kind = text(gate, "/conditionType");
        let met = items(pod, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind);
        page.line(1, &format!("{kind} \t{} ", met.map_or("<none>", |condition| text(condition, "/status"))));
    }
}

fn tolerations(page: &mut Page, label: &str, all: &[Value]) {
    let mut all: Vec<&Value> = all.iter().collect();
    all.sort_by_key(|toleration| text(toleration, "/key"));
    let words: Vec<String> = all
        .into_iter()
        .map(|toleration| {
            let (key, value, effect) =
                (text(toleration, "/key"), text(toleration, "/value"), text(toleration, "/effect"));
            let mut word = key.to_owned();
            if !value.is_empty() {
                word = format!("{word}={value}");
            }
            if !effect.is_empty() {
                word = format!("{word}:{effect}");
            }
            if text(toleration, "/operator") == "Exists" && value.is_empty() {
                let gap = if key.is_empty() && effect.is_empty() { "" } else { " " };
                word = format!("{word}{gap}op=Exists");
            }
            if toleration.get("tolerationSeconds").is_some() {
                word = format!("{word} for {}s", number(toleration, "/tolerationSeconds"));
            }
            word
        })
        .collect();
    page.several(label, &words);
}

/// A replication controller.
pub(super) async fn controller(call: &Call<'_>, page: &mut Page, object: &Value) {
    page.field("Name", object, "/metadata/name");
    page.field("Namespace", object, "/metadata/namespace");
    page.row(0, "Selector", &joined(object, "/spec/selector"));
    page.pairs("Labels", object, "/metadata/labels");
    page.annotations("Annotations", object, "/metadata/annotations");
    let (now, wanted) = (number(object, "/status/replicas"), number(object, "/spec/replicas"));
    page.row(0, "Replicas", &format!("{now} current / {wanted} desired"));
    let namespace = crate::api::encoded(text(object, "/metadata/namespace"));
    let selector = joined(object, "/spec/selector");
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    match call.get(&path, &[("labelSelector", &selector)], "application/json").await {
        Ok(list) => {
            let uid = text(object, "/metadata/uid");
            let owned = |pod: &&Value| {
                let mut owners = items(pod, "/metadata/ownerReferences").iter();
                owners.any(|owner| owner["controller"] == true && text(owner, "/uid") == uid)
            };
            let pods: Vec<&Value> = items(&list, "/items").iter().filter(owned).collect();
            let count = |phase: &str| pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count();
            let counts = format!(
                "{} Running / {} Waiting / {} Succeeded / {} Failed",
                count("Running"),
                count("Pending"),
                count("Succeeded"),
                count("Failed")
            );
            page.row(0, "Pods Status", &counts);
        }
        Err(failure) => page.row(0, "Pods Status", &format!("error in fetching pods: {}", failure.message())),
    }
    template(page, &object["spec"]["template"]);
    page.conditions(object);
}

/// What pods are made from.
fn template(page: &mut Page, template: &Value) {
    page.line(0, "Pod Template:");
    if template.is_null() {
        page.line(1, "<unset>");
        return;
    }
    page.pairs("  Labels", template, "/metadata/labels");
    if template.pointer("/metadata/annotations").is_some() {
        page.annotations("  Annotations", template, "/metadata/annotations");
    }
    page.row_if(1, "Service Account", text(template, "/spec/serviceAccountName"));
    let inits = items(template, "/spec/initContainers");
    if !inits.is_empty() {
        containers(page, "Init Containers", inits, &[], None);
    }
    containers(page, "Containers", items(template, "/spec/containers"), &[], None);
    volumes(page, items(template, "/spec/volumes"), "  ");
    page.row_if(1, "Priority Class Name", text(template, "/spec/priorityClassName"));
    page.pairs("  Node-Selectors", template, "/spec/nodeSelector");
    tolerations(page, "  Tolerations", items(template, "/spec/tolerations"));
}
