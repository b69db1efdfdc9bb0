//! Rules for pods and their volumes.

use super::container;
use super::errors::Errors;
use super::meta::check_labels;
use super::scheduling;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors};
use crate::api::{PodBody, Typed};
use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeSet;

pub(super) fn check(pod: &PodBody, config: &Config, errors: &mut Errors) {
    check_spec(&pod.spec, "spec", config, errors);
    if let Some(node) = &pod.node {
        errors.all_invalid("spec.nodeName", node, dns1123_subdomain_errors(node));
    }
}

/// The rules for a pod's spec at `path`, as they hold for templates too.
pub(super) fn check_spec(spec: &k8s::PodSpec, path: &str, config: &Config, errors: &mut Errors) {
    let volumes = check_volumes(spec, path, config, errors);
    container::check_all(spec, path, &volumes, config, errors);
    errors.one_of(
        format_args!("{path}.restartPolicy"),
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
        true,
    );
    errors.one_of(
        format_args!("{path}.dnsPolicy"),
        spec.dns_policy.as_deref(),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        true,
    );
    if let Some(selector) = &spec.node_selector {
        check_labels(selector, format!("{path}.nodeSelector"), errors);
    }
    check_security(spec, path, config, errors);
    if let Some(deadline) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        errors.invalid(
            format_args!("{path}.activeDeadlineSeconds"),
            deadline,
            "must be between 1 and 2147483647, inclusive",
        );
    }
    errors.not_negative(format_args!("{path}.terminationGracePeriodSeconds"), spec.termination_grace_period_seconds);
    if let Some(hostname) = &spec.hostname {
        errors.all_invalid(format_args!("{path}.hostname"), hostname, dns1123_label_errors(hostname));
    }
    if let Some(subdomain) = &spec.subdomain {
        let field = format!("{path}.subdomain");
        if subdomain.contains('.') {
            errors.invalid(field, subdomain.as_str(), "must not contain dots");
        } else {
            errors.all_invalid(field, subdomain, dns1123_label_errors(subdomain));
        }
    }
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let field = format!("{path}.readinessGates[{index}].conditionType");
        errors.all_invalid(field, &gate.condition_type, qualified_name_errors(&gate.condition_type));
    }
    let mut gates = BTreeSet::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let field = format!("{path}.schedulingGates[{index}]");
        errors.all_invalid(&field, &gate.name, qualified_name_errors(&gate.name));
        if !gates.insert(&gate.name) {
            errors.duplicate(&field, gate.name.as_str());
        }
    }
    scheduling::check(spec, path, errors);
    check_dns(spec, path, errors);
    if let Some(name) = spec.service_account_name.as_deref().filter(|n| !n.is_empty()) {
        errors.all_invalid(format_args!("{path}.serviceAccountName"), name, dns1123_subdomain_errors(name));
    }
    if let Some(name) = spec.priority_class_name.as_deref().filter(|n| !n.is_empty()) {
        errors.all_invalid(format_args!("{path}.priorityClassName"), name, dns1123_subdomain_errors(name));
    }
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if alias.ip.parse::<std::net::IpAddr>().is_err() {
            errors.invalid(
                format_args!("{path}.hostAliases[{index}].ip"),
                alias.ip.as_str(),
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            );
        }
    }
}

fn check_dns(spec: &k8s::PodSpec, path: &str, errors: &mut Errors) {
    let Some(dns) = &spec.dns_config else {
        if spec.dns_policy.as_deref() == Some("None") {
            errors.required(format_args!("{path}.dnsConfig"), "must be set when `dnsPolicy` is None");
        }
        return;
    };
    let servers = dns.nameservers.as_deref().unwrap_or_default();
    if servers.len() > 3 {
        let list = serde_json::to_value(servers).unwrap_or_default();
        errors.invalid(format_args!("{path}.dnsConfig.nameservers"), list, "must not have more than 3 nameservers");
    }
    for (index, server) in servers.iter().enumerate() {
        if server.parse::<std::net::IpAddr>().is_err() {
            errors.invalid(
                format_args!("{path}.dnsConfig.nameservers[{index}]"),
                server.as_str(),
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            );
        }
    }
    for (index, option) in dns.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            errors.required(format_args!("{path}.dnsConfig.options[{index}]"), "must not be empty");
        }
    }
}

fn check_security(spec: &k8s::PodSpec, path: &str, config: &Config, errors: &mut Errors) {
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        errors.invalid(
            format_args!("{path}.securityContext.shareProcessNamespace"),
            true,
            "ShareProcessNamespace and HostPID cannot both be enabled",
        );
    }
    for (field, used) in [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)] {
        if used == Some(true) && spec.host_users == Some(false) {
            errors.forbidden(format_args!("{path}.{field}"), "when `hostUsers` is false");
        }
        if used == Some(true) && !config.allow_privileged {
            errors.forbidden(format_args!("{path}.{field}"), "disallowed by cluster policy");
        }
    }
    let Some(security) = &spec.security_context else { return };
    for (field, id) in
        [("fsGroup", security.fs_group), ("runAsGroup", security.run_as_group), ("runAsUser", security.run_as_user)]
    {
        container::check_id(format!("{path}.securityContext.{field}"), id, errors);
    }
    if let Some(profile) = &security.seccomp_profile {
        container::check_seccomp(profile, &format!("{path}.securityContext.seccompProfile"), errors);
    }
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") && security.fs_group.is_some() {
        errors.forbidden(format_args!("{path}.securityContext.fsGroup"), "cannot be set for a windows pod");
    }
    for (index, sysctl) in security.sysctls.iter().flatten().enumerate() {
        let field = format!("{path}.securityContext.sysctls[{index}].name");
        if sysctl.name.is_empty() {
            errors.required(field, "");
        } else if !is_sysctl(&sysctl.name) {
            errors.invalid(field, sysctl.name.as_str(), "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
        })
}

