//! Rules for a pod's volumes.

use super::environment::{self, OF_FILES};
use super::errors::Errors;
use crate::api::Quantity;
use crate::api::names::dns1123_label_errors;
use crate::config::Config;
use crate::order;
use k8s_openapi::api::core::v1 as k8s;

/// Refuses what is wrong. Containers may mount what is not.
pub(super) fn check_all<'a>(
    spec: &'a k8s::PodSpec,
    path: &str,
    config: &Config,
    errors: &mut Errors,
) -> order::Set<&'a str> {
    let mut names = order::Set::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = format!("{path}.volumes[{index}]");
        let before = errors.list.len();
        check_sources(volume, &at, config, errors);
        if volume.name.is_empty() {
            errors.required(format_args!("{at}.name"), "");
        } else {
            errors.all_invalid(format_args!("{at}.name"), &volume.name, dns1123_label_errors(&volume.name));
        }
        if names.contains(volume.name.as_str()) {
            errors.duplicate(format_args!("{at}.name"), volume.name.as_str());
        }
        if errors.list.len() == before {
            names.insert(volume.name.as_str());
        }
    }
    names
}

/// Only the first kind of volume is looked at.
fn check_sources(volume: &k8s::Volume, at: &str, config: &Config, errors: &mut Errors) {
    let sources = [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("gitRepo", volume.git_repo.is_some()),
        ("gcePersistentDisk", volume.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", volume.aws_elastic_block_store.is_some()),
        ("secret", volume.secret.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("persistentVolumeClaim", volume.persistent_volume_claim.is_some()),
        // Upstream's own spelling.
        ("downwarAPI", volume.downward_api.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("projected", volume.projected.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("image", volume.image.is_some()),
    ];
    let mut set = sources.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
    let Some(first) = set.next() else { return };
    check_source(volume, first, at, config, errors);
    for other in set {
        errors.forbidden(format_args!("{at}.{other}"), "may not specify more than 1 volume type");
    }
}

fn check_source(volume: &k8s::Volume, source: &str, at: &str, config: &Config, errors: &mut Errors) {
    let field = |name: &str| format!("{at}.{name}");
    let items = |items: &Option<Vec<k8s::KeyToPath>>, at: &str, errors: &mut Errors| {
        for (index, item) in items.iter().flatten().enumerate() {
            check_item(item, &format!("{at}.items[{index}]"), errors);
        }
    };
    match source {
        "emptyDir" => {
            let limit = volume.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref());
            if limit.is_some_and(|limit| Quantity::parse(&limit.0).is_ok_and(|limit| limit.signum() < 0)) {
                errors.forbidden(field("emptyDir.sizeLimit"), "SizeLimit field must be a valid resource quantity");
            }
        }
        "hostPath" => check_host_path(volume, at, config, errors),
        "secret" => {
            let Some(secret) = &volume.secret else { return };
            errors.present(field("secret.secretName"), secret.secret_name.as_deref().unwrap_or_default());
            errors.mode(field("secret.defaultMode"), secret.default_mode);
            items(&secret.items, &field("secret"), errors);
        }
        "configMap" => {
            let Some(map) = &volume.config_map else { return };
            errors.present(field("configMap.name"), &map.name);
            errors.mode(field("configMap.defaultMode"), map.default_mode);
            items(&map.items, &field("configMap"), errors);
        }
        "downwarAPI" => {
            let Some(downward) = &volume.downward_api else { return };
            errors.mode(field("downwardAPI.defaultMode"), downward.default_mode);
            for file in downward.items.iter().flatten() {
                check_file(file, &field("downwardAPI"), errors);
            }
        }
        "projected" => {
            let Some(projected) = &volume.projected else { return };
            errors.mode(field("projected.defaultMode"), projected.default_mode);
            check_projection(projected, &field("projected"), errors);
        }
        _ => check_texts(volume, source, at, errors),
    }
}

/// Volumes of which some texts must be there.
fn check_texts(volume: &k8s::Volume, source: &str, at: &str, errors: &mut Errors) {
    let (field, text) = match source {
        "gitRepo" => ("repository", volume.git_repo.as_ref().map(|v| &v.repository)),
        "gcePersistentDisk" => ("pdName", volume.gce_persistent_disk.as_ref().map(|v| &v.pd_name)),
        "awsElasticBlockStore" => ("volumeID", volume.aws_elastic_block_store.as_ref().map(|v| &v.volume_id)),
        "nfs" => ("server", volume.nfs.as_ref().map(|v| &v.server)),
        "iscsi" => ("targetPortal", volume.iscsi.as_ref().map(|v| &v.target_portal)),
        "persistentVolumeClaim" => ("claimName", volume.persistent_volume_claim.as_ref().map(|v| &v.claim_name)),
        "csi" => ("driver", volume.csi.as_ref().map(|v| &v.driver)),
        "image" => ("reference", volume.image.as_ref().and_then(|v| v.reference.as_ref())),
        _ => {
            if volume.ephemeral.as_ref().is_some_and(|v| v.volume_claim_template.is_none()) {
                errors.required(format_args!("{at}.ephemeral.volumeClaimTemplate"), "");
            }
            return;
        }
    };
    let named = if source == "gcePersistentDisk" { "persistentDisk" } else { source };
    errors.present(format_args!("{at}.{named}.{field}"), text.map(String::as_str).unwrap_or_default());
    if let Some(nfs) = &volume.nfs {
        errors.present(format_args!("{at}.nfs.path"), &nfs.path);
        if !nfs.path.starts_with('/') {
            errors.invalid(format_args!("{at}.nfs.path"), nfs.path.as_str(), "must be an absolute path");
        }
    }
    if let Some(image) = &volume.image {
        let policies = ["Always", "IfNotPresent", "Never"];
        errors.one_of(format_args!("{at}.image.pullPolicy"), image.pull_policy.as_deref(), &policies, true);
    }
}

fn check_host_path(volume: &k8s::Volume, at: &str, config: &Config, errors: &mut Errors) {
    let Some(host_path) = &volume.host_path else { return };
    if host_path.path.is_empty() {
        errors.required(format_args!("{at}.hostPath.path"), "");
    } else {
        errors.no_backsteps(format_args!("{at}.hostPath.path"), &host_path.path);
        errors.one_of(
            format_args!("{at}.hostPath.type"),
            host_path.type_.as_deref(),
            &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
            false,
        );
    }
    if !config.allows_host() {
        errors.forbidden(format_args!("{at}.hostPath"), "disallowed by cluster policy");
    }
}

fn check_item(item: &k8s::KeyToPath, at: &str, errors: &mut Errors) {
    errors.present(format_args!("{at}.key"), &item.key);
    errors.file_path(format_args!("{at}.path"), &item.path);
    errors.mode(format_args!("{at}.mode"), item.mode);
}

/// Upstream names the volume, not the file.
fn check_file(file: &k8s::DownwardAPIVolumeFile, at: &str, errors: &mut Errors) {
    errors.file_path(format_args!("{at}.path"), &file.path);
    match (&file.field_ref, &file.resource_field_ref) {
        (Some(field), resource) => {
            environment::check_field(field, &OF_FILES, &format!("{at}.fieldRef"), errors);
            if resource.is_some() {
                errors.invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
            }
        }
        (None, Some(resource)) => {
            environment::check_resource(resource, true, &format!("{at}.resourceFieldRef"), errors);
        }
        (None, None) => errors.required(at, "one of fieldRef and resourceFieldRef is required"),
    }
    errors.mode(format_args!("{at}.mode"), file.mode);
}

fn check_projection(projected: &k8s::ProjectedVolumeSource, at: &str, errors: &mut Errors) {
    let mut paths = order::Set::new();
    for (index, source) in projected.sources.iter().flatten().enumerate() {
        let from = format!("{at}.sources[{index}]");
        let before = [
            source.secret.is_some(),
            source.config_map.is_some(),
            source.downward_api.is_some(),
            source.service_account_token.is_some(),
        ];
        for (kind, found) in [
            ("secret", source.secret.as_ref().map(|s| (&s.name, &s.items))),
            ("configMap", source.config_map.as_ref().map(|m| (&m.name, &m.items))),
        ] {
            let Some((name, items)) = found else { continue };
            errors.present(format_args!("{from}.{kind}.name"), name);
            for (index, item) in items.iter().flatten().enumerate() {
                check_item(item, &format!("{from}.{kind}.items[{index}]"), errors);
                if !item.path.is_empty() && !paths.insert(item.path.as_str()) {
                    errors.invalid(at, name.as_str(), "conflicting duplicate paths");
                }
            }
        }
        for file in source.downward_api.iter().flat_map(|d| d.items.iter().flatten()) {
            check_file(file, &format!("{from}.downwardAPI"), errors);
            if !file.path.is_empty() && !paths.insert(file.path.as_str()) {
                errors.invalid(at, file.path.as_str(), "conflicting duplicate paths");
            }
        }
        if let Some(token) = &source.service_account_token {
            let field = format!("{from}.serviceAccountToken.expirationSeconds");
            match token.expiration_seconds.unwrap_or(3600) {
                seconds if seconds < 600 => {
                    errors.invalid(field, seconds, "may not specify a duration less than 10 minutes");
                }
                seconds if seconds > 1 << 32 => {
                    errors.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds");
                }
                _ => {}
            }
            errors.file_path(format_args!("{at}.path"), &token.path);
        }
        if before.iter().filter(|set| **set).count() > 1 {
            errors.forbidden(&from, "may not specify more than 1 volume type per source");
        }
    }
}
