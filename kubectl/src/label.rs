//! `label` and `annotate`: words on objects.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{
    ALL_NAMESPACES, DRY_RUN, FIELD_SELECTOR, FILENAME, MANAGER, OUTPUT, RECURSIVE, SELECTOR, SHOW_MANAGED,
};
use crate::delete::NOTHING_NAMED;
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::{self, quoted};
use crate::target::{Naming, Target};
use serde_json::{Map, Value, json};

pub(crate) const FLAGS: &[Flag] = &[
    switch("overwrite", ' ', "change what is there"),
    switch("list", ' ', "show them"),
    switch("all", ' ', "all objects of the type"),
    text("resource-version", ' ', "only if it is at this version"),
    switch("local", ' ', "not used here"),
    SELECTOR,
    FIELD_SELECTOR,
    ALL_NAMESPACES,
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    SHOW_MANAGED,
    MANAGER,
];

/// Labels, or annotations.
#[derive(Clone, Copy)]
struct Words {
    /// The field of the metadata.
    field: &'static str,
    /// One of them.
    one: &'static str,
    done: &'static str,
}

const LABELS: Words = Words { field: "labels", one: "label", done: "labeled" };
const ANNOTATIONS: Words = Words { field: "annotations", one: "annotation", done: "annotated" };

pub(crate) async fn label(call: &Call<'_>) -> Result<(), Failure> {
    run(call, LABELS).await
}

pub(crate) async fn annotate(call: &Call<'_>) -> Result<(), Failure> {
    run(call, ANNOTATIONS).await
}

async fn run(call: &Call<'_>, words: Words) -> Result<(), Failure> {
    let is_pair = |word: &&String| word.contains('=') || (word.ends_with('-') && word.len() > 1);
    let arguments = call.arguments();
    let first = arguments.iter().position(|word| is_pair(&word)).unwrap_or(arguments.len());
    let (named, pairs) = arguments.split_at(first);
    let (form, dry) = (call.form()?, call.dry_run()?);
    if named.is_empty() && call.given.list("filename").is_empty() {
        if pairs.is_empty() {
            return Err(Failure::error(NOTHING_NAMED));
        }
        return Err(Failure::error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if pairs.is_empty() && !call.given.on("list") {
        return Err(Failure::error(format!("at least one {} update is required", words.one)));
    }
    let mut wanted = Map::new();
    for pair in pairs {
        let (key, value) = match (pair.split_once('='), pair.strip_suffix('-')) {
            (Some((key, value)), _) => (key, Value::from(value)),
            (None, Some(key)) => (key, Value::Null),
            (None, None) => {
                return Err(Failure::error("all resources must be specified before label changes: ".to_owned() + pair));
            }
        };
        if wanted.get(key).is_some_and(|before: &Value| before.is_null() != value.is_null()) {
            return Err(Failure::error(format!("can not both modify and remove {} in the same command", words.one)));
        }
        wanted.insert(key.to_owned(), value);
    }
    let call_on = match named {
        [] => call.named(Naming::default()).await?,
        named => call.named_by(named, Naming { all: call.given.on("all"), ..Naming::default() }).await?,
    };
    let mut failures = Vec::new();
    for target in call_on {
        failures.extend(one(call, &target, words, &wanted, form.as_ref(), dry).await.err());
    }
    Failure::all(failures)
}

async fn one(
    call: &Call<'_>,
    target: &Target,
    words: Words,
    wanted: &Map<String, Value>,
    form: Option<&crate::output::Form>,
    dry: DryRun,
) -> Result<(), Failure> {
    let object = call.get(&target.path(), &[], "application/json").await?;
    let word = target.resource.word();
    let before = |key: &str| object["metadata"][words.field].get(key).cloned();
    if call.given.on("list") {
        for (key, value) in go::entries(&object, &format!("/metadata/{}", words.field)) {
            call.line(&format!("{key}={}", go::plain(value)));
        }
        return Ok(());
    }
    if !call.given.on("overwrite") {
        for (key, value) in wanted {
            if let Some(old) = before(key).filter(|old| !value.is_null() && old != value) {
                return Err(Failure::error(if words.one == "label" {
                    format!("'{key}' already has a value ({}), and --overwrite is false", go::plain(&old))
                } else {
                    format!(
                        "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({})",
                        go::plain(&old)
                    )
                }));
            }
        }
    }
    let missing: Vec<&String> =
        wanted.iter().filter(|(key, v)| v.is_null() && before(key).is_none()).map(|(k, _)| k).collect();
    for key in &missing {
        call.line(&format!("{} {} not found.", words.one, quoted(key)));
    }
    let changes = wanted
        .iter()
        .any(|(key, value)| before(key).as_ref() != Some(value) && !(value.is_null() && before(key).is_none()));
    let removes = wanted.values().any(Value::is_null) && !wanted.values().any(|value| !value.is_null());
    let mut patched = object.clone();
    if changes && dry != DryRun::Client {
        let mut metadata = json!({ words.field: wanted });
        let version = call.given.text("resource-version");
        if !version.is_empty() {
            metadata["resourceVersion"] = version.into();
        }
        let mut pairs = vec![(
            "fieldManager",
            match call.given.text("field-manager") {
                "" if words.one == "label" => "kubectl-label",
                "" => "kubectl-annotate",
                manager => manager,
            },
        )];
        pairs.extend(dry.query());
        patched = call.patch(&target.path(), &pairs, Patch::Merge, json!({ "metadata": metadata }).to_string()).await?;
    }
    let did = match (changes, words.one) {
        (false, "label") => "not labeled",
        (true, "label") if removes => "unlabeled",
        _ => words.done,
    };
    call.done(form, &word, &patched, &format!("{did}{}", dry.mark()))
}
