//! What may be written into a status: what could not be true, or has no meaning, is refused and named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};

const NOW: Time = Time(1_790_000_000_000_000);

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let mut request = Request::new(method, format!("/api/v1/namespaces/default/{path}")).with_json(body);
    if method == Method::Patch {
        "application/merge-patch+json".clone_into(&mut request.content_type);
    }
    let Some(Answer::Done(response)) = cluster.handle(NOW, Input::Request(request)).answer else { panic!("{path}") };
    (response.status, serde_json::from_str(&response.body).unwrap())
}

/// The causes of a refusal: field and message.
fn causes(answer: &Value) -> Vec<(String, String)> {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap().to_owned();
    let causes = answer["details"]["causes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    causes.iter().map(|cause| (text(cause, "field"), text(cause, "message"))).collect()
}

fn refused(cluster: &mut Cluster, path: &str, status: &Value, expected: &[(&str, &str)]) {
    let before = ask(cluster, Method::Get, path, &Value::Null).1;
    let (code, answer) = ask(cluster, Method::Patch, &format!("{path}/status"), &json!({"status": status}));
    assert_eq!(code, 422, "{status}: {answer}");
    let expected: Vec<_> = expected.iter().map(|(f, m)| ((*f).to_owned(), (*m).to_owned())).collect();
    assert_eq!(causes(&answer), expected, "{status}");
    assert_eq!(ask(cluster, Method::Get, path, &Value::Null).1, before, "nothing was changed");
}

#[test]
fn a_pods_phase_is_any_word_and_its_conditions_hold_or_do_not() {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
                     "status": {"phase": "Ignored", "conditions": [{"type": "Ready", "status": "Ignored"}]}});
    assert_eq!(ask(&mut cluster, Method::Post, "pods", &pod).0, 201, "a status is not created");
    let unknown = r#"Unsupported value: "Maybe": supported values: "False", "True", "Unknown""#;
    let conditions =
        json!({"conditions": [{"type": "Ready", "status": "True"}, {"type": "x.example/y", "status": "Maybe"}]});
    refused(&mut cluster, "pods/p", &conditions, &[("status.conditions[1].status", unknown)]);
    // A word that means nothing here is kept, as upstream keeps it, until a known one takes its place.
    for phase in ["Sleeping", "Pending", "running", "Running", "Unknown", "Failed", "Succeeded"] {
        let (code, answer) = ask(&mut cluster, Method::Patch, "pods/p/status", &json!({"status": {"phase": phase}}));
        assert_eq!((code, answer["status"]["phase"].as_str()), (200, Some(phase)));
        let found = ask(&mut cluster, Method::Get, "pods/p", &Value::Null).1;
        assert_eq!(found["status"]["phase"], phase);
    }
}

#[test]
fn the_counts_of_a_replication_controller_are_counts() {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    let controller = json!({"metadata": {"name": "r"}, "spec": {"replicas": 0, "selector": {"a": "b"}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    assert_eq!(ask(&mut cluster, Method::Post, "replicationcontrollers", &controller).0, 201);
    let path = "replicationcontrollers/r";
    let negative = "Invalid value: -1: must be greater than or equal to 0";
    refused(&mut cluster, path, &json!({"observedGeneration": -1}), &[("status.observedGeneration", negative)]);
    refused(
        &mut cluster,
        path,
        &json!({"replicas": 1, "fullyLabeledReplicas": 2, "readyReplicas": 3, "availableReplicas": 4}),
        &[
            ("status.fullyLabeledReplicas", "Invalid value: 2: cannot be greater than status.replicas"),
            ("status.readyReplicas", "Invalid value: 3: cannot be greater than status.replicas"),
            ("status.availableReplicas", "Invalid value: 4: cannot be greater than status.replicas"),
            ("status.availableReplicas", "Invalid value: 4: cannot be greater than readyReplicas"),
        ],
    );
    refused(
        &mut cluster,
        path,
        &json!({"replicas": 2, "availableReplicas": -1}),
        &[("status.availableReplicas", negative)],
    );
    // What is possible but not so is put right by whoever counts.
    let (code, _) = ask(
        &mut cluster,
        Method::Patch,
        &format!("{path}/status"),
        &json!({"status": {"replicas": 7, "observedGeneration": 9}}),
    );
    assert_eq!(code, 200);
    let status = ask(&mut cluster, Method::Get, path, &Value::Null).1["status"].clone();
    assert_eq!((&status["replicas"], &status["observedGeneration"]), (&json!(0), &json!(1)));
}
