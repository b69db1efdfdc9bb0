//! `scale`: how many replicas there shall be.

use crate::api::Patch;
use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, FILENAME, OUTPUT, RECURSIVE, SELECTOR, SHOW_MANAGED};
use crate::failure::Failure;
use crate::flags::{Flag, number, switch, text};
use crate::go;
use crate::target::{Naming, Target};
use serde_json::json;

pub(crate) const FLAGS: &[Flag] = &[
    number("replicas", ' ', "0", "how many there shall be"),
    number("current-replicas", ' ', "-1", "only if there are so many now"),
    text("resource-version", ' ', "only if it is at this version"),
    switch("all", ' ', "all objects of the type"),
    FILENAME,
    RECURSIVE,
    SELECTOR,
    OUTPUT,
    DRY_RUN,
    SHOW_MANAGED,
    text("timeout", ' ', "how long to wait").or("0s"),
];

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    if !call.given.has("replicas") {
        return Err(Call::required("replicas"));
    }
    let replicas = call.given.number("replicas");
    if replicas < 0 {
        let why = "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0";
        return Err(Failure::error(why));
    }
    let (form, dry) = (call.form()?, call.dry_run()?);
    let mut failures = Vec::new();
    for target in call.named(Naming { all: call.given.on("all"), ..Naming::default() }).await? {
        let done = one(call, &target, replicas, form.as_ref(), dry).await;
        failures.extend(done.err());
    }
    Failure::all(failures)
}

async fn one(
    call: &Call<'_>,
    target: &Target,
    replicas: i64,
    form: Option<&crate::output::Form>,
    dry: DryRun,
) -> Result<(), Failure> {
    let mut object = call.get(&target.path(), &[], "application/json").await?;
    if !target.resource.parts.iter().any(|part| part == "scale") {
        let message = "the server could not find the requested resource";
        return Err(Failure::Status(json!({"reason": "NotFound", "message": message})));
    }
    let (current, version) = (call.given.number("current-replicas"), call.given.text("resource-version"));
    let now = go::number(&object, "/spec/replicas");
    if current >= 0 && current != now {
        return Err(Failure::error(format!("Expected replicas to be {current}, was {now}")));
    }
    let actual = go::text(&object, "/metadata/resourceVersion");
    if !version.is_empty() && version != actual {
        return Err(Failure::error(format!("Expected resource version to be {version}, was {actual}")));
    }
    if dry != DryRun::Client {
        let body = json!({"spec": {"replicas": replicas}}).to_string();
        call.patch(&format!("{}/scale", target.path()), dry.query(), Patch::Merge, body).await?;
    }
    object["spec"]["replicas"] = replicas.into();
    call.done(form, &target.resource.word(), &object, &format!("scaled{}", dry.mark()))
}
