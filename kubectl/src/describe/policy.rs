//! What holds for many: namespaces, quotas, limits, disruption budgets, priority classes.

use super::base::{joined, plain_or, selector};
use super::page::Page;
use crate::call::Call;
use crate::go::{entries, items, number, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// A namespace, with what it may hold.
pub(super) async fn namespace(call: &Call<'_>, page: &mut Page, object: &Value) {
    page.begin(object);
    page.field("Status", object, "/status/phase");
    let conditions = items(object, "/status/conditions");
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        page.line(1, "----\t------\t------------------\t------\t-------");
        for condition in conditions {
            let word = |key: &str| text(condition, key);
            let since = super::base::date(word("/lastTransitionTime"));
            page.line(
                1,
                &format!("{}\t{}\t{since}\t{}\t{}", word("/type"), word("/status"), word("/reason"), word("/message")),
            );
        }
    }
    let name = crate::api::encoded(text(object, "/metadata/name"));
    let list = |plural: &str| format!("/api/v1/namespaces/{name}/{plural}");
    if let Ok(quotas) = call.get(&list("resourcequotas"), &[], "application/json").await {
        page.line(0, "");
        let quotas = items(&quotas, "/items");
        page.line(0, if quotas.is_empty() { "No resource quota." } else { "Resource Quotas" });
        for (index, quota) in quotas.iter().enumerate() {
            if index > 0 {
                page.line(1, "");
            }
            page.row(1, "Name", text(quota, "/metadata/name"));
            used(page, quota, 1, "---");
        }
    }
    if let Ok(ranges) = call.get(&list("limitranges"), &[], "application/json").await {
        page.line(0, "");
        let ranges = items(&ranges, "/items");
        if ranges.is_empty() {
            page.line(0, "No LimitRange resource.");
            return;
        }
        page.line(0, "Resource Limits");
        page.line(0, &format!(" {}", LIMIT_HEADS[0]));
        page.line(0, &format!(" {}", LIMIT_HEADS[1]));
        for range in ranges {
            bounds(page, range, " ");
        }
    }
}

const LIMIT_HEADS: [&str; 2] = [
    "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio",
    "----\t--------\t---\t---\t---------------\t-------------\t-----------------------",
];

/// What of a quota is used.
fn used(page: &mut Page, quota: &Value, level: usize, rule: &str) {
    page.line(level, "Resource\tUsed\tHard");
    page.line(level, &format!("--------\t{rule}\t{rule}"));
    for (key, hard) in entries(quota, "/status/hard") {
        let used = quota.pointer("/status/used").and_then(|used| used.get(key)).unwrap_or(&Value::Null);
        page.line(level, &format!("{key}\t{}\t{}", plain_or(used, "0"), plain_or(hard, "0")));
    }
}

/// A quota.
pub(super) fn quota(page: &mut Page, object: &Value) {
    page.field("Name", object, "/metadata/name");
    page.field("Namespace", object, "/metadata/namespace");
    let scopes: Vec<&str> = items(object, "/spec/scopes").iter().filter_map(Value::as_str).collect();
    page.row_if(0, "Scopes", &scopes.join(", "));
    used(page, object, 0, "----");
}

/// Limits.
pub(super) fn limits(page: &mut Page, object: &Value) {
    page.field("Name", object, "/metadata/name");
    page.field("Namespace", object, "/metadata/namespace");
    for line in LIMIT_HEADS {
        page.line(0, line);
    }
    bounds(page, object, "");
}

fn bounds(page: &mut Page, object: &Value, space: &str) {
    const COLUMNS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for limit in items(object, "/spec/limits") {
        let keys = COLUMNS.into_iter().filter_map(|column| limit.get(column)?.as_object());
        let keys: BTreeSet<&String> = keys.flat_map(|map| map.keys()).collect();
        for key in keys {
            let cells = COLUMNS.map(|column| {
                limit
                    .get(column)
                    .and_then(|map| map.get(key))
                    .map_or_else(|| "-".to_owned(), |value| plain_or(value, "-"))
            });
            page.line(0, &format!("{space}{}\t{key}\t{}", text(limit, "/type"), cells.join("\t")));
        }
    }
}

/// A disruption budget.
pub(super) fn budget(page: &mut Page, object: &Value) {
    page.field("Name", object, "/metadata/name");
    page.field("Namespace", object, "/metadata/namespace");
    for (label, field) in [("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")] {
        if let Some(bound) = object.get("spec").and_then(|spec| spec.get(field)) {
            page.row(0, label, &plain_or(bound, ""));
            break;
        }
    }
    page.row(0, "Selector", &selector(object, "/spec/selector"));
    page.line(0, "Status:");
    for (label, field) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        page.row(2, label, &number(object, &format!("/status/{field}")).to_string());
    }
}

/// A priority class.
pub(super) fn class(page: &mut Page, object: &Value) {
    page.field("Name", object, "/metadata/name");
    page.row(0, "Value", &number(object, "/value").to_string());
    page.row(0, "GlobalDefault", if object["globalDefault"] == true { "true" } else { "false" });
    page.field("PreemptionPolicy", object, "/preemptionPolicy");
    page.field("Description", object, "/description");
    page.row(0, "Annotations", &joined(object, "/metadata/annotations"));
}
