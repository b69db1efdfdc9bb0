//! Rules for containers.

use super::errors::Errors;
use super::resources;
use super::{environment, security};
use crate::api::as_container;
use crate::api::names::{dns1123_label_errors, port_name_errors};
use crate::config::Config;
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const NOT_EPHEMERAL: &str = "cannot be set for an Ephemeral Container";

/// What containers find in their pod.
pub(super) struct Surroundings<'a> {
    pub(super) spec: &'a k8s::PodSpec,
    /// The volumes that may be mounted.
    pub(super) volumes: order::Set<&'a str>,
    /// The claims that may be referred to.
    pub(super) claims: order::Set<&'a str>,
    pub(super) config: &'a Config,
}

pub(super) fn check_all(path: &str, around: &Surroundings<'_>, errors: &mut Errors) {
    let spec = around.spec;
    if spec.containers.is_empty() {
        errors.required(format_args!("{path}.containers"), "");
    }
    let ephemeral: Vec<_> = spec.ephemeral_containers.iter().flatten().map(as_container).collect();
    let mut names = order::Set::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let at = format!("{path}.containers[{index}]");
        check(container, &at, around, &mut names, errors);
        check_life(container, &at, spec, errors);
    }
    check_host_ports(&spec.containers, &format!("{path}.containers"), errors);
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let at = format!("{path}.initContainers[{index}]");
        check(container, &at, around, &mut names, errors);
        // Upstream takes each for the first.
        check_host_ports(std::slice::from_ref(container), &format!("{path}.initContainers"), errors);
        if container.restart_policy.as_deref() == Some("Always") {
            check_life(container, &at, spec, errors);
            continue;
        }
        for (field, set) in [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ] {
            if set {
                errors.forbidden(
                    format_args!("{at}.{field}"),
                    "may not be set for init containers without restartPolicy=Always",
                );
            }
        }
    }
    let others = names.clone();
    for (index, container) in ephemeral.iter().enumerate() {
        let at = format!("{path}.ephemeralContainers[{index}]");
        check(container, &at, around, &mut names, errors);
        let target = spec.ephemeral_containers.iter().flatten().nth(index);
        let target = target.and_then(|e| e.target_container_name.as_deref()).unwrap_or_default();
        if !target.is_empty() && !others.contains(target) {
            errors.not_found(format_args!("{at}.targetContainerName"), target);
        }
        check_not_ephemeral(container, &at, errors);
    }
}

/// What an ephemeral container must not have, for nothing of the pod may rest on it.
fn check_not_ephemeral(container: &k8s::Container, at: &str, errors: &mut Errors) {
    let image = container.image.as_deref().unwrap_or_default();
    if image.trim() != image {
        errors.invalid(format_args!("{at}.image"), image, "must not have leading or trailing whitespace");
    }
    let resources = container.resources.as_ref();
    for (field, set) in [
        ("ports", container.ports.as_ref().is_some_and(|ports| !ports.is_empty())),
        ("resources", resources.is_some_and(|r| *r != k8s::ResourceRequirements::default())),
        ("resizePolicy", container.resize_policy.as_ref().is_some_and(|policy| !policy.is_empty())),
        ("restartPolicy", container.restart_policy.is_some()),
        ("restartPolicyRules", container.restart_policy_rules.as_ref().is_some_and(|rules| !rules.is_empty())),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
        ("lifecycle", container.lifecycle.is_some()),
    ] {
        if set {
            errors.forbidden(format_args!("{at}.{field}"), NOT_EPHEMERAL);
        }
    }
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        for (field, path) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            if path.as_ref().is_some_and(|path| !path.is_empty()) {
                errors.forbidden(format_args!("{at}.volumeMounts[{index}].{field}"), NOT_EPHEMERAL);
            }
        }
    }
}

