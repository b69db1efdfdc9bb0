//! `edit` and `set image`: objects changed as a person, or a flag, says.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, FILENAME, MANAGER, OUTPUT, RECURSIVE, SELECTOR, SHOW_MANAGED, VALIDATE};
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::{items, quoted, text as text_at};
use crate::merge::{Schema, three_way};
use crate::output::without_owners;
use crate::target::Naming;
use kubarium_core::manifest;
use serde_json::{Value, json};

pub(crate) const EDIT: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    OUTPUT,
    VALIDATE,
    SHOW_MANAGED,
    MANAGER.or("kubectl-edit"),
    text("subresource", ' ', "status, scale or resize"),
    switch("save-config", ' ', "not used here"),
];

pub(crate) const IMAGE: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    SELECTOR,
    OUTPUT,
    DRY_RUN,
    SHOW_MANAGED,
    MANAGER.or("kubectl-set"),
    switch("all", ' ', "all objects of the type"),
    switch("local", ' ', "not used here"),
];

const HEAD: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";

pub(crate) async fn edit(call: &Call<'_>) -> Result<(), Failure> {
    let (form, validation) = (call.form()?, call.validation()?);
    for target in call.named(Naming::default()).await? {
        let before = without_owners(call.get(&target.path(), &[], "application/json").await?);
        let mut shown = format!("{HEAD}{}", manifest::print(&before));
        let after = loop {
            let Some(text) = call.host.edit(shown.clone()).await else {
                call.line("Edit cancelled, no changes made.");
                return Ok(());
            };
            let documents = manifest::parse(&text);
            match documents {
                Ok(documents) => match documents.into_iter().next() {
                    Some(document) if document.value != before => break document.value,
                    _ => {
                        call.line("Edit cancelled, no changes made.");
                        return Ok(());
                    }
                },
                // The text comes back with what is wrong with it.
                Err(error) => {
                    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
                    shown = format!("{HEAD}# {error}\n#\n{lines}\n");
                }
            }
        };
        let document = call.openapi(&target.resource.group, &target.resource.version).await.ok();
        let of = |d| Schema::of_kind(d, &target.resource.group, &target.resource.version, &target.resource.kind);
        let schema = document.as_ref().map(of);
        let patch = three_way(&before, &after, &before, schema);
        let pairs = [("fieldManager", call.given.text("field-manager")), ("fieldValidation", validation)];
        let style = if schema.is_some() { Patch::Strategic } else { Patch::Merge };
        let patched = call.patch(&target.path(), &pairs, style, patch.to_string()).await?;
        call.done(form.as_ref(), &target.resource.word(), &patched, "edited")?;
    }
    Ok(())
}

pub(crate) async fn image(call: &Call<'_>) -> Result<(), Failure> {
    let (form, dry) = (call.form()?, call.dry_run()?);
    let is_pair = |word: &String| word.contains('=');
    let first = call.arguments().iter().position(is_pair).unwrap_or(call.arguments().len());
    let (named, pairs) = call.arguments().split_at(first);
    if named.is_empty() {
        return Err(Failure::error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if pairs.is_empty() {
        return Err(Failure::error("at least one image update is required"));
    }
    let mut failures = Vec::new();
    for target in call.named_by(named, Naming { all: call.given.on("all"), ..Naming::default() }).await? {
        let done = async {
            let object = call.get(&target.path(), &[], "application/json").await?;
            let (root, pointer) = match target.resource.kind.as_str() {
                "Pod" => (object.pointer("/spec"), "spec"),
                _ => (object.pointer("/spec/template/spec"), "template"),
            };
            let spec = root
                .filter(|spec| spec["containers"].is_array())
                .ok_or_else(|| Failure::error(format!("{} has no containers", target.resource.word())))?;
            let mut containers = Vec::new();
            let mut inits = Vec::new();
            for pair in pairs {
                let (name, image) = pair.split_once('=').unwrap_or_default();
                let is = |container: &&Value| name == "*" || text_at(container, "/name") == name;
                let of = |pointer: &str| -> Vec<Value> {
                    let found = items(spec, pointer).iter().filter(is);
                    found.map(|container| json!({"name": container["name"], "image": image})).collect()
                };
                let (found, found_inits) = (of("/containers"), of("/initContainers"));
                if found.is_empty() && found_inits.is_empty() {
                    return Err(Failure::error(format!("unable to find container named {}", quoted(name))));
                }
                containers.extend(found);
                inits.extend(found_inits);
            }
            let mut spec = json!({});
            if !containers.is_empty() {
                spec["containers"] = containers.into();
            }
            if !inits.is_empty() {
                spec["initContainers"] = inits.into();
            }
            let body =
                if pointer == "spec" { json!({ "spec": spec }) } else { json!({"spec": {"template": {"spec": spec}}}) };
            let mut after = object.clone();
            if dry != DryRun::Client {
                let mut query = vec![("fieldManager", call.given.text("field-manager"))];
                query.extend(dry.query());
                after = call.patch(&target.path(), &query, Patch::Strategic, body.to_string()).await?;
            }
            if form.is_none() && dry == DryRun::None && after["spec"] == object["spec"] {
                return Ok(());
            }
            call.done(form.as_ref(), &target.resource.word(), &after, &format!("image updated{}", dry.mark()))
        };
        failures.extend(done.await.err());
    }
    Failure::all(failures)
}
