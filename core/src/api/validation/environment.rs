//! Rules for variables, and for what they and files are filled with.

use super::errors::Errors;
use super::settings::key_errors;
use crate::api::Quantity;
use crate::api::names::{dns1123_subdomain_errors, qualified_name_errors};
use k8s_openapi::api::core::v1 as k8s;

/// The fields of a pod that a variable may have.
const OF_VARIABLES: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Those that a file may have.
pub(super) const OF_FILES: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// Those that are known besides.
const NEITHER: [&str; 3] = ["spec.restartPolicy", "spec.schedulerName", "status.phase"];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

fn variable_errors(name: &str) -> Vec<String> {
    if !name.contains('=') && name.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned()]
}

/// The key of a config map or a secret of that name.
fn check_key(name: &str, key: &str, at: &str, errors: &mut Errors) {
    errors.all_invalid(format_args!("{at}.name"), name, dns1123_subdomain_errors(name));
    if key.is_empty() {
        errors.required(format_args!("{at}.key"), "");
    } else {
        errors.all_invalid(format_args!("{at}.key"), key, key_errors(key));
    }
}

pub(super) fn check(container: &k8s::Container, at: &str, errors: &mut Errors) {
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let at = format!("{at}.env[{index}]");
        errors.present(format_args!("{at}.name"), &variable.name);
        errors.all_invalid(format_args!("{at}.name"), &variable.name, variable_errors(&variable.name));
        if let Some(from) = &variable.value_from {
            let set = variable.value.as_deref().is_some_and(|value| !value.is_empty());
            check_source(from, set, &format!("{at}.valueFrom"), errors);
        }
    }
    for (index, from) in container.env_from.iter().flatten().enumerate() {
        let field = format!("{at}.envFrom[{index}]");
        errors.named(format_args!("{field}.prefix"), from.prefix.as_deref(), variable_errors);
        let sources = [
            ("configMapRef", from.config_map_ref.as_ref().map(|r| r.name.as_str())),
            ("secretRef", from.secret_ref.as_ref().map(|r| r.name.as_str())),
        ];
        for (source, name) in sources {
            match name {
                Some("") => errors.required(format_args!("{field}.{source}.name"), ""),
                name => errors.named(format_args!("{field}.{source}.name"), name, dns1123_subdomain_errors),
            }
        }
        // Upstream names the whole list.
        match sources.iter().filter(|(_, name)| name.is_some()).count() {
            0 => errors.invalid(format_args!("{at}.envFrom"), "", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => {
                errors.invalid(
                    format_args!("{at}.envFrom"),
                    "",
                    "may not have more than one field specified at a time",
                );
            }
        }
    }
}

fn check_source(from: &k8s::EnvVarSource, has_value: bool, at: &str, errors: &mut Errors) {
    if let Some(field) = &from.field_ref {
        check_field(field, &OF_VARIABLES, &format!("{at}.fieldRef"), errors);
    }
    if let Some(resource) = &from.resource_field_ref {
        check_resource(resource, false, &format!("{at}.resourceFieldRef"), errors);
    }
    if let Some(key) = &from.config_map_key_ref {
        check_key(&key.name, &key.key, &format!("{at}.configMapKeyRef"), errors);
    }
    if let Some(key) = &from.secret_key_ref {
        check_key(&key.name, &key.key, &format!("{at}.secretKeyRef"), errors);
    }
    if let Some(file) = &from.file_key_ref {
        let at = format!("{at}.fileKeyRef");
        errors.present(format_args!("{at}.key"), &file.key);
        errors.all_invalid(format_args!("{at}.key"), &file.key, variable_errors(&file.key));
        errors.present(format_args!("{at}.volumeName"), &file.volume_name);
        errors.present(format_args!("{at}.path"), &file.path);
        errors.descending(format_args!("{at}.path"), &file.path);
    }
    let sources = [
        from.field_ref.is_some(),
        from.resource_field_ref.is_some(),
        from.config_map_key_ref.is_some(),
        from.secret_key_ref.is_some(),
        from.file_key_ref.is_some(),
    ];
    let why = match sources.iter().filter(|s| **s).count() {
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        _ if has_value => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.invalid(at, "", why);
}

/// A field of the pod itself, of those that are allowed here.
pub(super) fn check_field(field: &k8s::ObjectFieldSelector, allowed: &[&str], at: &str, errors: &mut Errors) {
    let path = field.field_path.as_str();
    let at_path = format!("{at}.fieldPath");
    if path.is_empty() {
        return errors.required(at_path, "");
    }
    let refuse = |why: String, errors: &mut Errors| {
        errors.invalid(&at_path, path, &format!("error converting fieldPath: {why}"));
    };
    if let Some(version) = field.api_version.as_deref().filter(|v| *v != "v1") {
        return refuse(format!("unsupported pod version: {version}"), errors);
    }
    match path.strip_suffix("']").and_then(|path| path.split_once("['")).filter(|(path, _)| !path.is_empty()) {
        Some(("metadata.annotations", key)) => {
            errors.all_invalid(at, &key.to_ascii_lowercase(), qualified_name_errors(&key.to_ascii_lowercase()));
        }
        Some(("metadata.labels", key)) => errors.all_invalid(at, key, qualified_name_errors(key)),
        Some(_) => refuse(format!("field label does not support subscript: {path}"), errors),
        None if allowed.contains(&path) => {}
        None if [OF_VARIABLES.as_slice(), &OF_FILES, &NEITHER].iter().any(|known| known.contains(&path)) => {
            errors.not_supported(at_path, path, allowed);
        }
        None => refuse(format!("field label not supported: {path}"), errors),
    }
}

/// An amount of a container. A file has to name the container.
pub(super) fn check_resource(from: &k8s::ResourceFieldSelector, file: bool, at: &str, errors: &mut Errors) {
    let resource = from.resource.as_str();
    let huge = resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-");
    if file && from.container_name.as_deref().unwrap_or_default().is_empty() {
        errors.required(format_args!("{at}.containerName"), "");
    } else if resource.is_empty() {
        errors.required(format_args!("{at}.resource"), "");
    } else if !RESOURCES.contains(&resource) && !huge {
        errors.not_supported(format_args!("{at}.resource"), resource, &RESOURCES);
    }
    let Some(divisor) = from.divisor.as_ref().and_then(|d| Quantity::parse(&d.0).ok()).filter(|d| d.signum() != 0)
    else {
        return;
    };
    let (divisors, named) = match resource.rsplit_once('.').map(|(_, name)| name) {
        Some("cpu") => ("1m and 1", "cpu"),
        Some("memory") => (BYTES, "memory"),
        Some("ephemeral-storage") => (BYTES, "local ephemeral storage"),
        Some(_) if huge => (BYTES, "hugepages"),
        _ => return,
    };
    if !divisors.split([',', ' ']).any(|known| known == divisor.to_string()) {
        let why = format!("only divisor's values {divisors} are supported with the {named} resource");
        errors.invalid(format_args!("{at}.divisor"), resource, &why);
    }
}

const BYTES: &str = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
