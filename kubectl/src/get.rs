//! `get`: objects in columns, or in any other form.

mod sort;
mod watch;

use crate::api::TABLE;
use crate::call::Call;
use crate::failure::Failure;
use crate::go::text;
use crate::output::{self, Form};
use crate::table::{Look, Table};
use crate::target::{Naming, Target, Targets};
use serde_json::Value;

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let raw = call.given.text("raw");
    if !raw.is_empty() {
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        let mut request = kubarium_core::apiserver::Request::get(path);
        query.clone_into(&mut request.query);
        let body = call.send(request).await?.body;
        call.out(&body);
        return Ok(());
    }
    let from_files = !call.given.list("filename").is_empty();
    if call.arguments().is_empty() && !from_files {
        call.note("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n");
        return Err(call.usage("Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods)."));
    }
    let form = Form::parse(call.given.text("output"), true)?;
    let targets = if from_files {
        of_files(call).await?
    } else {
        call.targets(call.arguments(), Naming { type_alone: true, all: false }).await?
    };
    if call.given.on("watch") || call.given.on("watch-only") {
        return watch::run(call, &targets, &form).await;
    }
    match &form {
        Form::Table { wide } => tables(call, &targets, *wide).await,
        _ => documents(call, &targets, &form).await,
    }
}

async fn of_files(call: &Call<'_>) -> Result<Targets, Failure> {
    let mut targets = Targets::default();
    for manifest in call.manifests(false).await? {
        let manifest = manifest?;
        let name = Some(manifest.name().to_owned());
        targets.list.push(Target { resource: manifest.resource, namespace: manifest.namespace, name });
    }
    Ok(targets)
}

/// How tables of these targets look.
fn look(call: &Call<'_>, target: &Target, wide: bool, several: bool) -> Look {
    let labels = call.given.list("label-columns").iter().flat_map(|list| list.split(','));
    Look {
        wide,
        no_head: call.given.on("no-headers"),
        with_namespace: call.everywhere() && target.resource.namespaced,
        kind: (several || call.given.on("show-kind")).then(|| target.resource.word()),
        labels: call.given.on("show-labels"),
        label_columns: labels.map(str::to_owned).collect(),
        with_change: call.given.on("output-watch-events"),
    }
}

/// The path of a target and of the part of it that is wanted.
fn path(call: &Call<'_>, target: &Target) -> String {
    match call.given.text("subresource") {
        "" => target.path(),
        part => format!("{}/{part}", target.path()),
    }
}

/// Asks for all pages of a list, and hands each on.
async fn pages(
    call: &Call<'_>,
    target: &Target,
    accept: &str,
    extra: &[(&str, &str)],
    mut take: impl FnMut(Value),
) -> Result<(), Failure> {
    let limit = call.given.text("chunk-size").to_owned();
    let mut next = String::new();
    loop {
        let mut pairs = Vec::new();
        if target.name.is_none() {
            pairs.extend(call.selectors());
            if limit != "0" {
                pairs.push(("limit", limit.as_str()));
            }
            pairs.push(("continue", next.as_str()));
        }
        pairs.extend(extra);
        let page = call.get(&path(call, target), &pairs, accept).await?;
        let more = text(&page, "/metadata/continue").to_owned();
        take(page);
        if more.is_empty() {
            return Ok(());
        }
        next = more;
    }
}

async fn tables(call: &Call<'_>, targets: &Targets, wide: bool) -> Result<(), Failure> {
    let several = targets.list.iter().any(|t| Some(&t.resource) != targets.list.first().map(|t| &t.resource));
    let order = sort::Order::given(call.given.text("sort-by"));
    let mut failures = Vec::new();
    let mut written = false;
    let mut groups: Vec<(&Target, Vec<Value>)> = Vec::new();
    for target in &targets.list {
        let mut documents = Vec::new();
        let extra: &[_] = if order.is_some() { &[("includeObject", "Object")] } else { &[] };
        match pages(call, target, TABLE, extra, |page| documents.push(page)).await {
            Ok(()) => match groups.last_mut() {
                Some((before, all)) if before.resource == target.resource => all.append(&mut documents),
                _ => groups.push((target, documents)),
            },
            Err(failure) if call.given.on("ignore-not-found") && failure.reason() == "NotFound" => {}
            Err(failure) => failures.push(failure),
        }
    }
    for (target, mut documents) in groups {
        if let Some(order) = &order {
            // A path that cannot be read finds nothing, as upstream has it.
            let Ok(order) = order else { continue };
            order.sort_rows(&mut documents);
        }
        let look = look(call, target, wide, several);
        let mut table = Table::default();
        for document in &documents {
            table.add(document, &look, "");
        }
        if !table.is_empty() {
            let gap = if written { "\n" } else { "" };
            call.out(&format!("{gap}{}", table.print(&look, &mut None)));
            written = true;
        }
    }
    Failure::all(failures)?;
    if !written && !call.given.on("ignore-not-found") {
        nothing(call, targets);
    }
    Ok(())
}

/// Says that there is nothing.
pub(crate) fn nothing(call: &Call<'_>, targets: &Targets) {
    if call.everywhere() || targets.list.iter().any(|target| !target.resource.namespaced) {
        call.note("No resources found");
    } else {
        call.note(&format!("No resources found in {} namespace.", call.namespace()));
    }
}

async fn documents(call: &Call<'_>, targets: &Targets, form: &Form) -> Result<(), Failure> {
    let mut objects = Vec::new();
    let mut failures = Vec::new();
    for target in &targets.list {
        let mut found = Vec::new();
        match pages(call, target, "application/json", &[], |page| found.push(page)).await {
            Ok(()) if target.name.is_some() => objects.append(&mut found),
            Ok(()) => objects.extend(found.into_iter().flat_map(|list| listed(target, list))),
            Err(failure) if call.given.on("ignore-not-found") && failure.reason() == "NotFound" => {}
            Err(failure) => failures.push(failure),
        }
    }
    if targets.one && objects.is_empty() {
        return Failure::all(failures);
    }
    if !call.given.on("show-managed-fields") {
        objects = objects.into_iter().map(output::without_owners).collect();
    }
    if let Some(order) = sort::Order::given(call.given.text("sort-by")) {
        order?.sort_objects(&mut objects);
    }
    let words: Vec<(String, String, String)> =
        targets.list.iter().map(|t| (t.resource.api_version(), t.resource.kind.clone(), t.resource.word())).collect();
    let word = |object: &Value| {
        let of = |(version, kind, _): &&(String, String, String)| {
            version == text(object, "/apiVersion") && kind == text(object, "/kind")
        };
        words.iter().find(of).map_or_else(|| text(object, "/kind").to_lowercase(), |(_, _, word)| word.clone())
    };
    let shown = if targets.one { objects.pop().unwrap_or_default() } else { output::list(&objects) };
    let printed = form.print(&shown, &word)?;
    if let (Form::Columns(_), true) = (form, call.given.on("no-headers")) {
        call.out(printed.split_once('\n').map_or("", |(_, rest)| rest));
    } else {
        call.out(&printed);
    }
    Failure::all(failures)
}

/// The items of a list, each saying what it is.
pub(crate) fn listed(target: &Target, mut list: Value) -> Vec<Value> {
    let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    items
        .into_iter()
        .map(|mut item| {
            item["apiVersion"] = target.resource.api_version().into();
            item["kind"] = target.resource.kind.as_str().into();
            item
        })
        .collect()
}
