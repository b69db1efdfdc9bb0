//! `/apis/kubarium.io/v1/clock`: the time of the cluster. That of a simulated one can be held, run and stepped.

use super::group::{API_VERSION, table, wants_table};
use super::watch::stopped;
use super::{App, problem};
use crate::driver::{Clock, Goal, Order, Refused};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use kubarium_core::Time;
use kubarium_core::api::{ApiError, Reason};
use kubarium_core::sim::{self, SPEEDS};
use serde::Deserialize;
use serde_json::{Value, json};

/// Forms of a patch that are taken; for this small object both say the same.
const PATCHES: [&str; 2] = ["application/merge-patch+json", "application/strategic-merge-patch+json"];

/// What a patch may say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockPatch {
    #[serde(default)]
    spec: SpecPatch,
    /// A client may send these along; they are not its to change.
    #[serde(default, rename = "apiVersion")]
    _api_version: Value,
    #[serde(default, rename = "kind")]
    _kind: Value,
    #[serde(default, rename = "metadata")]
    _metadata: Value,
    #[serde(default, rename = "status")]
    _status: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpecPatch {
    #[serde(default)]
    paused: Option<bool>,
    #[serde(default)]
    speed: Option<f64>,
}

/// A step: so much further, or to an instant; neither of them for the next change of an object.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockStep {
    #[serde(default, rename = "apiVersion")]
    _api_version: Value,
    #[serde(default, rename = "kind")]
    _kind: Value,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    until: Option<String>,
}

/// A speed without a fraction that is none.
fn number(speed: f64) -> Value {
    if speed.fract() == 0.0 { json!(speed as i64) } else { json!(speed) }
}

fn document(clock: &Clock) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "Clock",
        "metadata": { "name": "clock" },
        "spec": { "paused": clock.paused, "speed": number(clock.speed) },
        "status": { "now": clock.now.to_string(), "reachedSpeed": number((clock.reached * 100.0).round() / 100.0) },
    })
}

/// Reads the clock.
pub(super) async fn read(State(app): State<App>, headers: HeaderMap) -> Response {
    let clock = document(&app.driver.clock().await);
    if !wants_table(&headers) {
        return problem::json(200, &clock);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).into();
    let (spec, status) = (&clock["spec"], &clock["status"]);
    let cells = vec![
        "clock".into(),
        text(&status["now"]),
        text(&spec["paused"]),
        text(&spec["speed"]),
        text(&status["reachedSpeed"]),
    ];
    problem::json(200, &table(&["Name", "Now", "Paused", "Speed", "Reached"], vec![(cells, clock)]))
}

/// Holds the clock, lets it run, sets its speed.
pub(super) async fn change(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let form = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let form = form.split(';').next().unwrap_or_default().trim();
    if !PATCHES.contains(&form) {
        let message = format!("the clock takes a patch of the content type {}, not {form:?}", PATCHES.join(" or "));
        return problem::status(415, Reason::UnsupportedMediaType, message);
    }
    let patch: ClockPatch = match super::group::object(&body) {
        Ok(patch) => patch,
        Err(e) => return problem::status(400, Reason::BadRequest, format!("the body is no patch of a Clock: {e}")),
    };
    let SpecPatch { paused, speed } = patch.spec;
    if let Some(speed) = speed.filter(|speed| !SPEEDS.contains(speed)) {
        let message = format!(
            "Clock \"clock\" is invalid: spec.speed: Invalid value: {}: must be from {} to {} virtual seconds per real \
             second",
            number(speed),
            SPEEDS.start(),
            SPEEDS.end()
        );
        return problem::status(422, Reason::Invalid, message);
    }
    answer(200, app.driver.order(Order::Pace { paused, speed }).await)
}

/// Lets time pass as fast as it can, and answers when it has.
pub(super) async fn step(State(app): State<App>, body: Bytes) -> Response {
    let goal = match goal(&body) {
        Ok(goal) => goal,
        Err(error) => return problem::of(&error),
    };
    tokio::select! {
        outcome = app.driver.order(Order::Step(goal)) => answer(201, outcome),
        () = stopped(app.stopping.clone()) => problem::closing(),
    }
}

fn goal(body: &[u8]) -> Result<Goal, ApiError> {
    let invalid = |what: String| ApiError::new(422, Reason::Invalid, format!("ClockStep is invalid: {what}"));
    let step: ClockStep = if body.trim_ascii().is_empty() {
        ClockStep::default()
    } else {
        super::group::object(body)
            .map_err(|e| ApiError::new(400, Reason::BadRequest, format!("the body is no ClockStep: {e}")))?
    };
    match (step.duration, step.until) {
        (None, None) => Ok(Goal::NextChange),
        (Some(text), None) => sim::parse_span(&text).map(Goal::For).ok_or_else(|| {
            invalid(format!("duration: Invalid value: {text:?}: must be a duration such as 90s or 1h30m"))
        }),
        (None, Some(text)) => Time::parse(&text).map(Goal::Until).ok_or_else(|| {
            invalid(format!("until: Invalid value: {text:?}: must be a time such as 2026-01-01T00:10:00Z"))
        }),
        (Some(_), Some(_)) => {
            Err(invalid("duration: Forbidden: a step goes for a duration or until a time".to_owned()))
        }
    }
}

fn answer(code: u16, outcome: Result<Clock, Refused>) -> Response {
    match outcome {
        Ok(clock) => problem::json(code, &document(&clock)),
        Err(refused) => refusal(refused),
    }
}

/// Why an order was not carried out, as an answer.
pub(super) fn refusal(refused: Refused) -> Response {
    match refused {
        Refused::Live => problem::status(
            405,
            Reason::MethodNotAllowed,
            "this cluster is live: its time is the real one, and its machines are real; `kubarium serve --simulate` \
             serves one whose time can be held and whose machines can be made to fail",
        ),
        Refused::Held(now) => problem::status(
            409,
            Reason::Conflict,
            format!("the clock was held at {now}, before the step was at its end"),
        ),
        Refused::Action(error) => super::interventions::refusal(&error),
        Refused::Api(response) => super::api::finished(response),
        Refused::Closed => problem::closing(),
    }
}
