//! `/apis/kubarium.io/v1/interventions`: what a scenario's timeline does, done now; on a simulated cluster only.

use super::group::API_VERSION;
use super::{App, clock, problem};
use crate::driver::Order;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use kubarium_core::api::Reason;
use kubarium_core::sim::{Action, ActionError};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a client sends: `{"spec": {"action": "failNode node-2"}}`, or `{"action": …}` in short.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct New {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    spec: Option<Spec>,
    #[serde(default)]
    action: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    action: String,
}

/// Does it, at the present instant.
pub(super) async fn create(State(app): State<App>, body: Bytes) -> Response {
    let new: New = match super::group::object(&body) {
        Ok(new) => new,
        Err(e) => return problem::status(400, Reason::BadRequest, format!("the body is no Intervention: {e}")),
    };
    if new.kind.as_deref().is_some_and(|k| k != "Intervention")
        || new.api_version.as_deref().is_some_and(|v| v != API_VERSION)
    {
        return problem::status(400, Reason::BadRequest, format!("the body is no Intervention of {API_VERSION}"));
    }
    let Some(text) = new.spec.map(|s| s.action).or(new.action) else {
        return problem::status(422, Reason::Invalid, "Intervention is invalid: spec.action: Required value");
    };
    let action: Action = match text.parse() {
        Ok(action) => action,
        Err(error) => return refusal(&error),
    };
    let name = new.metadata["name"].as_str().map_or_else(|| name_of(&action), str::to_owned);
    let action_text = action.to_string();
    match app.driver.order(Order::Act(action)).await {
        Ok(clock) => problem::json(
            201,
            &json!({
                "apiVersion": API_VERSION, "kind": "Intervention",
                "metadata": { "name": name, "creationTimestamp": clock.now.to_meta() },
                "spec": { "action": action_text },
            }),
        ),
        Err(refused) => clock::refusal(refused),
    }
}

/// A name that says what is done: nobody asks for it again.
fn name_of(action: &Action) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    action.to_string().chars().map(letter).collect()
}

/// Why an action was not done, as an answer.
pub(super) fn refusal(error: &ActionError) -> Response {
    let (code, reason) = match error {
        ActionError::NoMachine(_) | ActionError::NoTarget(_) => (404, Reason::NotFound),
        ActionError::NotNow(_) => (409, Reason::Conflict),
        ActionError::Refused { code, .. } => (*code, Reason::Unknown),
        ActionError::Unreadable(why) => {
            return problem::status(422, Reason::Invalid, format!("Intervention is invalid: spec.action: {why}"));
        }
    };
    problem::status(code, reason, error.to_string())
}