fn check<'a>(
    container: &'a k8s::Container,
    at: &str,
    around: &Surroundings<'_>,
    names: &mut order::Set<&'a str>,
    errors: &mut Errors,
) {
    if container.name.is_empty() {
        errors.required(format_args!("{at}.name"), "");
    } else {
        errors.all_invalid(format_args!("{at}.name"), &container.name, dns1123_label_errors(&container.name));
    }
    if !names.insert(&container.name) {
        errors.duplicate(format_args!("{at}.name"), container.name.as_str());
    }
    errors.present(format_args!("{at}.image"), container.image.as_deref().unwrap_or_default());
    for (field, value, supported, required) in [
        (
            "terminationMessagePolicy",
            &container.termination_message_policy,
            ["File", "FallbackToLogsOnError"].as_slice(),
            true,
        ),
        ("imagePullPolicy", &container.image_pull_policy, &["Always", "IfNotPresent", "Never"], true),
        ("restartPolicy", &container.restart_policy, &["Always", "Never", "OnFailure"], false),
    ] {
        errors.one_of(format_args!("{at}.{field}"), value.as_deref(), supported, required);
    }
    if container.restart_policy.is_none() && container.restart_policy_rules.as_ref().is_some_and(|r| !r.is_empty()) {
        errors.required(format_args!("{at}.restartPolicy"), "must specify restartPolicy when restart rules are used");
    }
    check_ports(container, at, errors);
    environment::check(container, at, errors);
    check_mounts(container, at, around, errors);
    if let Some(asked) = &container.resources {
        resources::check(asked, &format!("{at}.resources"), &around.claims, resources::check_name, errors);
    }
    check_resizing(container, at, around.spec, errors);
    if let Some(context) = &container.security_context {
        let own_users = around.spec.host_users == Some(false);
        security::check_container(context, &format!("{at}.securityContext"), own_users, around.config, errors);
    }
}

/// Upstream names the list of policies, not the policy.
fn check_resizing(container: &k8s::Container, at: &str, spec: &k8s::PodSpec, errors: &mut Errors) {
    let mut seen = order::Set::new();
    for (index, policy) in container.resize_policy.iter().flatten().enumerate() {
        let at = format!("{at}.resizePolicy");
        if !seen.insert(policy.resource_name.as_str()) {
            errors.duplicate(format_args!("{at}[{index}]"), policy.resource_name.as_str());
        }
        errors.one_of(&at, Some(&policy.resource_name), &["cpu", "memory"], true);
        errors.one_of(&at, Some(&policy.restart_policy), &["NotRequired", "RestartContainer"], true);
        if spec.restart_policy.as_deref() == Some("Never") && policy.restart_policy != "NotRequired" {
            let why = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.invalid(&at, policy.restart_policy.as_str(), why);
        }
    }
}

fn check_life(container: &k8s::Container, at: &str, spec: &k8s::PodSpec, errors: &mut Errors) {
    if let Some(lifecycle) = &container.lifecycle {
        for (field, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            let Some(handler) = handler else { continue };
            let how = Handler {
                exec: handler.exec.as_ref(),
                http: handler.http_get.as_ref(),
                tcp: handler.tcp_socket.as_ref(),
                grpc: None,
                sleep: handler.sleep.as_ref(),
            };
            how.check(&format!("{at}.lifecycle.{field}"), spec.termination_grace_period_seconds, errors);
        }
    }
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            check_probe(probe, &format!("{at}.{field}"), field, errors);
        }
    }
}

/// What is done to a container, by a probe or when it starts or stops.
struct Handler<'a> {
    exec: Option<&'a k8s::ExecAction>,
    http: Option<&'a k8s::HTTPGetAction>,
    tcp: Option<&'a k8s::TCPSocketAction>,
    grpc: Option<&'a k8s::GRPCAction>,
    sleep: Option<&'a k8s::SleepAction>,
}

