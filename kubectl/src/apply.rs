//! `apply` and `replace`: objects as manifests say, whether they are there or not.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{ALL_NAMESPACES, DRY_RUN, FILENAME, OUTPUT, RECURSIVE, SELECTOR, SHOW_MANAGED, VALIDATE};
use crate::create::{LAST_APPLIED, remember};
use crate::delete::until_gone;
use crate::failure::Failure;
use crate::files::Manifest;
use crate::flags::{Flag, list, number, optional, switch, text};
use crate::go::{self, quoted, text as text_at};
use crate::merge::{Schema, three_way};
use crate::output::Form;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

pub(crate) const FLAGS: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    SELECTOR,
    SHOW_MANAGED,
    ALL_NAMESPACES,
    switch("server-side", ' ', "let the server find out what changes"),
    switch("force-conflicts", ' ', "take fields from their owners, with --server-side"),
    text("field-manager", ' ', "who owns the fields that are written"),
    switch("overwrite", ' ', "change what somebody else changed").or("true"),
    switch("force", ' ', "delete and make anew what cannot be changed"),
    number("grace-period", ' ', "-1", "how many seconds pods have to end, with --force"),
    optional("cascade", "background", "background", "not used here"),
    switch("prune", ' ', "not used here"),
    switch("all", ' ', "not used here"),
    list("prune-allowlist", ' ', "not used here"),
    switch("wait", ' ', "not used here"),
    text("timeout", ' ', "how long to wait").or("0s"),
    switch("save-config", ' ', "remember the manifest for apply"),
];

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let (form, dry, validation) = (call.form()?, call.dry_run()?, call.validation()?);
    if let Some(word) = call.arguments().first() {
        return Err(call.usage(format!("Unexpected args: [{word}]")));
    }
    let server_side = call.given.on("server-side");
    if call.given.on("force-conflicts") && !server_side {
        return Err(Failure::error("--force-conflicts only works with --server-side"));
    }
    if dry == DryRun::Client && server_side {
        return Err(Failure::error(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    if call.given.list("filename").is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    if call.given.on("prune") {
        if !call.given.on("all") && call.given.text("selector").is_empty() {
            return Err(Failure::error(
                "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
            ));
        }
        return Err(Failure::error("this console does not prune; delete what is to go with kubectl delete"));
    }
    let manifests = call.manifests(validation != "Ignore").await?;
    if manifests.is_empty() {
        return Err(Failure::error("no objects passed to apply"));
    }
    let mut failures = Vec::new();
    for manifest in manifests {
        let done = match manifest {
            Ok(manifest) if server_side => on_server(call, &manifest, form.as_ref(), dry, validation).await,
            Ok(manifest) => here(call, manifest, form.as_ref(), dry, validation).await,
            Err(failure) => Err(failure),
        };
        failures.extend(done.err());
    }
    Failure::all(failures)
}

async fn on_server(
    call: &Call<'_>,
    manifest: &Manifest,
    form: Option<&Form>,
    dry: DryRun,
    validation: &str,
) -> Result<(), Failure> {
    let manager = match call.given.text("field-manager") {
        "" => "kubectl",
        manager => manager,
    };
    let force = if call.given.on("force-conflicts") { "true" } else { "false" };
    let mut pairs = vec![("fieldManager", manager), ("fieldValidation", validation), ("force", force)];
    pairs.extend(dry.query());
    let applied = call.patch(&manifest.path(), &pairs, Patch::Apply, manifest.object.to_string()).await;
    let applied = applied.map_err(|failure| match failure.reason() {
        "Conflict" => Failure::error(format!(
            "{}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the `--force-conflicts` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the field (remove it from their configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
            failure.message()
        )),
        _ => failure,
    })?;
    call.done(form, &manifest.resource.word(), &applied, &format!("serverside-applied{}", dry.mark()))
}

async fn here(
    call: &Call<'_>,
    mut manifest: Manifest,
    form: Option<&Form>,
    dry: DryRun,
    validation: &str,
) -> Result<(), Failure> {
    if manifest.name().is_empty() {
        let generated = text_at(&manifest.object, "/metadata/generateName");
        return Err(Failure::error(format!("from {generated}: cannot use generate name with apply")));
    }
    remember(&mut manifest.object);
    let (path, word) = (manifest.path(), manifest.resource.word());
    let manager = match call.given.text("field-manager") {
        "" => "kubectl-client-side-apply",
        manager => manager,
    };
    let mut pairs = vec![("fieldManager", manager), ("fieldValidation", validation)];
    pairs.extend(dry.query());
    let current = match call.get(&path, &[], "application/json").await {
        Ok(current) => current,
        Err(failure) if failure.reason() == "NotFound" => {
            let created = if dry == DryRun::Client {
                manifest.object.clone()
            } else {
                let collection = manifest.resource.collection(&manifest.namespace);
                let created = call.write(Method::Post, &collection, &pairs, &manifest.object).await;
                created.map_err(|failure| failure.when("creating", &manifest.source))?
            };
            return call.done(form, &word, &created, &format!("created{}", dry.mark()));
        }
        Err(failure) => return Err(failure.when("retrieving current configuration of", &manifest.source)),
    };
    if applied_last(&current).is_none() {
        call.note(&format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
            manifest.resource.plural,
            manifest.name()
        ));
    }
    let (patch, style) = change(call, &manifest, &current).await;
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        return call.done(form, &word, &current, &format!("unchanged{}", dry.mark()));
    }
    if dry == DryRun::Client {
        return call.done(form, &word, &current, &format!("configured{}", dry.mark()));
    }
    match call.patch(&path, &pairs, style, patch.to_string()).await {
        Ok(patched) => {
            let same = text_at(&patched, "/metadata/resourceVersion") == text_at(&current, "/metadata/resourceVersion");
            let did = if same && dry == DryRun::None { "unchanged" } else { "configured" };
            call.done(form, &word, &patched, &format!("{did}{}", dry.mark()))
        }
        Err(failure) if call.given.on("force") && matches!(failure.reason(), "Invalid" | "Conflict") => {
            let made = anew(call, &manifest, &current, &pairs).await?;
            call.done(form, &word, &made, "configured")
        }
        Err(failure) => Err(failure.when("applying patch:\n", &manifest.source).without_patch(&patch, &manifest)),
    }
}

