//! Containers, as descriptions of pods and of their templates have them.

use super::base::{date, plain_or, truth};
use super::page::Page;
use crate::go::{entries, items, number, text};
use serde_json::Value;

/// Containers with, in a pod, what is known of them. Those of a template are moved in by a step.
pub(super) fn containers(page: &mut Page, label: &str, all: &[Value], statuses: &[Value], within: Option<&Value>) {
    let space = if within.is_some() { "" } else { "  " };
    page.line(0, &format!("{space}{label}:"));
    for container in all {
        let name = text(container, "/name");
        let indent = if space.is_empty() { "" } else { " " };
        let status = statuses.iter().find(|status| text(status, "/name") == name);
        page.line(1, &format!("{indent}{name}:"));
        basics(page, container, status);
        for (label, field) in [("Command:", "/command"), ("Args:", "/args")] {
            let words = items(container, field);
            if !words.is_empty() {
                page.line(2, label);
            }
            for line in words.iter().filter_map(Value::as_str).flat_map(|word| word.split('\n')) {
                page.line(3, line);
            }
        }
        if let Some(status) = status {
            state(page, "State", &status["state"]);
            if status.pointer("/lastState/terminated").is_some() {
                state(page, "Last State", &status["lastState"]);
            }
            page.row(2, "Ready", truth(&status["ready"]));
            page.row(2, "Restart Count", &number(status, "/restartCount").to_string());
        }
        for (label, field) in [("Limits:", "/resources/limits"), ("Requests:", "/resources/requests")] {
            for (index, (key, value)) in entries(container, field).enumerate() {
                if index == 0 {
                    page.line(2, label);
                }
                page.row(3, key, &plain_or(value, ""));
            }
        }
        for (label, field) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container[field].is_object() {
                page.row(2, label, &probe(&container[field]));
            }
        }
        environment(page, container, within);
        mounts(page, container);
    }
}

fn basics(page: &mut Page, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        page.row(2, "Container ID", text(status, "/containerID"));
    }
    page.row(2, "Image", text(container, "/image"));
    if let Some(status) = status {
        page.row(2, "Image ID", text(status, "/imageID"));
    }
    for (one, many, field) in [("Port", "Ports", "containerPort"), ("Host Port", "Host Ports", "hostPort")] {
        let all = items(container, "/ports").iter();
        let ports: Vec<String> = all
            .map(|port| {
                let protocol = match text(port, "/protocol") {
                    "" => "TCP",
                    protocol => protocol,
                };
                format!("{}/{protocol}", number(port, &format!("/{field}")))
            })
            .collect();
        let label = if ports.len() > 1 { many } else { one };
        page.row(2, label, if ports.is_empty() { "<none>".to_owned() } else { ports.join(", ") }.as_str());
    }
    let profile = text(container, "/securityContext/seccompProfile/type");
    page.row_if(2, "SeccompProfile", profile);
}

fn state(page: &mut Page, label: &str, state: &Value) {
    if state["running"].is_object() {
        page.row(2, label, "Running");
        page.row(3, "Started", &date(text(state, "/running/startedAt")));
    } else if let Some(ended) = state.get("terminated").filter(|ended| ended.is_object()) {
        page.row(2, label, "Terminated");
        page.row_if(3, "Reason", text(ended, "/reason"));
        page.row_if(3, "Message", text(ended, "/message"));
        page.row(3, "Exit Code", &number(ended, "/exitCode").to_string());
        if number(ended, "/signal") > 0 {
            page.row(3, "Signal", &number(ended, "/signal").to_string());
        }
        for (label, field) in [("Started", "/startedAt"), ("Finished", "/finishedAt")] {
            let instant = text(ended, field);
            page.row(3, label, &if instant.is_empty() { NO_DATE.to_owned() } else { date(instant) });
        }
    } else {
        page.row(2, label, "Waiting");
        page.row_if(3, "Reason", text(state, "/waiting/reason"));
    }
}

/// How Go writes an instant that is not set.
const NO_DATE: &str = "Mon, 01 Jan 0001 00:00:00 +0000";

