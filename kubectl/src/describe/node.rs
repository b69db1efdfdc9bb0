//! Nodes, with the pods on them.

use super::base::date;
use super::page::Page;
use crate::call::Call;
use crate::go::{entries, items, text};
use kubarium_core::api::Quantity;
use serde_json::Value;

pub(super) async fn describe(call: &Call<'_>, page: &mut Page, node: &Value) {
    let name = text(node, "/metadata/name");
    page.field("Name", node, "/metadata/name");
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in entries(node, "/metadata/labels") {
        match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => roles.push(role),
            None if key == "kubernetes.io/role" => roles.extend(value.as_str()),
            None => {}
        }
    }
    roles.retain(|role| !role.is_empty());
    roles.sort_unstable();
    roles.dedup();
    page.row(0, "Roles", if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }.as_str());
    page.pairs("Labels", node, "/metadata/labels");
    page.annotations("Annotations", node, "/metadata/annotations");
    page.row(0, "CreationTimestamp", &date(text(node, "/metadata/creationTimestamp")));
    let taints: Vec<String> = items(node, "/spec/taints").iter().map(taint).collect();
    page.several("Taints", &taints);
    page.row(
        0,
        "Unschedulable",
        if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) { "true" } else { "false" },
    );
    lease(call, page, name).await;
    conditions(page, node);
    page.line(0, "Addresses:");
    for address in items(node, "/status/addresses") {
        page.row(1, text(address, "/type"), text(address, "/address"));
    }
    for (label, pointer) in [("Capacity:", "/status/capacity"), ("Allocatable:", "/status/allocatable")] {
        for (index, (key, value)) in entries(node, pointer).enumerate() {
            if index == 0 {
                page.line(0, label);
            }
            page.row(1, key, value.as_str().unwrap_or_default());
        }
    }
    page.line(0, "System Info:");
    for (label, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        page.row(1, label, text(node, &format!("/status/nodeInfo/{field}")));
    }
    page.row_if(0, "PodCIDR", text(node, "/spec/podCIDR"));
    let ranges: Vec<&str> = items(node, "/spec/podCIDRs").iter().filter_map(Value::as_str).collect();
    page.row_if(0, "PodCIDRs", &ranges.join(","));
    page.row_if(0, "ProviderID", text(node, "/spec/providerID"));
    let fields = format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded");
    match call.get("/api/v1/pods", &[("fieldSelector", &fields), ("limit", "500")], "application/json").await {
        Ok(list) => pods(page, node, items(&list, "/items")),
        Err(_) => page.row(0, "Pods", "not authorized"),
    }
}

/// A taint in a word.
pub(crate) fn taint(taint: &Value) -> String {
    let (key, value, effect) = (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
    match (value, effect) {
        (_, "") if value.is_empty() => key.to_owned(),
        (_, "") => format!("{key}={value}:"),
        ("", _) => format!("{key}:{effect}"),
        _ => format!("{key}={value}:{effect}"),
    }
}

async fn lease(call: &Call<'_>, page: &mut Page, name: &str) {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
    match call.get(&path, &[], "application/json").await {
        Ok(lease) => {
            let or_unset = |word: &str| if word.is_empty() { "<unset>".to_owned() } else { word.to_owned() };
            page.line(0, "Lease:");
            page.row(1, "HolderIdentity", &or_unset(text(&lease, "/spec/holderIdentity")));
            page.row(1, "AcquireTime", &date(text(&lease, "/spec/acquireTime")));
            page.row(1, "RenewTime", &date(text(&lease, "/spec/renewTime")));
        }
        Err(failure) => page.line(0, &format!("Lease:  Failed to get lease: {}", failure.message())),
    }
}

fn conditions(page: &mut Page, node: &Value) {
    let conditions = items(node, "/status/conditions");
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for condition in conditions {
        page.line(
            1,
            &format!(
                "{} \t{} \t{} \t{} \t{} \t{}",
                text(condition, "/type"),
                text(condition, "/status"),
                date(text(condition, "/lastHeartbeatTime")),
                date(text(condition, "/lastTransitionTime")),
                text(condition, "/reason"),
                text(condition, "/message")
            ),
        );
    }
}

/// How much of a resource a pod asks for, or may have at most.
fn sum(pod: &Value, what: &str, resource: &str) -> Quantity {
    let of = |container: &Value| {
        let found = container.get("resources").and_then(|r| r.get(what)?.get(resource)?.as_str());
        found.and_then(|text| Quantity::parse(text).ok()).unwrap_or(Quantity::from_value(0))
    };
    let total = items(pod, "/spec/containers").iter().map(of).reduce(Quantity::plus);
    let inits = items(pod, "/spec/initContainers").iter().map(of);
    inits.chain(total).reduce(|a, b| if a.compare(b).is_lt() { b } else { a }).unwrap_or(Quantity::from_value(0))
}

fn of_allocatable(amount: Quantity, node: &Value, resource: &str) -> String {
    let room = node.pointer(&format!("/status/allocatable/{resource}")).and_then(Value::as_str);
    let room = room.and_then(|text| Quantity::parse(text).ok()).unwrap_or(Quantity::from_value(0));
    // As upstream reckons: thousandths of a cpu, whole units of all else.
    let of = |quantity: Quantity| if resource == "cpu" { quantity.milli() } else { quantity.value() } as f64;
    let percent = if of(room) > 0.0 { (of(amount) / of(room) * 100.0) as i64 } else { 0 };
    format!("{amount} ({percent}%)")
}

fn pods(page: &mut Page, node: &Value, pods: &[Value]) {
    page.row(0, "Non-terminated Pods", &format!("({} in total)", pods.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in pods {
        let of = |what: &str, resource: &str| of_allocatable(sum(pod, what, resource), node, resource);
        page.line(
            1,
            &format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{}",
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name"),
                of("requests", "cpu"),
                of("limits", "cpu"),
                of("requests", "memory"),
                of("limits", "memory"),
                page.since(text(pod, "/metadata/creationTimestamp"))
            ),
        );
    }
    page.line(0, "Allocated resources:");
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let all = |what: &str| {
            let sums = pods.iter().map(|pod| sum(pod, what, resource));
            of_allocatable(sums.reduce(Quantity::plus).unwrap_or(Quantity::from_value(0)), node, resource)
        };
        page.line(1, &format!("{resource}\t{}\t{}", all("requests"), all("limits")));
    }
    let standard = |key: &str| ["cpu", "memory", "ephemeral-storage", "pods", "storage"].contains(&key);
    for (key, _) in entries(node, "/status/allocatable").filter(|(key, _)| !standard(key)) {
        let all = |what: &str| {
            let sums = pods.iter().map(|pod| sum(pod, what, key));
            sums.reduce(Quantity::plus).unwrap_or(Quantity::from_value(0)).to_string()
        };
        page.line(1, &format!("{key}\t{}\t{}", all("requests"), all("limits")));
    }
}
