//! `/apis/kubarium.io/v1/machines`: the machines of a simulated cluster, and what is wrong with them.

use super::group::{API_VERSION, table, wants_table};
use super::{App, clock, problem};
use crate::driver::Refused;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kubarium_core::sim::Fault;
use serde_json::{Value, json};

/// All machines.
pub(super) async fn list(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(machines) = app.driver.machines().await else { return clock::refusal(Refused::Live) };
    let documents = machines.into_iter().map(|(name, faults)| {
        let faults: Vec<String> = faults.into_iter().map(word).collect();
        json!({
            "apiVersion": API_VERSION, "kind": "Machine", "metadata": { "name": name.as_str() },
            "status": { "faults": faults },
        })
    });
    if !wants_table(&headers) {
        let items: Vec<Value> = documents.collect();
        return problem::json(
            200,
            &json!({ "apiVersion": API_VERSION, "kind": "MachineList", "metadata": {}, "items": items }),
        );
    }
    let rows = documents.map(|machine| {
        let faults: Vec<&str> =
            machine["status"]["faults"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let faults = if faults.is_empty() { "<none>".to_owned() } else { faults.join(",") };
        (vec![machine["metadata"]["name"].clone(), faults.into()], machine)
    });
    problem::json(200, &table(&["Name", "Faults"], rows.collect()))
}

fn word(fault: Fault) -> String {
    match fault {
        Fault::Off => "Off".to_owned(),
        Fault::Partitioned => "Partitioned".to_owned(),
        Fault::DiskFull => "DiskFull".to_owned(),
        Fault::SlowPulls(_) => "SlowPulls".to_owned(),
    }
}
