//! `diff`: what `apply` would change, as the API rehearses it.

use crate::api::Patch;
use crate::apply::change;
use crate::call::Call;
use crate::commands::{FILENAME, RECURSIVE, SELECTOR, SHOW_MANAGED};
use crate::failure::Failure;
use crate::files::Manifest;
use crate::flags::{Flag, switch, text};
use crate::go::text as text_at;
use crate::output::without_owners;
use kubarium_core::apiserver::Method;
use kubarium_core::manifest;
use kubarium_core::unified::unified;
use serde_json::{Map, Value};

pub(crate) const FLAGS: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    SELECTOR,
    SHOW_MANAGED,
    switch("server-side", ' ', "let the server find out what changes"),
    switch("force-conflicts", ' ', "take fields from their owners, with --server-side"),
    text("field-manager", ' ', "who owns the fields that are written"),
];

/// What scripts are told where something differs, and where it could not be found out.
const TROUBLE: u8 = 2;

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    compare(call).await.map_err(|failure| match failure {
        Failure::Said => Failure::Said,
        other => Failure::Coded(TROUBLE, Box::new(other)),
    })
}

async fn compare(call: &Call<'_>) -> Result<(), Failure> {
    if call.given.list("filename").is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let mut files = Vec::new();
    for manifest in call.manifests(true).await? {
        let manifest = manifest?;
        if manifest.name().is_empty() {
            let generated = text_at(&manifest.object, "/metadata/generateName");
            return Err(Failure::error(format!("from {generated}: cannot use generate name with apply")));
        }
        let live = match call.get(&manifest.path(), &[], "application/json").await {
            Ok(live) => live,
            Err(failure) if failure.reason() == "NotFound" => Value::Null,
            Err(failure) => return Err(failure),
        };
        let mut both = (live.clone(), rehearse(call, &manifest, &live).await?);
        if manifest.resource.kind == "Secret" {
            hide(&mut both.0, &mut both.1);
        }
        files.push((name_of(&manifest), both));
    }
    // As files of two directories are compared.
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut differs = false;
    for (name, (live, merged)) in files {
        let shown = |object: Value| match object {
            Value::Null => String::new(),
            object if call.given.on("show-managed-fields") => manifest::print(&object),
            object => manifest::print(&without_owners(object)),
        };
        let hunks = unified(&shown(live), &shown(merged));
        if !hunks.is_empty() {
            differs = true;
            let now = call.host.now();
            let text = now.to_string();
            let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
            let at = format!("{} {}.000000000 +0000", part(0..10), part(11..19));
            let [live, merged] = ["LIVE", "MERGED"].map(|side| format!("/tmp/{side}-{}/{name}", now.as_secs()));
            call.out(&format!("diff -u -N {live} {merged}\n--- {live}\t{at}\n+++ {merged}\t{at}\n{hunks}"));
        }
    }
    if differs { Err(Failure::Said) } else { Ok(()) }
}

/// The object as it would be, were the manifest applied.
async fn rehearse(call: &Call<'_>, manifest: &Manifest, live: &Value) -> Result<Value, Failure> {
    let server_side = call.given.on("server-side");
    let manager = match call.given.text("field-manager") {
        "" if server_side => "kubectl",
        "" => "kubectl-client-side-apply",
        manager => manager,
    };
    let mut pairs = vec![("fieldManager", manager), ("dryRun", "All")];
    if server_side {
        pairs.push(("force", if call.given.on("force-conflicts") { "true" } else { "false" }));
        return call.patch(&manifest.path(), &pairs, Patch::Apply, manifest.object.to_string()).await;
    }
    if live.is_null() {
        let collection = manifest.resource.collection(&manifest.namespace);
        return call.write(Method::Post, &collection, &pairs, &manifest.object).await;
    }
    // What was applied last names annotations, be there none; they would be taken away.
    let mut manifest = manifest.clone();
    if let Some(metadata) = manifest.object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    }
    let (patch, style) = change(call, &manifest, live).await;
    call.patch(&manifest.path(), &pairs, style, patch.to_string()).await
}

/// What kubectl calls the file that it writes an object to.
fn name_of(manifest: &Manifest) -> String {
    let resource = &manifest.resource;
    let group = if resource.group.is_empty() { String::new() } else { format!("{}.", resource.group) };
    format!("{group}{}.{}.{}.{}", resource.version, resource.kind, manifest.namespace, manifest.name())
}

/// Hides what a secret holds: of its values is shown only which of them change.
fn hide(live: &mut Value, merged: &mut Value) {
    let before = live["data"].as_object().cloned().unwrap_or_default();
    let after = merged["data"].as_object().cloned().unwrap_or_default();
    for (object, values, others, word) in
        [(live, &before, &after, "*** (before)"), (merged, &after, &before, "*** (after)")]
    {
        for (key, value) in values {
            let changes = others.get(key).is_some_and(|other| other != value);
            object["data"][key.as_str()] = if changes { word } else { "***" }.into();
        }
    }
}
