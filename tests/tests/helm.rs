//! The real helm with a chart of our own (`data/chart`), on a live and on a simulated cluster: what it prints, and what the
//! cluster then holds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::kubectl::Kubectl;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::eventually;
use serde_json::Value;
use std::process::Command;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/chart");

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3}
";

/// More than any node has: what asks for so much is never ready.
const TOO_LARGE: &str = "--set cpu=1000,replicas=4";

/// Helm and kubectl with one cluster.
struct Tools {
    helm: String,
    kubectl: Kubectl,
}

impl Tools {
    fn of(server: &Server, directory: &Directory) -> Self {
        let helm = std::env::var("KUBARIUM_HELM").expect("`cargo xtask test --only kubectl` says where helm is");
        Self { helm, kubectl: Kubectl::of(server, directory).unwrap() }
    }

    /// What helm prints, or what it said where it failed. `CHART` in the arguments is the chart's directory.
    fn tries(&self, arguments: &str) -> Result<String, String> {
        let words = arguments.split_whitespace().map(|word| if word == "CHART" { CHART } else { word });
        let output =
            Command::new(&self.helm).args(["--kubeconfig", self.kubectl.config()]).args(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn says(&self, arguments: &str) -> String {
        self.tries(arguments).unwrap_or_else(|error| panic!("helm {arguments}: {error}"))
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.says(&format!("{arguments} -o json"))).unwrap()
    }

    /// The revisions of a release: number, state and what was done.
    fn history(&self, release: &str) -> Vec<String> {
        let history = self.json(&format!("history {release}"));
        let line = |r: &Value| {
            format!("{} {} {}", r["revision"], r["status"].as_str().unwrap(), r["description"].as_str().unwrap())
        };
        history.as_array().unwrap().iter().map(line).collect()
    }

    /// How many pods are wanted and ready, and one label, of the chart's controller.
    fn controller(&self) -> String {
        let path = "{.spec.replicas}/{.status.readyReplicas}/{.metadata.labels.tier}";
        self.kubectl.says(&format!("get rc shop -o jsonpath={path}"))
    }
}

/// What is there of a release, as kubectl lists it.
fn left(kubectl: &Kubectl) -> String {
    let kinds = "pods,rc,services,configmaps,secrets,serviceaccounts,poddisruptionbudgets";
    kubectl.says(&format!("get {kinds} -l app.kubernetes.io/instance=shop -o name"))
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_on_a_simulated_cluster() {
    let directory = Directory::new().unwrap();
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &["--speed", "10"]).unwrap();
    let tools = Tools::of(&server, &directory);
    life(&tools);
    accidents(&tools);
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_on_a_docker_host() {
    let mut hosts = Hosts::start(1).unwrap();
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint]).unwrap();
    let tools = Tools::of(&server, &directory);
    tools.kubectl.until("the node is ready", "get nodes --no-headers", |said| said.contains(" Ready "));
    life(&tools);
    // With a real container behind it, the chart's own test sees the secret.
    tools.says("install shop CHART --wait --timeout 2m");
    let tested = tools.says("test shop --logs --timeout 2m");
    assert!(tested.contains("Phase:          Succeeded") && tested.contains("the password is there"), "{tested}");
}

