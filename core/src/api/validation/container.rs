//! Rules for containers.

use super::errors::Errors;
use crate::api::Quantity;
use crate::api::names::{dns1123_label_errors, port_name_errors, qualified_name_errors};
use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check_all(
    spec: &k8s::PodSpec,
    path: &str,
    volumes: &BTreeSet<&str>,
    config: &Config,
    errors: &mut Errors,
) {
    if spec.containers.is_empty() {
        errors.required(format_args!("{path}.containers"), "");
    }
    let mut names = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let at = format!("{path}.containers[{index}]");
        check(container, &at, volumes, &mut names, config, errors);
        check_host_ports(container, &at, &mut host_ports, errors);
    }
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let at = format!("{path}.initContainers[{index}]");
        check(container, &at, volumes, &mut names, config, errors);
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        if let Some(policy) = container.restart_policy.as_deref().filter(|p| *p != "Always") {
            errors.not_supported(format_args!("{at}.restartPolicy"), policy, &["Always"]);
        }
        for (field, set) in [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ] {
            if set && !sidecar {
                errors.forbidden(
                    format_args!("{at}.{field}"),
                    "may not be set for init containers without restartPolicy=Always",
                );
            }
        }
    }
}

fn check<'a>(
    container: &'a k8s::Container,
    at: &str,
    volumes: &BTreeSet<&str>,
    names: &mut BTreeSet<&'a str>,
    config: &Config,
    errors: &mut Errors,
) {
    if container.name.is_empty() {
        errors.required(format_args!("{at}.name"), "");
    } else {
        errors.all_invalid(format_args!("{at}.name"), &container.name, dns1123_label_errors(&container.name));
        if !names.insert(&container.name) {
            errors.duplicate(format_args!("{at}.name"), container.name.as_str());
        }
    }
    let image = container.image.as_deref().unwrap_or_default();
    if image.is_empty() {
        errors.required(format_args!("{at}.image"), "");
    } else if image.trim() != image {
        errors.invalid(format_args!("{at}.image"), image, "must not have leading or trailing whitespace");
    }
    errors.one_of(
        format_args!("{at}.terminationMessagePolicy"),
        container.termination_message_policy.as_deref(),
        &["File", "FallbackToLogsOnError"],
        true,
    );
    errors.one_of(
        format_args!("{at}.imagePullPolicy"),
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
        true,
    );
    check_ports(container, at, errors);
    check_env(container, at, errors);
    check_mounts(container, at, volumes, errors);
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            check_probe(probe, &format!("{at}.{field}"), field, errors);
        }
    }
    if let Some(lifecycle) = &container.lifecycle {
        for (field, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            if let Some(handler) = handler {
                let handlers = [
                    ("exec", handler.exec.is_some()),
                    ("httpGet", handler.http_get.is_some()),
                    ("tcpSocket", handler.tcp_socket.is_some()),
                    ("sleep", handler.sleep.is_some()),
                ];
                one_handler(&handlers, &format!("{at}.lifecycle.{field}"), errors);
            }
        }
    }
    if let Some(resources) = &container.resources {
        check_resources(resources, &format!("{at}.resources"), errors);
    }
    if let Some(security) = &container.security_context {
        check_security(security, &format!("{at}.securityContext"), config, errors);
    }
}

fn one_handler(handlers: &[(&str, bool)], at: &str, errors: &mut Errors) {
    let mut set = handlers.iter().filter(|(_, set)| *set);
    if set.next().is_none() {
        errors.required(at, "must specify a handler type");
    }
    for (name, _) in set {
        errors.forbidden(format_args!("{at}.{name}"), "may not specify more than 1 handler type");
    }
}

fn check_ports(container: &k8s::Container, at: &str, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let at = format!("{at}.ports[{index}]");
        if let Some(name) = port.name.as_deref().filter(|n| !n.is_empty()) {
            let problems = port_name_errors(name);
            if problems.is_empty() {
                if !names.insert(name) {
                    errors.duplicate(format_args!("{at}.name"), name);
                }
            } else {
                errors.all_invalid(format_args!("{at}.name"), name, problems);
            }
        }
        if port.container_port == 0 {
            errors.required(format_args!("{at}.containerPort"), "");
        } else {
            errors.port(format_args!("{at}.containerPort"), port.container_port);
        }
        if let Some(host_port) = port.host_port.filter(|p| *p != 0) {
            errors.port(format_args!("{at}.hostPort"), host_port);
        }
        errors.one_of(format_args!("{at}.protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"], true);
    }
}

fn check_host_ports(
    container: &k8s::Container,
    at: &str,
    taken: &mut BTreeSet<(String, String, i32)>,
    errors: &mut Errors,
) {
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let Some(number) = port.host_port.filter(|p| *p != 0) else { continue };
        let key = (port.protocol.clone().unwrap_or_default(), port.host_ip.clone().unwrap_or_default(), number);
        let text = format!("{}/{}/{number}", key.0, key.1);
        if !taken.insert(key) {
            errors.duplicate(format_args!("{at}.ports[{index}].hostPort"), text);
        }
    }
}