fn check_volumes<'a>(spec: &'a k8s::PodSpec, path: &str, config: &Config, errors: &mut Errors) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = format!("{path}.volumes[{index}]");
        if volume.name.is_empty() {
            errors.required(format_args!("{at}.name"), "");
        } else {
            errors.all_invalid(format_args!("{at}.name"), &volume.name, dns1123_label_errors(&volume.name));
            if !names.insert(volume.name.as_str()) {
                errors.duplicate(format_args!("{at}.name"), volume.name.as_str());
            }
        }
        check_volume(volume, &at, config, errors);
    }
    names
}

fn check_volume(volume: &k8s::Volume, at: &str, config: &Config, errors: &mut Errors) {
    let mode = |mode: Option<i32>, at: String, errors: &mut Errors| {
        if let Some(mode) = mode.filter(|m| !(0..=0o777).contains(m)) {
            errors.invalid(at, mode, "must be a number between 0 and 0777 (octal), both inclusive");
        }
    };
    if let Some(host_path) = &volume.host_path {
        if host_path.path.is_empty() {
            errors.required(format_args!("{at}.hostPath.path"), "");
        } else if host_path.path.split('/').any(|p| p == "..") {
            errors.invalid(format_args!("{at}.hostPath.path"), host_path.path.as_str(), "must not contain '..'");
        }
        errors.one_of(
            format_args!("{at}.hostPath.type"),
            host_path.type_.as_deref(),
            &["BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
            false,
        );
        if !config.allow_privileged {
            errors.forbidden(format_args!("{at}.hostPath"), "disallowed by cluster policy");
        }
    }
    if let Some(secret) = &volume.secret {
        if secret.secret_name.as_deref().unwrap_or_default().is_empty() {
            errors.required(format_args!("{at}.secret.secretName"), "");
        }
        mode(secret.default_mode, format!("{at}.secret.defaultMode"), errors);
    }
    if let Some(config_map) = &volume.config_map {
        if config_map.name.is_empty() {
            errors.required(format_args!("{at}.configMap.name"), "");
        }
        mode(config_map.default_mode, format!("{at}.configMap.defaultMode"), errors);
    }
    if let Some(claim) = &volume.persistent_volume_claim
        && claim.claim_name.is_empty()
    {
        errors.required(format_args!("{at}.persistentVolumeClaim.claimName"), "");
    }
}

/// A pod's spec is fixed but for images, its deadline, added tolerations and a shortened grace period.
pub(super) fn check_update(new: &PodBody, old: &PodBody, config: &Config, errors: &mut Errors) {
    if new.spec == old.spec && new.node == old.node {
        return;
    }
    check_spec(&new.spec, "spec", config, errors);
    if new.spec.containers.len() != old.spec.containers.len() {
        errors.forbidden("spec.containers", "pod updates may not add or remove containers");
        return;
    }
    if new.spec.init_containers.iter().flatten().count() != old.spec.init_containers.iter().flatten().count() {
        errors.forbidden("spec.initContainers", "pod updates may not add or remove containers");
        return;
    }
    let new_deadline = new.spec.active_deadline_seconds;
    let old_deadline = old.spec.active_deadline_seconds;
    match (new_deadline, old_deadline) {
        (Some(new), Some(old)) if new > old => {
            errors.invalid("spec.activeDeadlineSeconds", new, "must be less than or equal to previous value");
        }
        (None, Some(_)) => {
            errors.invalid(
                "spec.activeDeadlineSeconds",
                serde_json::Value::Null,
                "must not update from a positive integer to nil value",
            );
        }
        _ => {}
    }
    let tolerations = |spec: &k8s::PodSpec| spec.tolerations.clone().unwrap_or_default();
    let kept = tolerations(&new.spec);
    if !tolerations(&old.spec).iter().all(|t| kept.contains(t)) {
        errors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
    }
    // What may change is made equal; what then differs may not.
    let mut masked = Typed::clone(&new.spec);
    masked.active_deadline_seconds = old_deadline;
    masked.tolerations.clone_from(&old.spec.tolerations);
    masked.scheduling_gates.clone_from(&old.spec.scheduling_gates);
    let gates = |spec: &k8s::PodSpec| spec.scheduling_gates.clone().unwrap_or_default();
    let old_gates = gates(&old.spec);
    if gates(&new.spec).iter().any(|g| !old_gates.contains(g)) {
        errors.forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate");
    }
    if !old_gates.is_empty() {
        masked.node_selector.clone_from(&old.spec.node_selector);
        masked.affinity.clone_from(&old.spec.affinity);
    }
    if new.spec.termination_grace_period_seconds == Some(1) {
        masked.termination_grace_period_seconds = old.spec.termination_grace_period_seconds;
    }
    for (container, before) in masked.containers.iter_mut().zip(&old.spec.containers) {
        container.image.clone_from(&before.image);
    }
    for (container, before) in
        masked.init_containers.iter_mut().flatten().zip(old.spec.init_containers.iter().flatten())
    {
        container.image.clone_from(&before.image);
    }
    if masked != *old.spec || new.node != old.node {
        errors.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        );
    }
}
