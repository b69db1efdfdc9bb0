//! `delete`: objects by name, selector or manifest, and the wait until they are gone.

use crate::call::{Call, DryRun};
use crate::commands::{
    ALL_NAMESPACES, DRY_RUN, FIELD_SELECTOR, FILENAME, IGNORE_NOT_FOUND, OUTPUT, RECURSIVE, SELECTOR,
};
use crate::failure::Failure;
use crate::flags::{Flag, number, optional, switch, text};
use crate::go::{items, quoted, text as text_at};
use crate::target::{Naming, Target};
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

pub(crate) const FLAGS: &[Flag] = &[
    FILENAME,
    RECURSIVE,
    SELECTOR,
    FIELD_SELECTOR,
    ALL_NAMESPACES,
    OUTPUT,
    DRY_RUN,
    IGNORE_NOT_FOUND,
    switch("all", ' ', "all objects of the type"),
    optional("cascade", "background", "background", "background, foreground or orphan: what becomes of what they own"),
    number("grace-period", ' ', "-1", "how many seconds pods have to end"),
    switch("now", ' ', "the same as --grace-period=1"),
    switch("force", ' ', "without waiting for confirmation"),
    switch("wait", ' ', "until they are gone").or("true"),
    text("timeout", ' ', "how long to wait").or("0s"),
    text("raw", ' ', "not used here"),
    switch("interactive", 'i', "not used here"),
];

/// What is named where nothing is.
pub(crate) const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// How often one looks whether an object is gone.
const LOOK_MS: u32 = 500;

/// How something is to go.
struct Manner {
    options: Value,
    dry: DryRun,
    word: &'static str,
    by_name: bool,
}

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let manner = manner(call)?;
    let mut gone = Vec::new();
    let mut failures = Vec::new();
    let mut found = 0;
    let ignores = call.given.on("ignore-not-found") || call.given.on("all");
    for target in targets(call).await? {
        let objects = if target.name.is_some() {
            call.get(&target.path(), &[], "application/json").await.map(|object| vec![object])
        } else {
            let list = call.get(&target.path(), &call.selectors(), "application/json").await;
            list.map(|list| items(&list, "/items").to_vec())
        };
        let objects = match objects {
            Ok(objects) => objects,
            Err(failure) if ignores && failure.reason() == "NotFound" => continue,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        for object in objects {
            found += 1;
            match one(call, &target, &object, &manner).await {
                Ok(true) => gone.push((target.resource.clone(), object)),
                Ok(false) => {}
                Err(failure) if ignores && failure.reason() == "NotFound" => {}
                Err(failure) => failures.push(failure),
            }
        }
    }
    if found == 0 && failures.is_empty() {
        if !call.given.on("ignore-not-found") {
            call.line("No resources found");
        }
        return Ok(());
    }
    Failure::all(failures)?;
    if call.given.on("wait") && manner.dry == DryRun::None {
        for (resource, object) in gone {
            let namespace = text_at(&object, "/metadata/namespace");
            let path = resource.object(namespace, text_at(&object, "/metadata/name"));
            until_gone(call, &path, text_at(&object, "/metadata/uid")).await?;
        }
    }
    Ok(())
}

fn manner(call: &Call<'_>) -> Result<Manner, Failure> {
    let dry = call.dry_run()?;
    let policy = match call.given.text("cascade") {
        "background" | "true" => "Background",
        "foreground" => "Foreground",
        "orphan" | "false" => "Orphan",
        other => {
            return Err(Failure::error(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    let force = call.given.on("force");
    let mut grace = call.given.number("grace-period");
    if call.given.on("now") {
        if grace != -1 {
            return Err(Failure::error("--now and --grace-period cannot be specified together"));
        }
        grace = 1;
    }
    if grace == 0 && !force {
        // The cluster is not to lose a pod that may still run: as upstream, zero without force is one.
        grace = 1;
    }
    if force && grace < 0 {
        grace = 0;
    }
    if force && grace == 0 {
        call.note("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.");
    }
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    // Options come in the body, where a query would not be looked at.
    if dry == DryRun::Server {
        options["dryRun"] = json!(["All"]);
    }
    if grace >= 0 {
        options["gracePeriodSeconds"] = grace.into();
    }
    let by_name = match call.given.text("output") {
        "" => false,
        "name" => true,
        other => {
            return Err(call.usage(format!("unexpected -o output mode: {other}. We only support '-o name'")));
        }
    };
    Ok(Manner { options, dry, word: if grace == 0 { "force deleted" } else { "deleted" }, by_name })
}

async fn targets(call: &Call<'_>) -> Result<Vec<Target>, Failure> {
    if !call.given.list("filename").is_empty() {
        let mut targets = Vec::new();
        let manifests = call.manifests(false).await?;
        for manifest in manifests {
            let manifest = manifest?;
            let name = Some(manifest.name().to_owned());
            targets.push(Target { resource: manifest.resource, namespace: manifest.namespace, name });
        }
        return Ok(targets);
    }
    if call.arguments().is_empty() {
        return Err(Failure::error(NOTHING_NAMED));
    }
    let all = call.given.on("all");
    call.targets(call.arguments(), Naming { type_alone: false, all }).await.map(|targets| targets.list)
}

/// Deletes an object. Returns whether it will be gone.
async fn one(call: &Call<'_>, target: &Target, object: &Value, manner: &Manner) -> Result<bool, Failure> {
    let name = text_at(object, "/metadata/name");
    if !target.resource.namespaced && call.enforces_namespace() {
        call.note("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    if manner.dry != DryRun::Client {
        let path = target.resource.object(text_at(object, "/metadata/namespace"), name);
        call.write(Method::Delete, &path, &[], &manner.options).await?;
    }
    let word = target.resource.word();
    call.line(&if manner.by_name {
        format!("{word}/{name}")
    } else {
        format!("{word} {} {}{}", quoted(name), manner.word, manner.dry.mark())
    });
    Ok(true)
}

/// Waits until an object is gone, or another one has its name.
pub(crate) async fn until_gone(call: &Call<'_>, path: &str, uid: &str) -> Result<(), Failure> {
    let limit = crate::go::limit(call.given.text("timeout"));
    let begun = call.host.now();
    loop {
        match call.get(path, &[], "application/json").await {
            Ok(object) if text_at(&object, "/metadata/uid") == uid => {}
            Ok(_) => return Ok(()),
            Err(failure) if failure.reason() == "NotFound" => return Ok(()),
            Err(failure) => return Err(failure),
        }
        if limit.is_some_and(|limit| call.host.now().since(begun) >= limit) {
            return Err(Failure::error(format!(
                "timed out waiting for the condition on {}",
                path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/")
            )));
        }
        call.host.sleep(LOOK_MS).await;
    }
}