fn check_env(container: &k8s::Container, at: &str, errors: &mut Errors) {
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let at = format!("{at}.env[{index}]");
        if variable.name.is_empty() {
            errors.required(format_args!("{at}.name"), "");
        } else if variable.name.contains('=') || !variable.name.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            errors.invalid(
                format_args!("{at}.name"),
                variable.name.as_str(),
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            );
        }
        let Some(from) = &variable.value_from else { continue };
        let at = format!("{at}.valueFrom");
        let sources = [
            from.field_ref.is_some(),
            from.resource_field_ref.is_some(),
            from.config_map_key_ref.is_some(),
            from.secret_key_ref.is_some(),
            from.file_key_ref.is_some(),
        ];
        for (field, key) in [
            ("configMapKeyRef", from.config_map_key_ref.as_ref().map(|r| &r.key)),
            ("secretKeyRef", from.secret_key_ref.as_ref().map(|r| &r.key)),
        ] {
            match key.map(String::as_str) {
                Some("") => errors.required(format_args!("{at}.{field}.key"), ""),
                Some(key) if !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => errors.invalid(
                    format_args!("{at}.{field}.key"),
                    key,
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
                ),
                _ => {}
            }
        }
        match sources.iter().filter(|s| **s).count() {
            0 => errors.invalid(
                &at,
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            ),
            _ if !variable.value.as_deref().unwrap_or_default().is_empty() => {
                errors.invalid(&at, "", "may not be specified when `value` is not empty");
            }
            1 => {}
            _ => errors.invalid(&at, "", "may not have more than one field specified at a time"),
        }
    }
}

fn check_mounts(container: &k8s::Container, at: &str, volumes: &BTreeSet<&str>, errors: &mut Errors) {
    let mut paths = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let at = format!("{at}.volumeMounts[{index}]");
        if mount.name.is_empty() {
            errors.required(format_args!("{at}.name"), "");
        }
        if !volumes.contains(mount.name.as_str()) {
            errors.not_found(format_args!("{at}.name"), &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required(format_args!("{at}.mountPath"), "");
        }
        if !paths.insert(mount.mount_path.as_str()) {
            errors.invalid(format_args!("{at}.mountPath"), mount.mount_path.as_str(), "must be unique");
        }
        if let Some(sub) = mount.sub_path.as_deref().filter(|p| !p.is_empty()) {
            if sub.starts_with('/') {
                errors.invalid(format_args!("{at}.subPath"), sub, "must be a relative path");
            } else if sub.split('/').any(|p| p == "..") {
                errors.invalid(format_args!("{at}.subPath"), sub, "must not contain '..'");
            }
        }
    }
}

fn check_probe(probe: &k8s::Probe, at: &str, kind: &str, errors: &mut Errors) {
    let handlers = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    one_handler(&handlers, at, errors);
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        errors.not_negative(format_args!("{at}.{field}"), value.map(i64::from));
    }
    if kind != "readinessProbe" && probe.success_threshold.is_some_and(|n| n > 1) {
        errors.invalid(format_args!("{at}.successThreshold"), probe.success_threshold, "must be 1");
    }
    if let Some(grace) = probe.termination_grace_period_seconds {
        let field = format!("{at}.terminationGracePeriodSeconds");
        if kind == "readinessProbe" {
            errors.invalid(field, grace, "must not be set for readinessProbes");
        } else if grace <= 0 {
            errors.invalid(field, grace, "must be greater than 0");
        }
    }
    if let Some(http) = &probe.http_get {
        check_port_or_name(&http.port, &format!("{at}.httpGet.port"), errors);
        errors.one_of(format_args!("{at}.httpGet.scheme"), http.scheme.as_deref(), &["HTTP", "HTTPS"], true);
    }
    if let Some(tcp) = &probe.tcp_socket {
        check_port_or_name(&tcp.port, &format!("{at}.tcpSocket.port"), errors);
    }
    if let Some(exec) = &probe.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.required(format_args!("{at}.exec.command"), "");
    }
}

pub(super) fn check_port_or_name(port: &IntOrString, at: &str, errors: &mut Errors) {
    match port {
        IntOrString::Int(number) => errors.port(at, *number),
        IntOrString::String(name) => errors.all_invalid(at, name, port_name_errors(name)),
    }
}

const OVERCOMMIT: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

