//! Volumes, as descriptions of pods and of their templates have them.

use super::base::plain_or;
use super::page::Page;
use crate::go::{items, number, text};
use serde_json::Value;

/// The volumes of a pod; those of a template are moved in by a step.
pub(super) fn volumes(page: &mut Page, all: &[Value], space: &str) {
    if all.is_empty() {
        page.line(0, &format!("{space}Volumes:\t<none>"));
        return;
    }
    page.line(0, &format!("{space}Volumes:"));
    for volume in all {
        let indent = if space.is_empty() { "" } else { " " };
        page.line(1, &format!("{indent}{}:", text(volume, "/name")));
        one(page, volume);
    }
}

fn one(page: &mut Page, volume: &Value) {
    let optional = |source: &Value| (source["optional"] == true).to_string();
    if let Some(source) = volume.get("emptyDir") {
        page.row(2, "Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
        page.row(2, "Medium", text(source, "/medium"));
        page.row(2, "SizeLimit", &plain_or(&source["sizeLimit"], "<unset>"));
    } else if let Some(source) = volume.get("configMap") {
        page.row(2, "Type", "ConfigMap (a volume populated by a ConfigMap)");
        page.row(2, "Name", text(source, "/name"));
        page.row(2, "Optional", &optional(source));
    } else if let Some(source) = volume.get("secret") {
        page.row(2, "Type", "Secret (a volume populated by a Secret)");
        page.row(2, "SecretName", text(source, "/secretName"));
        page.row(2, "Optional", &optional(source));
    } else if let Some(source) = volume.get("hostPath") {
        page.row(2, "Type", "HostPath (bare host directory volume)");
        page.row(2, "Path", text(source, "/path"));
        page.row(2, "HostPathType", text(source, "/type"));
    } else if let Some(source) = volume.get("downwardAPI") {
        page.row(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
        page.line(2, "Items:");
        for item in items(source, "/items") {
            let field = text(item, "/fieldRef/fieldPath");
            page.line(3, &format!("{field} -> {}", text(item, "/path")));
        }
    } else if let Some(source) = volume.get("projected") {
        page.row(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
        for source in items(source, "/sources") {
            if let Some(secret) = source.get("secret") {
                page.row(2, "SecretName", text(secret, "/name"));
                page.row(2, "SecretOptionalName", &plain_or(&secret["optional"], "<nil>"));
            } else if let Some(map) = source.get("configMap") {
                page.row(2, "ConfigMapName", text(map, "/name"));
                page.row(2, "ConfigMapOptional", &plain_or(&map["optional"], "<nil>"));
            } else if source.get("downwardAPI").is_some() {
                page.row(2, "DownwardAPI", "true");
            } else if let Some(token) = source.get("serviceAccountToken") {
                page.row(2, "TokenExpirationSeconds", &number(token, "/expirationSeconds").to_string());
            }
        }
    } else {
        page.line(1, "<unknown>");
    }
}
