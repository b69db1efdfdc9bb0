//! Settings: config maps, secrets, and who pods are.

use super::page::Page;
use crate::go::{entries, items, text};
use kubarium_core::api::base64;
use serde_json::Value;

/// A config map.
pub(super) fn config_map(page: &mut Page, object: &Value) {
    page.begin(object);
    for line in ["", "Data", "===="] {
        page.line(0, line);
    }
    for (key, value) in entries(object, "/data") {
        page.line(0, &format!("{key}:"));
        page.line(0, "----");
        page.line(0, value.as_str().unwrap_or_default());
        page.line(0, "");
    }
    for line in ["", "BinaryData", "===="] {
        page.line(0, line);
    }
    for (key, value) in entries(object, "/binaryData") {
        page.line(0, &format!("{key}: {} bytes", length(value)));
    }
    page.line(0, "");
}

fn length(value: &Value) -> usize {
    base64::decode(value.as_str().unwrap_or_default()).map_or(0, |bytes| bytes.len())
}

/// A secret: what it holds is not shown.
pub(super) fn secret(page: &mut Page, object: &Value) {
    page.begin(object);
    page.line(0, "");
    page.field("Type", object, "/type");
    for line in ["", "Data", "===="] {
        page.line(0, line);
    }
    for (key, value) in entries(object, "/data") {
        page.row(0, key, &format!("{} bytes", length(value)));
    }
}

/// A service account.
pub(super) fn account(page: &mut Page, object: &Value) {
    page.begin(object);
    for (label, pointer) in [("Image pull secrets", "/imagePullSecrets"), ("Mountable secrets", "/secrets")] {
        let names: Vec<String> = items(object, pointer).iter().map(|one| text(one, "/name").to_owned()).collect();
        page.several(label, &names);
    }
    page.row(0, "Tokens", "<none>");
}
