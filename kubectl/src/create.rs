//! `create -f`: objects as a manifest says.

use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, FILENAME, MANAGER, OUTPUT, RECURSIVE, SELECTOR, SHOW_MANAGED, VALIDATE};
use crate::failure::Failure;
use crate::files::Manifest;
use crate::flags::{Flag, switch, text};
use kubarium_core::apiserver::Method;
use serde_json::Value;

pub(crate) const FLAGS: &[Flag] = &[
    FILENAME,
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    MANAGER.or("kubectl-create"),
    SELECTOR,
    RECURSIVE,
    SHOW_MANAGED,
    switch("save-config", ' ', "remember the manifest for apply"),
    text("raw", ' ', "not used here"),
    switch("edit", ' ', "not used here"),
];

/// The annotation in which `apply` finds what was applied last.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    if call.given.list("filename").is_empty() {
        if let Some(word) = call.arguments().first() {
            return Err(call.usage(format!("Unexpected args: [{word}]")));
        }
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let (form, dry, validation) = (call.form()?, call.dry_run()?, call.validation()?);
    let manifests = call.manifests(validation != "Ignore").await?;
    if manifests.is_empty() {
        return Err(Failure::error("no objects passed to create"));
    }
    let mut failures = Vec::new();
    for manifest in manifests {
        let done = match manifest {
            Ok(manifest) => one(call, manifest, form.as_ref(), dry, validation).await,
            Err(failure) => Err(failure),
        };
        failures.extend(done.err());
    }
    Failure::all(failures)
}

async fn one(
    call: &Call<'_>,
    mut manifest: Manifest,
    form: Option<&crate::output::Form>,
    dry: DryRun,
    validation: &str,
) -> Result<(), Failure> {
    if call.given.on("save-config") {
        remember(&mut manifest.object);
    }
    let created = if dry == DryRun::Client {
        manifest.object.clone()
    } else {
        let path = manifest.resource.collection(&manifest.namespace);
        let created = post(call, &path, &manifest.object, dry, validation).await;
        created.map_err(|failure| failure.when("creating", &manifest.source))?
    };
    call.done(form, &manifest.resource.word(), &created, &format!("created{}", dry.mark()))
}

/// Creates an object.
pub(crate) async fn post(
    call: &Call<'_>,
    path: &str,
    object: &Value,
    dry: DryRun,
    validation: &str,
) -> Result<Value, Failure> {
    let mut pairs = vec![("fieldManager", call.given.text("field-manager")), ("fieldValidation", validation)];
    pairs.extend(dry.query());
    call.write(Method::Post, path, &pairs, object).await
}

/// Keeps a manifest with its object, for `apply`.
pub(crate) fn remember(object: &mut Value) {
    let mut plain = object.clone();
    if let Some(annotations) = plain.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    if let Some(metadata) = plain.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    let text = format!("{}\n", crate::go::json(&plain));
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) =
            metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new())).as_object_mut()
    {
        annotations.insert(LAST_APPLIED.to_owned(), text.into());
    }
}