fn check_resources(resources: &k8s::ResourceRequirements, at: &str, errors: &mut Errors) {
    let empty = BTreeMap::new();
    let limits = resources.limits.as_ref().unwrap_or(&empty);
    let requests = resources.requests.as_ref().unwrap_or(&empty);
    let mut huge = false;
    for (map, field) in [(limits, "limits"), (requests, "requests")] {
        for (name, text) in map {
            let at = format!("{at}.{field}[{name}]");
            check_resource_name(name, &at, errors);
            let Ok(quantity) = Quantity::parse(&text.0) else {
                errors.invalid(&at, text.0.as_str(), "must be a quantity such as 500m, 2 or 1.5Gi");
                continue;
            };
            if quantity.signum() < 0 {
                errors.invalid(&at, text.0.as_str(), "must be greater than or equal to 0");
            }
            if name.contains('/') && !quantity.is_whole() {
                errors.invalid(&at, text.0.as_str(), "must be an integer");
            }
            if let Some(size) = name.strip_prefix("hugepages-") {
                huge = true;
                let page = Quantity::parse(size).map_or(0, Quantity::value);
                if page > 0 && quantity.value() % page != 0 {
                    let detail = format!("{quantity} is not positive integer multiple of {name}");
                    errors.invalid(&at, text.0.as_str(), &detail);
                }
            }
        }
    }
    for (name, text) in requests {
        let Ok(request) = Quantity::parse(&text.0) else { continue };
        let overcommit = OVERCOMMIT.contains(&name.as_str());
        match limits.get(name).map(|l| (l, Quantity::parse(&l.0))) {
            Some((limit, Ok(parsed))) => {
                if !overcommit && request.compare(parsed).is_ne() {
                    let detail = format!("must be equal to {name} limit of {}", limit.0);
                    errors.invalid(format_args!("{at}.requests"), text.0.as_str(), &detail);
                } else if request.compare(parsed).is_gt() {
                    let detail = format!("must be less than or equal to {name} limit of {}", limit.0);
                    errors.invalid(format_args!("{at}.requests"), text.0.as_str(), &detail);
                }
            }
            None if !overcommit => {
                errors.required(format_args!("{at}.limits"), "Limit must be set for non overcommitable resources");
            }
            Some((_, Err(_))) | None => {}
        }
    }
    let has = |name: &str| limits.contains_key(name) || requests.contains_key(name);
    if huge && !has("cpu") && !has("memory") {
        errors.forbidden(at, "HugePages require cpu or memory");
    }
}

/// The name of a resource that containers may ask for.
pub(super) fn check_resource_name(name: &str, at: &str, errors: &mut Errors) {
    if !name.contains('/') && !is_standard(name) {
        errors.invalid(at, name, "must be a standard resource type or fully qualified");
        errors.invalid(at, name, "must be a standard resource for containers");
    } else {
        errors.all_invalid(at, name, qualified_name_errors(name));
    }
}

fn is_standard(name: &str) -> bool {
    OVERCOMMIT.contains(&name) || name.starts_with("hugepages-")
}

pub(super) fn check_id(at: String, id: Option<i64>, errors: &mut Errors) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        errors.invalid(at, id, "must be between 0 and 2147483647, inclusive");
    }
}

pub(super) fn check_seccomp(profile: &k8s::SeccompProfile, at: &str, errors: &mut Errors) {
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("Localhost", None | Some("")) => {
            errors.required(format_args!("{at}.localhostProfile"), "must be set when seccomp type is Localhost");
        }
        ("RuntimeDefault" | "Unconfined", Some(local)) => {
            errors.invalid(
                format_args!("{at}.localhostProfile"),
                local,
                "can only be set when seccomp type is Localhost",
            );
        }
        _ => {}
    }
    errors.one_of(
        format_args!("{at}.type"),
        Some(&profile.type_),
        &["Localhost", "RuntimeDefault", "Unconfined"],
        true,
    );
}

fn check_security(security: &k8s::SecurityContext, at: &str, config: &Config, errors: &mut Errors) {
    if security.privileged == Some(true) && !config.allow_privileged {
        errors.forbidden(format_args!("{at}.privileged"), "disallowed by cluster policy");
    }
    check_id(format!("{at}.runAsUser"), security.run_as_user, errors);
    check_id(format!("{at}.runAsGroup"), security.run_as_group, errors);
    if security.allow_privilege_escalation == Some(false) && security.privileged == Some(true) {
        // Upstream prints its internal structure here.
        let value = json!({
            "Capabilities": security.capabilities, "Privileged": security.privileged,
            "SELinuxOptions": security.se_linux_options, "WindowsOptions": security.windows_options,
            "RunAsUser": security.run_as_user, "RunAsGroup": security.run_as_group,
            "RunAsNonRoot": security.run_as_non_root, "ReadOnlyRootFilesystem": security.read_only_root_filesystem,
            "AllowPrivilegeEscalation": security.allow_privilege_escalation, "ProcMount": security.proc_mount,
            "SeccompProfile": security.seccomp_profile, "AppArmorProfile": security.app_armor_profile,
        });
        errors.invalid(at, value, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    }
    if let Some(profile) = &security.seccomp_profile {
        check_seccomp(profile, &format!("{at}.seccompProfile"), errors);
    }
}