impl Handler<'_> {
    /// Only the first way is looked at.
    fn check(&self, at: &str, grace: Option<i64>, errors: &mut Errors) {
        let ways = [
            ("exec", self.exec.is_some()),
            ("httpGet", self.http.is_some()),
            ("tcpSocket", self.tcp.is_some()),
            ("grpc", self.grpc.is_some()),
            ("sleep", self.sleep.is_some()),
        ];
        let mut set = ways.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
        match set.next() {
            None => errors.required(at, "must specify a handler type"),
            Some("exec") if self.exec.is_some_and(|e| e.command.as_ref().is_none_or(Vec::is_empty)) => {
                errors.required(format_args!("{at}.exec.command"), "");
            }
            Some("httpGet") => {
                let Some(http) = self.http else { return };
                check_port_or_name(&http.port, &format!("{at}.httpGet.port"), errors);
                errors.one_of(format_args!("{at}.httpGet.scheme"), http.scheme.as_deref(), &["HTTP", "HTTPS"], true);
                for header in http.http_headers.iter().flatten() {
                    if header.name.is_empty() || !header.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                        errors.invalid(format_args!("{at}.httpGet.httpHeaders"), header.name.as_str(), "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')");
                    }
                }
            }
            Some("tcpSocket") => {
                let Some(tcp) = self.tcp else { return };
                check_port_or_name(&tcp.port, &format!("{at}.tcpSocket.port"), errors);
            }
            Some("grpc") => errors.port(format_args!("{at}.grpc.port"), self.grpc.map_or(0, |g| g.port)),
            Some("sleep") => {
                let seconds = self.sleep.map_or(0, |s| s.seconds);
                if let Some(grace) = grace.filter(|grace| !(0..=*grace).contains(&seconds)) {
                    let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                    errors.invalid(format_args!("{at}.sleep"), seconds, &why);
                }
            }
            Some(_) => {}
        }
        for other in set {
            errors.forbidden(format_args!("{at}.{other}"), "may not specify more than 1 handler type");
        }
    }
}

fn check_ports(container: &k8s::Container, at: &str, errors: &mut Errors) {
    let mut names = order::Set::new();
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

/// No port of the host twice among these containers.
fn check_host_ports(containers: &[k8s::Container], at: &str, errors: &mut Errors) {
    let mut taken = order::Set::new();
    for (index, container) in containers.iter().enumerate() {
        for (port_index, port) in container.ports.iter().flatten().enumerate() {
            let Some(number) = port.host_port.filter(|p| *p != 0) else { continue };
            let (protocol, ip) = (port.protocol.as_deref(), port.host_ip.as_deref());
            let key = format!("{}/{}/{number}", protocol.unwrap_or_default(), ip.unwrap_or_default());
            if taken.contains(&key) {
                errors.duplicate(format_args!("{at}[{index}].ports[{port_index}].hostPort"), key.as_str());
            }
            taken.insert(key);
        }
    }
}

fn check_mounts(container: &k8s::Container, at: &str, around: &Surroundings<'_>, errors: &mut Errors) {
    let privileged = container.security_context.as_ref().is_some_and(|s| s.privileged == Some(true));
    let devices: Vec<_> = container.volume_devices.iter().flatten().collect();
    let mut paths = order::Set::new();
    // Of some fields upstream names the list, not the item.
    let list = format!("{at}.volumeMounts");
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let at = format!("{list}[{index}]");
        errors.present(format_args!("{at}.name"), &mount.name);
        if !around.volumes.contains(mount.name.as_str()) {
            errors.not_found(format_args!("{at}.name"), &mount.name);
        }
        errors.present(format_args!("{at}.mountPath"), &mount.mount_path);
        if !paths.insert(mount.mount_path.as_str()) {
            errors.invalid(format_args!("{at}.mountPath"), mount.mount_path.as_str(), "must be unique");
        }
        if devices.iter().any(|d| d.name == mount.name) {
            let why = "must not already exist in volumeDevices";
            errors.invalid(format_args!("{at}.name"), mount.name.as_str(), why);
        }
        if devices.iter().any(|d| d.device_path == mount.mount_path) {
            let why = "must not already exist as a path in volumeDevices";
            errors.invalid(format_args!("{at}.mountPath"), mount.mount_path.as_str(), why);
        }
        let (sub, expression) = (mount.sub_path.as_deref(), mount.sub_path_expr.as_deref());
        errors.descending(format_args!("{list}.subPath"), sub.unwrap_or_default());
        if let (Some(expression), Some(_)) = (expression.filter(|e| !e.is_empty()), sub.filter(|s| !s.is_empty())) {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.invalid(format_args!("{at}.subPathExpr"), expression, why);
        }
        errors.descending(format_args!("{list}.subPathExpr"), expression.unwrap_or_default());
        let propagation = mount.mount_propagation.as_deref();
        let modes = ["Bidirectional", "HostToContainer", "None"];
        errors.one_of(format_args!("{list}.mountPropagation"), propagation, &modes, false);
        if propagation == Some("Bidirectional") && !privileged {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            errors.forbidden(format_args!("{list}.mountPropagation"), why);
        }
        let field = format!("{list}.recursiveReadOnly");
        let recursive = mount.recursive_read_only.as_deref();
        errors.one_of(&field, recursive, &["Disabled", "Enabled", "IfPossible"], false);
        if matches!(recursive, Some("Enabled" | "IfPossible")) {
            if mount.read_only != Some(true) {
                errors.forbidden(&field, "may only be specified when readOnly is true");
            }
            if propagation.is_some_and(|p| p != "None") {
                errors.forbidden(&field, "may only be specified when mountPropagation is None or not specified");
            }
        }
    }
    check_devices(container, at, around, errors);
}

