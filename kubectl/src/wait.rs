//! `wait`: until objects are as one wants them.

use crate::call::Call;
use crate::commands::{ALL_NAMESPACES, FIELD_SELECTOR, FILENAME, OUTPUT, RECURSIVE, SELECTOR};
use crate::failure::Failure;
use crate::flags::{Flag, list, switch, text};
use crate::go::{self, items, text as text_at};
use crate::jsonpath::Template;
use crate::target::{Naming, Target};
use kubarium_core::Span;
use serde_json::Value;

pub(crate) const FLAGS: &[Flag] = &[
    list("for", ' ', "condition=Ready, delete, create, or jsonpath='{.status.phase}'=Running"),
    text("timeout", ' ', "how long to wait").or("30s"),
    switch("all", ' ', "all objects of the type"),
    switch("local", ' ', "not used here"),
    SELECTOR,
    FIELD_SELECTOR,
    ALL_NAMESPACES,
    FILENAME,
    RECURSIVE,
    OUTPUT,
];

/// How often one looks.
const LOOK_MS: u32 = 250;

/// What is waited for.
enum Aim {
    Deleted,
    Created,
    Condition(String, String),
    Field(Template, Option<String>),
}

impl Aim {
    fn parse(text: &str) -> Result<Self, Failure> {
        let lower = text.to_lowercase();
        if lower == "delete" {
            return Ok(Self::Deleted);
        }
        if lower == "create" {
            return Ok(Self::Created);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Self::Condition(kind.to_owned(), status.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("jsonpath=") {
            let rest = rest.trim_matches('\'');
            // The `=` of the value stands behind the path's brace or, without braces, is the last one.
            let (path, value) = match rest.find('}') {
                Some(end) => rest.split_at(end + 1),
                None => rest.rfind('=').map_or((rest, ""), |at| rest.split_at(at)),
            };
            let value = value.strip_prefix('=').map(|value| value.trim_matches(['\'', '"']).to_owned());
            if value.as_deref() == Some("") {
                return Err(Failure::error("jsonpath wait has to have a value after equal sign"));
            }
            return Ok(Self::Field(Template::relaxed(path)?, value));
        }
        Err(Failure::error(format!("unrecognized condition: {}", go::quoted(text))))
    }

    /// Whether an object, or that there is none, is what is waited for.
    fn is_met(&self, object: Option<&Value>) -> bool {
        match (self, object) {
            (Self::Deleted, object) => object.is_none(),
            (Self::Created, object) => object.is_some(),
            (_, None) => false,
            (Self::Condition(kind, wanted), Some(object)) => {
                items(object, "/status/conditions").iter().any(|condition| {
                    text_at(condition, "/type").eq_ignore_ascii_case(kind)
                        && text_at(condition, "/status").eq_ignore_ascii_case(wanted)
                })
            }
            (Self::Field(path, wanted), Some(object)) => {
                let found = path.find(object).unwrap_or_default();
                match wanted {
                    Some(wanted) => found.iter().any(|value| go::plain(value) == *wanted),
                    None => !found.is_empty(),
                }
            }
        }
    }
}

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let wanted = call.given.list("for");
    if wanted.is_empty() {
        return Err(Failure::error("unrecognized condition: \"\""));
    }
    let aims: Vec<Aim> = wanted.iter().map(|text| Aim::parse(text)).collect::<Result<_, _>>()?;
    let limit = match go::span(call.given.text("timeout")) {
        Some(Span(0)) => Some(Span::ZERO),
        Some(span) if span.0 < 0 => Some(Span::from_secs(7 * 86_400)),
        other => other,
    };
    let begun = call.host.now();
    let over = || limit.is_some_and(|limit| call.host.now().since(begun) >= limit);
    let targets = targets(call, &aims).await?;
    if targets.is_empty() {
        return Err(Failure::error("no matching resources found"));
    }
    let mut failures = Vec::new();
    for target in targets {
        let name = target.name.clone().unwrap_or_default();
        let label = format!("{}/{name}", target.resource.word());
        let first = call.get(&target.path(), &[], "application/json").await;
        let mut seen = match first {
            Ok(object) => Some(object),
            // Gone already: nothing is to be said.
            Err(failure) if failure.reason() == "NotFound" && aims.iter().any(|a| matches!(a, Aim::Deleted)) => {
                continue;
            }
            Err(failure) if failure.reason() == "NotFound" && aims.iter().any(|a| matches!(a, Aim::Created)) => None,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        let uid = seen.as_ref().map(|object| text_at(object, "/metadata/uid").to_owned());
        loop {
            // Another object of the same name is not the one that was to go.
            let same = seen.as_ref().filter(|object| {
                !aims.iter().any(|aim| matches!(aim, Aim::Deleted))
                    || uid.as_deref() == Some(text_at(object, "/metadata/uid"))
            });
            if aims.iter().all(|aim| aim.is_met(same)) {
                call.line(&format!("{label} condition met"));
                break;
            }
            if over() {
                let once = limit == Some(Span::ZERO);
                let said = if once { "condition not met for" } else { "timed out waiting for the condition on" };
                failures.push(Failure::error(format!("{said} {}/{name}", target.resource.full_plural())));
                break;
            }
            call.host.sleep(LOOK_MS).await;
            seen = match call.get(&target.path(), &[], "application/json").await {
                Ok(object) => Some(object),
                Err(failure) if failure.reason() == "NotFound" => None,
                Err(failure) => return Err(failure),
            };
        }
    }
    Failure::all(failures)
}

async fn targets(call: &Call<'_>, aims: &[Aim]) -> Result<Vec<Target>, Failure> {
    let found = call.named(Naming { all: call.given.on("all"), type_alone: false }).await?;
    if found.is_empty() && aims.iter().any(|aim| matches!(aim, Aim::Deleted)) {
        return Err(Failure::Said);
    }
    Ok(found)
}