fn probe(probe: &Value) -> String {
    let or = |field: &str, otherwise: i64| probe.get(field).and_then(Value::as_i64).unwrap_or(otherwise);
    let times = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        or("initialDelaySeconds", 0),
        or("timeoutSeconds", 1),
        or("periodSeconds", 10),
        or("successThreshold", 1),
        or("failureThreshold", 3)
    );
    if probe["exec"].is_object() {
        let words: Vec<&str> = items(probe, "/exec/command").iter().filter_map(Value::as_str).collect();
        format!("exec [{}] {times}", words.join(" "))
    } else if let Some(http) = probe.get("httpGet").filter(|http| http.is_object()) {
        let scheme = match text(http, "/scheme") {
            "" => "http".to_owned(),
            scheme => scheme.to_lowercase(),
        };
        let path = text(http, "/path");
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        format!("http-get {scheme}://{}:{}{slash}{path} {times}", text(http, "/host"), plain_or(&http["port"], ""))
    } else if let Some(tcp) = probe.get("tcpSocket").filter(|tcp| tcp.is_object()) {
        format!("tcp-socket {}:{} {times}", text(tcp, "/host"), plain_or(&tcp["port"], ""))
    } else if let Some(grpc) = probe.get("grpc").filter(|grpc| grpc.is_object()) {
        format!("grpc <pod>:{} {} {times}", number(grpc, "/port"), text(grpc, "/service"))
    } else {
        format!("unknown {times}")
    }
}

fn environment(page: &mut Page, container: &Value, pod: Option<&Value>) {
    let from = items(container, "/envFrom");
    if !from.is_empty() {
        page.line(2, "Environment Variables from:");
    }
    for source in from {
        let (kind, of) =
            if source["secretRef"].is_object() { ("Secret", "secretRef") } else { ("ConfigMap", "configMapRef") };
        let prefix = match text(source, "/prefix") {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        let optional = source[of]["optional"] == true;
        page.line(3, &format!("{}\t{kind}{prefix}\tOptional: {optional}", text(&source[of], "/name")));
    }
    let all = items(container, "/env");
    if all.is_empty() {
        page.row(2, "Environment", "<none>");
        return;
    }
    page.line(2, "Environment:");
    for variable in all {
        let name = text(variable, "/name");
        let source = &variable["valueFrom"];
        if source.is_null() {
            for (index, line) in text(variable, "/value").split('\n').enumerate() {
                page.line(3, &if index == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
            }
        } else if let Some(key) = source.get("secretKeyRef") {
            page.line(3, &reference(name, "in secret", key));
        } else if let Some(key) = source.get("configMapKeyRef") {
            page.line(3, &reference(name, "of config map", key));
        } else if let Some(field) = source.get("fieldRef") {
            let path = text(field, "/fieldPath");
            let value = pod.map(|pod| field_of(pod, path)).unwrap_or_default();
            let version = match text(field, "/apiVersion") {
                "" => "v1",
                version => version,
            };
            page.row(3, name, &format!("{value} ({version}:{path})"));
        } else if let Some(resource) = source.get("resourceFieldRef") {
            let word = text(resource, "/resource");
            let found = container.pointer(&format!("/resources/{}", word.replace('.', "/")));
            page.row(
                3,
                name,
                &format!("{} ({word})", found.map_or("node allocatable".to_owned(), |v| plain_or(v, ""))),
            );
        }
    }
}

fn reference(name: &str, of: &str, key: &Value) -> String {
    let optional = key["optional"] == true;
    format!("{name}:\t<set to the key '{}' {of} '{}'>\tOptional: {optional}", text(key, "/key"), text(key, "/name"))
}

/// What a field path such as `metadata.labels['app']` comes to in a pod.
fn field_of(pod: &Value, path: &str) -> String {
    let (path, key) = match path.split_once('[') {
        Some((path, key)) => (path, Some(key.trim_matches(['\'', '"', ']']))),
        None => (path, None),
    };
    // Others are known to the node only.
    let mut value = pod.pointer(&format!("/{}", path.replace('.', "/"))).filter(|_| path.starts_with("metadata."));
    if let Some(key) = key {
        value = value.and_then(|map| map.get(key));
    }
    value.map(|value| plain_or(value, "")).unwrap_or_default()
}

fn mounts(page: &mut Page, container: &Value) {
    let mut mounts: Vec<&Value> = items(container, "/volumeMounts").iter().collect();
    if mounts.is_empty() {
        page.row(2, "Mounts", "<none>");
        return;
    }
    mounts.sort_by_key(|mount| text(mount, "/mountPath"));
    page.line(2, "Mounts:");
    for mount in mounts {
        let access = if mount["readOnly"] == true { "ro" } else { "rw" };
        let part = match text(mount, "/subPath") {
            "" => String::new(),
            path => format!(",path={}", crate::go::quoted(path)),
        };
        page.line(3, &format!("{} from {} ({access}{part})", text(mount, "/mountPath"), text(mount, "/name")));
    }
}