fn check_devices(container: &k8s::Container, at: &str, around: &Surroundings<'_>, errors: &mut Errors) {
    let (mut names, mut paths) = (order::Set::new(), order::Set::new());
    for (index, device) in container.volume_devices.iter().flatten().enumerate() {
        let (name, path) = (device.name.as_str(), device.device_path.as_str());
        let (at_name, at_path) =
            (format!("{at}.volumeDevices[{index}].name"), format!("{at}.volumeDevices[{index}].devicePath"));
        errors.present(&at_name, name);
        if !name.is_empty() && !names.insert(name) {
            errors.invalid(&at_name, name, "must be unique");
        }
        let volume = around.spec.volumes.iter().flatten().find(|v| v.name == name);
        match volume.filter(|_| around.volumes.contains(name)) {
            None => errors.not_found(&at_name, name),
            Some(volume) if volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none() => {
                let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.invalid(&at_name, name, why);
            }
            Some(_) => {}
        }
        errors.present(&at_path, path);
        if !paths.insert(path) {
            errors.invalid(&at_path, path, "must be unique");
        }
        if path.split('/').any(|part| part == "..") {
            errors.invalid(&at_path, path, "can not contain backsteps ('..')");
        }
        for mount in container.volume_mounts.iter().flatten() {
            if mount.name == name {
                errors.invalid(&at_name, name, "must not already exist in volumeMounts");
            }
            if mount.mount_path == path {
                errors.invalid(&at_path, path, "must not already exist as a path in volumeMounts");
            }
        }
    }
}

fn check_probe(probe: &k8s::Probe, at: &str, kind: &str, errors: &mut Errors) {
    let how = Handler {
        exec: probe.exec.as_ref(),
        http: probe.http_get.as_ref(),
        tcp: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    how.check(at, None, errors);
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        errors.not_negative(format_args!("{at}.{field}"), value.map(i64::from));
    }
    if kind != "readinessProbe" && probe.success_threshold.is_some_and(|n| n != 1) {
        errors.invalid(format_args!("{at}.successThreshold"), probe.success_threshold, "must be 1");
    }
    if let Some(grace) = probe.termination_grace_period_seconds {
        let field = format!("{at}.terminationGracePeriodSeconds");
        if grace <= 0 {
            errors.invalid(&field, grace, "must be greater than 0");
        }
        if kind == "readinessProbe" {
            errors.invalid(&field, grace, "must not be set for readinessProbes");
        }
    }
}

pub(super) fn check_port_or_name(port: &IntOrString, at: &str, errors: &mut Errors) {
    match port {
        IntOrString::Int(number) => errors.port(at, *number),
        IntOrString::String(name) => errors.all_invalid(at, name, port_name_errors(name)),
    }
}
