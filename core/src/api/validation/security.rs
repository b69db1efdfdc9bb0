//! Rules for the rights of pods and containers.

use super::errors::Errors;
use crate::config::Config;
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::{Value, json};

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn check_seccomp(profile: Option<&k8s::SeccompProfile>, at: &str, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    errors.one_of(format_args!("{at}.type"), Some(&profile.type_), &PROFILES, true);
    let field = format!("{at}.localhostProfile");
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("Localhost", None) => errors.required(field, "must be set when seccomp type is Localhost"),
        ("Localhost", Some(path)) => errors.descending(field, path),
        (kind, Some(path)) => {
            // Upstream shows the whole structure.
            let shown = format!("{{\"Type\":{},\"LocalhostProfile\":{}}}", json!(kind), json!(path));
            errors.invalid_shown(field, &shown, "can only be set when seccomp type is Localhost");
        }
        _ => {}
    }
}

fn check_app_armor(profile: Option<&k8s::AppArmorProfile>, at: &str, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    let field = format!("{at}.localhostProfile");
    errors.one_of(format_args!("{at}.type"), Some(&profile.type_), &PROFILES, true);
    match (profile.type_.as_str(), profile.localhost_profile.as_deref()) {
        ("Localhost", None | Some("")) => errors.required(field, "must be set when AppArmor type is Localhost"),
        ("Localhost", Some(path)) if path.trim() != path => {
            errors.invalid(field, path, "must not be padded with whitespace");
        }
        ("RuntimeDefault" | "Unconfined", Some(path)) => {
            errors.invalid(field, path, "can only be set when AppArmor type is Localhost");
        }
        _ => {}
    }
}

/// The rights of a container; `own_users` where its users are not those of the host.
pub(super) fn check_container(
    security: &k8s::SecurityContext,
    at: &str,
    own_users: bool,
    config: &Config,
    errors: &mut Errors,
) {
    let privileged = security.privileged == Some(true);
    if privileged && !config.allow_privileged {
        errors.forbidden(format_args!("{at}.privileged"), "disallowed by cluster policy");
    }
    errors.id(format_args!("{at}.runAsUser"), security.run_as_user);
    errors.id(format_args!("{at}.runAsGroup"), security.run_as_group);
    if let Some(mount) = &security.proc_mount {
        errors.one_of(format_args!("{at}.procMount"), Some(mount), &["Default", "Unmasked"], false);
        if mount == "Unmasked" && !own_users {
            let why = "`hostUsers` must be false to use `Unmasked`";
            errors.invalid(format_args!("{at}.procMount"), mount.as_str(), why);
        }
    }
    check_seccomp(security.seccomp_profile.as_ref(), &format!("{at}.seccompProfile"), errors);
    if security.allow_privilege_escalation == Some(false) {
        let capabilities = security.capabilities.iter().flat_map(|c| c.add.iter().flatten());
        let admin = capabilities.filter(|c| *c == "CAP_SYS_ADMIN").map(|_| "`capabilities.Add` CAP_SYS_ADMIN");
        for what in privileged.then_some("`privileged` to true").into_iter().chain(admin) {
            let why = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
            errors.invalid_shown(at, &shown(security), &why);
        }
    }
    check_app_armor(security.app_armor_profile.as_ref(), &format!("{at}.appArmorProfile"), errors);
}

/// In upstream's own form and order.
fn shown(security: &k8s::SecurityContext) -> String {
    let fields: [(&str, Value); 12] = [
        ("Capabilities", json!(security.capabilities)),
        ("Privileged", json!(security.privileged)),
        ("SELinuxOptions", json!(security.se_linux_options)),
        ("WindowsOptions", json!(security.windows_options)),
        ("RunAsUser", json!(security.run_as_user)),
        ("RunAsGroup", json!(security.run_as_group)),
        ("RunAsNonRoot", json!(security.run_as_non_root)),
        ("ReadOnlyRootFilesystem", json!(security.read_only_root_filesystem)),
        ("AllowPrivilegeEscalation", json!(security.allow_privilege_escalation)),
        ("ProcMount", json!(security.proc_mount)),
        ("SeccompProfile", json!(security.seccomp_profile)),
        ("AppArmorProfile", json!(security.app_armor_profile)),
    ];
    format!("{{{}}}", fields.map(|(name, value)| format!("\"{name}\":{value}")).join(","))
}

