//! The real kubectl on a simulated cluster, whose time it also holds and steps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::kubectl::{Kubectl, head};
use kubarium_tests::server::{Directory, Server};

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3}
";

const WEB: &str = "
apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 4
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
";

const STEP: &str = "create --raw /apis/kubarium.io/v1/clock/step -f -";

/// The words of each line of a table without head.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn kubectl_creates_steps_time_fails_a_node_and_sees_the_cluster_heal() {
    let directory = Directory::new().unwrap();
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &["--paused"]).unwrap();
    let kubectl = Kubectl::of(&server, &directory).unwrap();
    let step = |duration: &str| kubectl.reads(STEP, &format!("{{\"duration\": \"{duration}\"}}")).unwrap();
    let phases = || {
        let pods = kubectl.says("get pods --no-headers");
        let phases = rows(&pods).into_iter().map(|row| format!("{} {} {}", row[1], row[2], row[row.len() - 1]));
        phases.collect::<Vec<_>>()
    };

    let served = kubectl.says("api-resources --api-group=kubarium.io --no-headers -o name");
    assert_eq!(
        served,
        "clock.kubarium.io\nfits.kubarium.io\ninterventions.kubarium.io\nmachines.kubarium.io\nsurvival.kubarium.io"
    );
    let clock = kubectl.says("get clock");
    assert_eq!(head(&clock), ["NAME", "NOW", "PAUSED", "SPEED", "REACHED"]);
    assert_eq!(rows(&clock)[1], ["clock", "2026-01-01T00:00:00Z", "true", "1", "0"]);

    assert_eq!(kubectl.reads("create -f -", WEB).unwrap(), "replicationcontroller/web created");
    assert_eq!(phases(), ["0/1 ContainerCreating 0s"; 4], "placed, and no time has passed");
    assert_eq!(kubectl.says("get rc web --no-headers"), "web   4     4     0     0s");
    assert!(step("1m30s").contains("2026-01-01T00:01:30Z"));
    assert_eq!(phases(), ["1/1 Running 90s"; 4]);
    let pod = kubectl.says("get pods -o name").lines().next().unwrap().to_owned();
    assert_eq!(kubectl.says(&format!("logs {pod}")), "web started");
    for inside in [format!("exec {pod} -- true"), format!("attach {pod}"), format!("port-forward {pod} :80")] {
        let refused = kubectl.tries(&inside).unwrap_err();
        assert!(refused.contains("the pods of a simulated cluster run no programs"), "{refused}");
    }
    assert!(
        kubectl.says("wait rc/web --for=jsonpath={.status.readyReplicas}=4 --timeout=10s").contains("condition met")
    );

    let intervention = |action: &str| {
        let text = format!(
            "apiVersion: kubarium.io/v1\nkind: Intervention\nmetadata: {{name: test}}\nspec: {{action: {action}}}"
        );
        kubectl.reads("create -f -", &text)
    };
    assert_eq!(intervention("failNode node-2").unwrap(), "intervention.kubarium.io/test created");
    let nobody = intervention("failNode nobody").unwrap_err();
    assert!(nobody.contains("there is no machine \"nobody\" in this world"), "{nobody}");
    let machines = kubectl.says("get machines --no-headers");
    assert_eq!(rows(&machines), [["node-1", "<none>"], ["node-2", "Off"], ["node-3", "<none>"]]);
    step("10m");
    let nodes = kubectl.says("get nodes --no-headers");
    let states: Vec<&str> = rows(&nodes).into_iter().map(|row| row[1]).collect();
    assert_eq!(states, ["Ready", "NotReady", "Ready"]);
    assert_eq!(kubectl.says("get rc web --no-headers"), "web   4     4     4     11m");
    intervention("restoreNode node-2").unwrap();
    step("2m");
    assert_eq!(kubectl.says("get nodes --no-headers").matches(" Ready ").count(), 3);

    assert_eq!(
        kubectl.says("patch clock clock --type=merge -p {\"spec\":{\"paused\":false}}"),
        "clock.kubarium.io/clock patched"
    );
    assert_eq!(kubectl.says("patch clock clock -p {\"spec\":{\"speed\":10000}}"), "clock.kubarium.io/clock patched");
    assert_eq!(kubectl.says("get clock clock -o jsonpath={.spec}"), "{\"paused\":false,\"speed\":10000}");
    kubectl.until("an hour has passed", "get clock --no-headers", |said| !said.contains("2026-01-01T00:"));
    kubectl.says("delete rc web --wait=false");
    kubectl.until("its pods are gone", "get pods --no-headers", str::is_empty);
}
