//! What changes in pods that run, in a simulated cluster: containers are added, and resources are granted, wait for room
//! and are reckoned with by the scheduler.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Span;
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::sim::{Action, Scenario, World};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 1, capacity: {cpu: '4'}}
";

/// A world with one machine of four cpus.
struct Sim(World);

impl Sim {
    fn new() -> Self {
        let mut sim = Self(World::new(&Scenario::parse(SCENARIO).unwrap()));
        sim.pass(10);
        sim
    }

    fn pass(&mut self, seconds: i64) {
        let until = self.0.cluster().now() + Span::from_secs(seconds);
        self.0.advance(until, u32::MAX);
    }

    fn ask(&mut self, method: Method, path: &str, media: &str, body: &Value) -> Value {
        let request = Request { content_type: media.to_owned(), ..Request::new(method, path).with_json(body) };
        let answer = self.0.act(Action::Request { request }).unwrap();
        let Some(Answer::Done(response)) = answer else { panic!("{path}: {answer:?}") };
        assert!(response.status < 300, "{path}: {}", response.body);
        serde_json::from_str(&response.body).unwrap()
    }

    /// Creates a pod that asks for cpu, and lets it run.
    fn pod(&mut self, name: &str, cpu: &str) {
        let container = json!({"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}});
        let body = json!({"metadata": {"name": name}, "spec": {"containers": [container]}});
        self.ask(Method::Post, PODS, "application/json", &body);
        self.pass(20);
    }

    fn patch(&mut self, name: &str, part: &str, spec: &Value) -> Value {
        let media = "application/strategic-merge-patch+json";
        self.ask(Method::Patch, &format!("{PODS}/{name}/{part}"), media, &json!({ "spec": spec }))
    }

    fn resize(&mut self, name: &str, cpu: &str) -> Value {
        let container = json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
        let answer = self.patch(name, "resize", &json!({ "containers": [container] }));
        self.pass(2);
        answer
    }

    fn get(&mut self, name: &str) -> Value {
        self.ask(Method::Get, &format!("{PODS}/{name}"), "", &Value::Null)
    }

    /// What a pod's container was granted and has, and the reason why that is not what is wanted.
    fn cpu(&mut self, name: &str) -> (String, String, String) {
        let status = &self.get(name)["status"];
        let container = &status["containerStatuses"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let conditions = status["conditions"].as_array().unwrap();
        let pending = conditions.iter().find(|c| c["type"] == "PodResizePending");
        let reason = pending.map(|c| text(&c["reason"])).unwrap_or_default();
        (text(&container["allocatedResources"]["cpu"]), text(&container["resources"]["requests"]["cpu"]), reason)
    }

    fn phase(&mut self, name: &str) -> Value {
        self.get(name)["status"]["phase"].clone()
    }
}

fn has(granted: &str, actual: &str, why: &str) -> (String, String, String) {
    (granted.to_owned(), actual.to_owned(), why.to_owned())
}

#[test]
fn resources_are_granted_or_wait_for_room_and_what_is_wanted_is_kept_free_meanwhile() {
    let mut sim = Sim::new();
    sim.pod("a", "1");
    sim.pod("b", "1");
    assert_eq!(sim.cpu("a"), has("1", "1", ""));

    // There is room.
    let told = sim.resize("a", "2");
    assert_eq!(
        (&told["metadata"]["generation"], &told["spec"]["containers"][0]["resources"]["requests"]["cpu"]),
        (&json!(2), &json!("2"))
    );
    assert_eq!(
        told["status"]["containerStatuses"][0]["resources"]["requests"]["cpu"], "1",
        "what it has is not changed yet"
    );
    assert_eq!(sim.cpu("a"), has("2", "2", ""));
    assert_eq!(sim.get("a")["status"]["containerStatuses"][0]["restartCount"], 0);

    // There is none: it waits, and who comes later finds no more room than it will need.
    sim.resize("a", "3500m");
    assert_eq!(sim.cpu("a"), has("2", "2", "Deferred"));
    sim.pod("c", "500m");
    assert_eq!(sim.phase("c"), "Pending");

    // Nobody waits for what can never be.
    sim.resize("a", "40");
    assert_eq!(sim.cpu("a"), has("2", "2", "Infeasible"));
    sim.pass(60);
    assert_eq!(sim.phase("c"), "Running", "what cannot be is not kept free");

    // Room comes free, and it is used.
    sim.resize("a", "2500m");
    assert_eq!(sim.cpu("a"), has("2500m", "2500m", ""));
    sim.resize("a", "3500m");
    assert_eq!(sim.cpu("a"), has("2500m", "2500m", "Deferred"));
    sim.ask(Method::Delete, &format!("{PODS}/b"), "", &json!({}));
    sim.pass(60);
    assert_eq!(sim.cpu("a"), has("3500m", "3500m", ""));
}

#[test]
fn a_container_that_is_added_runs_beside_the_others_and_counts_for_nothing() {
    let mut sim = Sim::new();
    sim.pod("a", "1");
    sim.patch(
        "a",
        "ephemeralcontainers",
        &json!({"ephemeralContainers": [{"name": "eye", "image": "tools", "targetContainerName": "c"}]}),
    );
    sim.pass(20);
    let status = sim.get("a")["status"].clone();
    let added = &status["ephemeralContainerStatuses"][0];
    assert!(added["state"]["running"].is_object(), "{added}");
    assert_eq!((&added["ready"], &added["restartCount"], &added["started"]), (&json!(false), &json!(0), &Value::Null));
    assert_eq!(status["phase"], "Running");
    let ready = status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
    assert_eq!(ready["status"], "True");
}