/// The rights of a pod, and what it shares with its host.
pub(super) fn check_pod(spec: &k8s::PodSpec, path: &str, config: &Config, errors: &mut Errors) {
    let at = format!("{path}.securityContext");
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid(format_args!("{at}.shareProcessNamespace"), true, why);
    }
    for (field, used) in [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)] {
        if used == Some(true) && spec.host_users == Some(false) {
            errors.forbidden(format_args!("{path}.{field}"), "when `hostUsers` is false");
        }
        if used == Some(true) && !config.allows_host() {
            errors.forbidden(format_args!("{path}.{field}"), "disallowed by cluster policy");
        }
    }
    if let Some(os) = &spec.os {
        check_system(&os.name, spec, path, errors);
    }
    let Some(security) = &spec.security_context else { return };
    for (field, id) in
        [("fsGroup", security.fs_group), ("runAsGroup", security.run_as_group), ("runAsUser", security.run_as_user)]
    {
        errors.id(format_args!("{at}.{field}"), id);
    }
    for (index, id) in security.supplemental_groups.iter().flatten().enumerate() {
        errors.id(format_args!("{at}.supplementalGroups[{index}]"), Some(*id));
    }
    for (field, policy, supported) in [
        ("fsGroupChangePolicy", &security.fs_group_change_policy, ["Always", "OnRootMismatch"]),
        ("supplementalGroupsPolicy", &security.supplemental_groups_policy, ["Merge", "Strict"]),
        ("seLinuxChangePolicy", &security.se_linux_change_policy, ["MountOption", "Recursive"]),
    ] {
        errors.one_of(format_args!("{at}.{field}"), policy.as_deref(), &supported, false);
    }
    check_seccomp(security.seccomp_profile.as_ref(), &format!("{at}.seccompProfile"), errors);
    check_app_armor(security.app_armor_profile.as_ref(), &format!("{at}.appArmorProfile"), errors);
    let mut names = order::Set::new();
    for (index, sysctl) in security.sysctls.iter().flatten().enumerate() {
        let field = format!("{at}.sysctls[{index}].name");
        let name = sysctl.name.as_str();
        if name.is_empty() {
            errors.required(&field, "");
        } else if !is_sysctl(name) {
            errors.invalid(&field, name, "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        } else if names.contains(name) {
            errors.duplicate(&field, name);
        }
        names.insert(name);
        let dotted = name.replace('/', ".");
        let of_ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|p| dotted.starts_with(p));
        if spec.host_network == Some(true) && dotted.starts_with("net.") {
            errors.invalid(field, name, "may not be specified when 'hostNetwork' is true");
        } else if spec.host_ipc == Some(true) && (of_ipc || dotted == "kernel.sem") {
            errors.invalid(field, name, "may not be specified when 'hostIPC' is true");
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

/// What may not be said of pods for that system.
fn check_system(name: &str, spec: &k8s::PodSpec, path: &str, errors: &mut Errors) {
    let windows = match name {
        "" => return errors.required(format_args!("{path}.os.name"), "cannot be empty"),
        "linux" => false,
        "windows" => true,
        // The field is the structure, not the name in it.
        other => return errors.not_supported(format_args!("{path}.os"), other, &["linux", "windows"]),
    };
    let mut refuse = |at: &str, fields: &[(&str, bool)]| {
        for (field, set) in fields {
            let of_windows = *field == "windowsOptions";
            if *set && windows != of_windows {
                let why = if windows {
                    "cannot be set for a windows pod"
                } else {
                    "windows options cannot be set for a linux pod"
                };
                if windows || of_windows {
                    errors.forbidden(format_args!("{at}.{field}"), why);
                }
            }
        }
    };
    refuse(
        path,
        &[
            ("hostUsers", spec.host_users.is_some()),
            ("hostPID", spec.host_pid == Some(true)),
            ("hostIPC", spec.host_ipc == Some(true)),
            ("shareProcessNamespace", spec.share_process_namespace.is_some()),
        ],
    );
    if let Some(s) = &spec.security_context {
        refuse(
            &format!("{path}.securityContext"),
            &[
                ("appArmorProfile", s.app_armor_profile.is_some()),
                ("seLinuxOptions", s.se_linux_options.is_some()),
                ("seccompProfile", s.seccomp_profile.is_some()),
                ("fsGroup", s.fs_group.is_some()),
                ("fsGroupChangePolicy", s.fs_group_change_policy.is_some()),
                ("sysctls", s.sysctls.as_ref().is_some_and(|s| !s.is_empty())),
                ("runAsUser", s.run_as_user.is_some()),
                ("runAsGroup", s.run_as_group.is_some()),
                ("supplementalGroups", s.supplemental_groups.is_some()),
                ("supplementalGroupsPolicy", s.supplemental_groups_policy.is_some()),
                ("seLinuxChangePolicy", s.se_linux_change_policy.is_some()),
                ("windowsOptions", s.windows_options.is_some()),
            ],
        );
    }
    for (list, containers) in
        [("initContainers", spec.init_containers.as_deref()), ("containers", Some(&spec.containers))]
    {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let Some(s) = &container.security_context else { continue };
            refuse(
                &format!("{path}.{list}[{index}].securityContext"),
                &[
                    ("appArmorProfile", s.app_armor_profile.is_some()),
                    ("seLinuxOptions", s.se_linux_options.is_some()),
                    ("seccompProfile", s.seccomp_profile.is_some()),
                    ("capabilities", s.capabilities.is_some()),
                    ("readOnlyRootFilesystem", s.read_only_root_filesystem.is_some()),
                    ("privileged", s.privileged.is_some()),
                    ("allowPrivilegeEscalation", s.allow_privilege_escalation.is_some()),
                    ("procMount", s.proc_mount.is_some()),
                    ("runAsUser", s.run_as_user.is_some()),
                    ("runAsGroup", s.run_as_group.is_some()),
                    ("windowsOptions", s.windows_options.is_some()),
                ],
            );
        }
    }
}
