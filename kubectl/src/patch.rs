//! `patch`: parts of objects.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, FILENAME, MANAGER, OUTPUT, RECURSIVE, SHOW_MANAGED};
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go;
use crate::target::Naming;
use kubarium_core::manifest;

pub(crate) const FLAGS: &[Flag] = &[
    text("patch", 'p', "the patch, as JSON or YAML"),
    text("patch-file", ' ', "- for what is typed"),
    text("type", ' ', "strategic, merge or json").or("strategic"),
    text("subresource", ' ', "status, scale or resize"),
    switch("local", ' ', "not used here"),
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    SHOW_MANAGED,
    MANAGER.or("kubectl-patch"),
];

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let (form, dry) = (call.form()?, call.dry_run()?);
    let file = call.given.text("patch-file");
    let given = call.given.text("patch");
    if given.is_empty() == file.is_empty() {
        return Err(Failure::error(if given.is_empty() {
            "must specify --patch or --patch-file containing the contents of the patch"
        } else {
            "cannot specify --patch and --patch-file together"
        }));
    }
    let typed = if file.is_empty() { given.to_owned() } else { call.text_of(file).await? };
    let form_of = match call.given.text("type").to_lowercase().as_str() {
        "strategic" => Patch::Strategic,
        "merge" => Patch::Merge,
        "json" => Patch::Json,
        _ => {
            let given = go::quoted(call.given.text("type"));
            return Err(Failure::error(format!("--type must be one of [json merge strategic], not {given}")));
        }
    };
    let documents = manifest::parse(&typed).map_err(|error| {
        Failure::error(format!(
            "unable to parse {}: yaml: line {}: {}",
            go::quoted(&typed),
            error.place.line,
            error.message
        ))
    })?;
    let patch = documents.into_iter().next().map(|document| document.value).unwrap_or_default();
    let mut failures = Vec::new();
    for target in call.named(Naming::default()).await? {
        let done = async {
            let before = call.get(&target.path(), &[], "application/json").await?;
            let path = match call.given.text("subresource") {
                "" => target.path(),
                part => format!("{}/{part}", target.path()),
            };
            let mut pairs = vec![("fieldManager", call.given.text("field-manager"))];
            // That nothing is to be changed the API can be told: it then says what would come of it.
            pairs.extend(if dry == DryRun::None { &[][..] } else { DryRun::Server.query() });
            let after = call.patch(&path, &pairs, form_of, patch.to_string()).await?;
            let same = go::text(&before, "/metadata/resourceVersion") == go::text(&after, "/metadata/resourceVersion");
            let did = if same && dry == DryRun::None { "patched (no change)" } else { "patched" };
            call.done(form.as_ref(), &target.resource.word(), &after, did)
        };
        failures.extend(done.await.err());
    }
    Failure::all(failures)
}