/// What an object says was applied to it last.
fn applied_last(current: &Value) -> Option<&str> {
    current.pointer("/metadata/annotations").and_then(|all| all.get(LAST_APPLIED)?.as_str())
}

/// The patch that makes what is there what the manifest says, and its form.
pub(crate) async fn change(call: &Call<'_>, manifest: &Manifest, current: &Value) -> (Value, Patch) {
    let original = applied_last(current).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let document = openapi(call, manifest).await;
    let resource = &manifest.resource;
    let schema = document.as_ref().map(|d| Schema::of_kind(d, &resource.group, &resource.version, &resource.kind));
    let style = if schema.is_some() { Patch::Strategic } else { Patch::Merge };
    (three_way(&original, &manifest.object, current, schema), style)
}

impl Failure {
    /// A failure of a patch, with the patch where upstream shows it.
    fn without_patch(self, patch: &Value, manifest: &Manifest) -> Self {
        match self {
            Self::Status(status) if status["reason"] == "Invalid" => Self::Status(status),
            other => {
                let what = format!(
                    "error when applying patch:\n{}\nto:\nResource: {}, GroupVersionKind: {}\nName: {}, Namespace: {}\nfor: {}",
                    go::json(patch),
                    quoted(&manifest.resource.api_version()),
                    quoted(&manifest.resource.kind),
                    quoted(manifest.name()),
                    quoted(&manifest.namespace),
                    quoted(&manifest.source)
                );
                Self::error(format!("{what}: {}", other.message()))
            }
        }
    }
}

/// Deletes an object, waits until it is gone, and makes it anew.
async fn anew(call: &Call<'_>, manifest: &Manifest, current: &Value, pairs: &[(&str, &str)]) -> Result<Value, Failure> {
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
    if call.given.number("grace-period") >= 0 {
        options["gracePeriodSeconds"] = call.given.number("grace-period").into();
    }
    call.write(Method::Delete, &manifest.path(), &[], &options).await?;
    until_gone(call, &manifest.path(), text_at(current, "/metadata/uid")).await?;
    call.write(Method::Post, &manifest.resource.collection(&manifest.namespace), pairs, &manifest.object).await
}

/// What the API says of the group of a manifest; none where it does not.
async fn openapi(call: &Call<'_>, manifest: &Manifest) -> Option<Value> {
    call.openapi(&manifest.resource.group, &manifest.resource.version).await.ok()
}

/// `replace`: what is there, by what manifests say.
pub(crate) async fn replace(call: &Call<'_>) -> Result<(), Failure> {
    let (form, dry, validation) = (call.form()?, call.dry_run()?, call.validation()?);
    if call.given.list("filename").is_empty() {
        return Err(Failure::error("must specify one of -f and -k"));
    }
    let manager = match call.given.text("field-manager") {
        "" => "kubectl-replace",
        manager => manager,
    };
    let mut pairs = vec![("fieldManager", manager), ("fieldValidation", validation)];
    pairs.extend(dry.query());
    let manifests = call.manifests(validation != "Ignore").await?;
    if manifests.is_empty() {
        return Err(Failure::error("no objects passed to replace"));
    }
    let mut failures = Vec::new();
    for manifest in manifests {
        let done = async {
            let mut manifest = manifest?;
            if call.given.on("save-config") {
                remember(&mut manifest.object);
            }
            let word = manifest.resource.word();
            if call.given.on("force") {
                if let Ok(current) = call.get(&manifest.path(), &[], "application/json").await {
                    call.line(&format!("{word} {} deleted", quoted(manifest.name())));
                    let made = anew(call, &manifest, &current, &pairs).await?;
                    return call.done(form.as_ref(), &word, &made, "replaced");
                }
                let collection = manifest.resource.collection(&manifest.namespace);
                let made = call.write(Method::Post, &collection, &pairs, &manifest.object).await?;
                return call.done(form.as_ref(), &word, &made, "replaced");
            }
            let replaced = if dry == DryRun::Client {
                manifest.object.clone()
            } else {
                let replaced = call.write(Method::Put, &manifest.path(), &pairs, &manifest.object).await;
                replaced.map_err(|failure| failure.when("replacing", &manifest.source))?
            };
            call.done(form.as_ref(), &word, &replaced, &format!("replaced{}", dry.mark()))
        };
        failures.extend(done.await.err());
    }
    Failure::all(failures)
}