fn life(tools: &Tools) {
    let Tools { kubectl, .. } = tools;
    let rendered = tools.says("install shop CHART --dry-run=server");
    assert!(rendered.contains("kind: ReplicationController"), "{rendered}");
    assert_eq!(left(kubectl), "", "a dry run leaves nothing");

    let installed = tools.says("install shop CHART --wait --timeout 2m");
    assert!(installed.contains("STATUS: deployed\nREVISION: 1"), "{installed}");
    assert!(installed.contains("2 pods say \"hello\" at http://shop.default."), "{installed}");
    assert_eq!(tools.controller(), "2/2/", "helm waited until they were ready");
    let objects = left(kubectl);
    for kind in
        ["replicationcontroller", "service", "configmap", "secret", "serviceaccount", "poddisruptionbudget.policy"]
    {
        assert!(objects.contains(&format!("{kind}/shop")), "{kind}: {objects}");
    }
    assert_eq!(objects.matches("pod/shop-").count(), 2, "{objects}");
    assert!(kubectl.tries("get configmap shop-first").is_err(), "the hook's object went when it had succeeded");
    let kept = kubectl.says("get secrets -l owner=helm,name=shop,status=deployed -o jsonpath={.items[*].type}");
    assert_eq!(kept, "helm.sh/release.v1");
    let again = tools.tries("install shop CHART").unwrap_err();
    assert!(again.contains("cannot re-use a name that is still in use"), "{again}");

    tools.says("upgrade shop CHART --set replicas=3,labels.tier=front,greeting=changed --wait --timeout 2m");
    assert_eq!(tools.controller(), "3/3/front");
    assert_eq!(kubectl.says("get configmap shop -o jsonpath={.data.index\\.html}"), "changed");
    assert_eq!(tools.json("get values shop")["replicas"], 3);
    assert!(tools.says("get manifest shop").contains("tier: front"));
    assert!(!tools.says("get manifest shop --revision 1").contains("tier: front"));

    tools.says("rollback shop 1 --wait --timeout 2m");
    assert_eq!(tools.controller(), "2/2/", "the label went, too");
    kubectl.until("the third pod is gone", "get pods -l app.kubernetes.io/instance=shop -o name", |said| {
        said.lines().count() == 2
    });
    assert_eq!(
        tools.history("shop"),
        ["1 superseded Install complete", "2 superseded Upgrade complete", "3 deployed Rollback to 1"]
    );
    let listed = tools.json("list");
    assert_eq!(listed[0]["name"], "shop");
    assert_eq!((&listed[0]["revision"], &listed[0]["status"]), (&"3".into(), &"deployed".into()));

    // What somebody changed meanwhile, and is not in the chart, stays; what is in it comes back.
    kubectl.says("annotate rc shop note=mine");
    kubectl.says("scale rc shop --replicas=1");
    tools.says("upgrade shop CHART --wait --timeout 2m");
    assert_eq!(tools.controller(), "2/2/");
    assert_eq!(kubectl.says("get rc shop -o jsonpath={.metadata.annotations.note}"), "mine");

    tools.says("upgrade shop CHART --set disruption=null --wait --timeout 2m");
    assert!(!left(kubectl).contains("poddisruptionbudget"), "what is no longer in the chart goes");

    assert_eq!(tools.says("uninstall shop --wait --timeout 2m"), "release \"shop\" uninstalled");
    eventually("helm does not wait for the controller's pods; they go, too", || {
        (left(kubectl).is_empty(), left(kubectl))
    });
    assert_eq!(kubectl.says("get secrets -l owner=helm -o name"), "", "nothing is kept of the release");
    assert!(tools.tries("status shop").unwrap_err().contains("release: not found"));
}

/// What goes wrong, and what helm makes of it.
fn accidents(tools: &Tools) {
    let Tools { kubectl, .. } = tools;
    tools.says("upgrade --install shop CHART --wait --timeout 1m");
    let late = tools.tries(&format!("upgrade shop CHART {TOO_LARGE} --wait --timeout 3s")).unwrap_err();
    assert!(late.contains("UPGRADE FAILED: context deadline exceeded"), "{late}");
    assert_eq!(tools.json("status shop")["info"]["status"], "failed");
    assert_eq!(tools.controller(), "4/2/", "what it asked for is there, and is not ready");

    let late = tools.tries(&format!("upgrade shop CHART {TOO_LARGE} --atomic --timeout 3s")).unwrap_err();
    assert!(late.contains("has been rolled back due to atomic being set"), "{late}");
    assert_eq!(tools.controller(), "2/2/");
    assert_eq!(
        tools.history("shop"),
        [
            "1 superseded Install complete",
            "2 failed Upgrade \"shop\" failed: context deadline exceeded",
            "3 failed Upgrade \"shop\" failed: context deadline exceeded",
            "4 deployed Rollback to 1"
        ]
    );
    let refused = tools.tries("upgrade shop CHART --set replicas=-1").unwrap_err();
    let says = "cannot patch \"shop\" with kind ReplicationController: ReplicationController \"shop\" is invalid: \
                spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    assert!(refused.contains(says), "{refused}");
    assert_eq!(tools.says("list --failed --short"), "shop");

    let never = tools.tries(&format!("install other CHART {TOO_LARGE} --atomic --timeout 3s")).unwrap_err();
    assert!(never.contains("has been uninstalled due to atomic being set"), "{never}");
    assert_eq!(tools.says("list --all --short"), "shop");
    assert_eq!(kubectl.says("get rc -o name"), "replicationcontroller/shop");

    kubectl.says("create serviceaccount mine");
    let taken = tools.tries("install mine CHART").unwrap_err();
    assert!(
        taken.contains("ServiceAccount \"mine\" in namespace \"default\" exists and cannot be imported"),
        "{taken}"
    );

    tools.says("install shop CHART --namespace new --create-namespace --wait --timeout 1m");
    let mut everywhere = tools.json("list --all --all-namespaces").as_array().unwrap().clone();
    everywhere.sort_by_key(|r| r["namespace"].to_string());
    let names: Vec<_> = everywhere.iter().map(|r| format!("{}/{}", r["namespace"], r["name"])).collect();
    assert_eq!(names, ["\"default\"/\"shop\"", "\"new\"/\"shop\""]);
    tools.says("uninstall shop --namespace new --keep-history --wait --timeout 1m");
    assert_eq!(tools.json("status shop --namespace new")["info"]["status"], "uninstalled");
    tools.says("rollback shop 1 --namespace new --wait --timeout 1m");
    assert_eq!(kubectl.says("get rc -n new -o jsonpath={.items[*].status.readyReplicas}"), "2");
}
