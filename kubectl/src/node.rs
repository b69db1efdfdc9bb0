//! `cordon`, `uncordon` and `taint`: where pods may go.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, MANAGER, OUTPUT, SELECTOR, SHOW_MANAGED, VALIDATE};
use crate::failure::Failure;
use crate::flags::{Flag, switch};
use crate::go::{items, quoted, text};
use crate::target::Naming;
use serde_json::{Value, json};

pub(crate) const CORDON: &[Flag] = &[SELECTOR, DRY_RUN];

pub(crate) const TAINT: &[Flag] = &[
    SELECTOR,
    DRY_RUN,
    OUTPUT,
    SHOW_MANAGED,
    VALIDATE,
    MANAGER.or("kubectl-taint"),
    switch("overwrite", ' ', "change what is there"),
    switch("all", ' ', "all nodes"),
];

pub(crate) async fn cordon(call: &Call<'_>) -> Result<(), Failure> {
    close(call, true).await.map(drop)
}

pub(crate) async fn uncordon(call: &Call<'_>) -> Result<(), Failure> {
    close(call, false).await.map(drop)
}

/// Closes nodes for new pods, or opens them. Returns their names.
pub(crate) async fn close(call: &Call<'_>, closed: bool) -> Result<Vec<String>, Failure> {
    let dry = call.dry_run()?;
    let selector = !call.given.text("selector").is_empty();
    if call.arguments().is_empty() && !selector {
        return Err(call.usage(format!("USAGE: {} NODE [flags]", call.command)));
    }
    if !call.arguments().is_empty() && selector {
        return Err(call.usage("cannot specify both a node name and a --selector option"));
    }
    let mut words = vec!["nodes".to_owned()];
    words.extend(call.arguments().iter().map(|word| word.rsplit('/').next().unwrap_or_default().to_owned()));
    let mut failures = Vec::new();
    let mut names = Vec::new();
    for target in call.named_by(&words, Naming::default()).await? {
        let node = match call.get(&target.path(), &[], "application/json").await {
            Ok(node) => node,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        let name = text(&node, "/metadata/name");
        let is = node.pointer("/spec/unschedulable") == Some(&Value::Bool(true));
        let done = if closed { "cordoned" } else { "uncordoned" };
        if is == closed {
            call.line(&format!("node/{name} already {done}{}", dry.mark()));
        } else {
            if dry != DryRun::Client {
                let closed = if closed { Value::Bool(true) } else { Value::Null };
                let body = json!({"spec": {"unschedulable": closed}}).to_string();
                call.patch(&target.path(), dry.query(), Patch::Strategic, body).await?;
            }
            call.line(&format!("node/{name} {done}{}", dry.mark()));
        }
        names.push(name.to_owned());
    }
    Failure::all(failures).map(|()| names)
}

/// A change of taints: key, value, effect (empty for every one), and whether it goes.
struct Change {
    key: String,
    value: String,
    effect: String,
    goes: bool,
}

impl Change {
    fn parse(call: &Call<'_>, word: &str) -> Result<Self, Failure> {
        let (spec, goes) = word.strip_suffix('-').map_or((word, false), |spec| (spec, true));
        let (pair, effect) = spec.split_once(':').unwrap_or((spec, ""));
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let all_of_key = effect.is_empty() && goes;
        if !all_of_key && !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            let why = if effect.is_empty() {
                format!("invalid taint spec: {word}")
            } else {
                format!("invalid taint effect: {effect}, unsupported taint effect")
            };
            return Err(call.usage(why));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), goes })
    }

    fn is_about(&self, taint: &Value) -> bool {
        text(taint, "/key") == self.key && (self.effect.is_empty() || text(taint, "/effect") == self.effect)
    }
}

pub(crate) async fn taint(call: &Call<'_>) -> Result<(), Failure> {
    let (form, dry) = (call.form()?, call.dry_run()?);
    let is_change = |word: &String| word.contains(['=', ':']) || (word.ends_with('-') && word.len() > 1);
    let first = call.arguments().iter().position(is_change).unwrap_or(call.arguments().len());
    let (named, changes) = call.arguments().split_at(first);
    let Some(kind) = named.first() else {
        return Err(Failure::error("one or more resources must be specified as <resource> <name>"));
    };
    if changes.is_empty() {
        return Err(Failure::error("at least one taint update is required"));
    }
    let resources = call.session.resources(call).await?;
    let (kind, slashed) = kind.split_once('/').map_or((kind.as_str(), None), |(kind, name)| (kind, Some(name)));
    if resources.find(kind).is_none_or(|resource| resource.kind != "Node") {
        return Err(Failure::error(format!("invalid resource type {kind}, only node types are supported")));
    }
    let changes: Vec<Change> = changes.iter().map(|word| Change::parse(call, word)).collect::<Result<_, _>>()?;
    let words: Vec<String> =
        ["nodes".to_owned()].into_iter().chain(slashed.map(str::to_owned)).chain(named[1..].iter().cloned()).collect();
    let mut failures = Vec::new();
    for target in call.named_by(&words, Naming { all: call.given.on("all"), ..Naming::default() }).await? {
        let done = async {
            let node = call.get(&target.path(), &[], "application/json").await?;
            let (taints, did) = changed(&node, &changes, call.given.on("overwrite"))?;
            let mut shown = node.clone();
            shown["spec"]["taints"] = taints.clone().into();
            if dry != DryRun::Client {
                let mut pairs = vec![("fieldManager", call.given.text("field-manager"))];
                pairs.extend(dry.query());
                let taints = if taints.is_empty() { Value::Null } else { taints.into() };
                let body = json!({"spec": {"taints": taints}}).to_string();
                shown = call.patch(&target.path(), &pairs, Patch::Merge, body).await?;
            }
            call.done(
                form.as_ref(),
                "node",
                &shown,
                &format!("{did}{}", if dry == DryRun::Server { dry.mark() } else { "" }),
            )
        };
        failures.extend(done.await.err());
    }
    Failure::all(failures)
}

/// The taints of a node after changes, and what was done.
fn changed(node: &Value, changes: &[Change], overwrite: bool) -> Result<(Vec<Value>, &'static str), Failure> {
    let mut taints = items(node, "/spec/taints").to_vec();
    let mut overwritten = false;
    for change in changes {
        let there = taints.iter().any(|taint| change.is_about(taint));
        if change.goes {
            if !there {
                let effect = if change.effect.is_empty() { String::new() } else { format!(":{}", change.effect) };
                return Err(Failure::error(format!("taint {} not found", quoted(&format!("{}{effect}", change.key)))));
            }
            taints.retain(|taint| !change.is_about(taint));
            continue;
        }
        if there && !overwrite {
            return Err(Failure::error(format!(
                "node {} already has a taint(s) with same effect(s) and --overwrite is false",
                text(node, "/metadata/name")
            )));
        }
        overwritten |= there;
        taints.retain(|taint| !change.is_about(taint));
        let mut taint = json!({"key": change.key, "effect": change.effect});
        if !change.value.is_empty() {
            taint["value"] = change.value.as_str().into();
        }
        taints.insert(0, taint);
    }
    let did = if changes.iter().all(|change| change.goes) {
        "untainted"
    } else if overwritten || changes.iter().any(|change| change.goes) {
        "modified"
    } else {
        "tainted"
    };
    Ok((taints, did))
}
