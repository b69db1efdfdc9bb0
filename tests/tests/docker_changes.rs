//! What changes in a pod that runs, on a real engine: containers that are added to it, and what its containers may have.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::{condition, eventually};
use serde_json::{Value, json};

const POD: &str = "/api/v1/namespaces/default/pods/web";

struct Cluster {
    hosts: Hosts,
    server: Server,
    _data: Directory,
}

impl Cluster {
    fn start() -> Self {
        let mut hosts = Hosts::start(1).unwrap();
        let data = Directory::new().unwrap();
        let endpoint = format!("host-0={}", hosts.host(0).endpoint());
        let server = Server::start(data.path(), &["--docker", &endpoint, "--heartbeat-seconds", "1"]).unwrap();
        eventually("the node is ready", || {
            let node = server.get("/api/v1/nodes/host-0");
            (condition(&node, "Ready")["status"] == "True", node)
        });
        Self { hosts, server, _data: data }
    }

    fn patch(&self, part: &str, spec: &Value) -> (u16, String) {
        let body = json!({ "spec": spec }).to_string();
        let media = [("Content-Type", "application/strategic-merge-patch+json")];
        self.server.ask("PATCH", &format!("{POD}/{part}"), &media, body.as_bytes())
    }

    fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let pod = self.server.get(POD);
            (holds(&pod), pod)
        });
        self.server.get(POD)
    }

    /// What the engine says of a container, by a template of its own.
    fn inspect(&mut self, container: &str, template: &str) -> String {
        let label = format!("label=io.kubarium.container={container}");
        let host = self.hosts.host(0);
        let id = host.docker(&["ps", "-q", "--filter", &label]).unwrap();
        host.docker(&["inspect", "--format", template, id.trim()]).unwrap().trim().to_owned()
    }
}

fn restarts(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["restartCount"]
}

#[test]
fn a_pod_that_runs_can_be_looked_into_and_given_other_resources() {
    const LIMITS: &str = "{{.HostConfig.CpuShares}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}";
    let mut cluster = Cluster::start();
    let body = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
            "name": "c", "image": "busybox:1", "command": ["sleep", "3599"],
            "resources": {"requests": {"cpu": "500m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
            "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}],
        }]},
    });
    let (status, answer) = cluster.server.send("POST", "/api/v1/namespaces/default/pods", &body);
    assert_eq!(status, 201, "{answer}");
    cluster.wait("the pod is ready", |pod| condition(pod, "Ready")["status"] == "True");

    // One that looks into it sees its processes and shares its network.
    let script = "tr '\\0' ' ' < /proc/1/cmdline; hostname; sleep 3600";
    let (status, answer) = cluster.patch(
        "ephemeralcontainers",
        &json!({"ephemeralContainers": [
            {"name": "eye", "image": "busybox:1", "targetContainerName": "c", "command": ["sh", "-c", script]}]}),
    );
    assert_eq!(status, 200, "{answer}");
    cluster.wait("it is looked into", |pod| {
        pod["status"]["ephemeralContainerStatuses"][0]["state"]["running"].is_object()
    });
    eventually("it says what it sees", || {
        let seen = cluster.server.ask("GET", &format!("{POD}/log?container=eye"), &[], b"").1;
        (seen == "sleep 3599 web\n", seen)
    });

    // More cpu while it runs.
    assert_eq!(cluster.inspect("c", LIMITS), "512 1000000000 67108864");
    let resources = json!({"requests": {"cpu": "250m"}, "limits": {"cpu": "1500m"}});
    let (status, answer) = cluster.patch("resize", &json!({"containers": [{"name": "c", "resources": resources}]}));
    assert_eq!(status, 200, "{answer}");
    let pod = cluster.wait("it has what it was given", |pod| {
        let has = &pod["status"]["containerStatuses"][0]["resources"];
        has["limits"]["cpu"] == "1500m" && condition(pod, "PodResizeInProgress").is_null()
    });
    assert_eq!(*restarts(&pod), 0);
    assert_eq!(cluster.inspect("c", LIMITS), "256 1500000000 67108864");

    // More memory takes a restart, as its policy says.
    let resources = json!({"requests": {"memory": "48Mi"}, "limits": {"memory": "96Mi"}});
    let (status, answer) = cluster.patch("resize", &json!({"containers": [{"name": "c", "resources": resources}]}));
    assert_eq!(status, 200, "{answer}");
    cluster.wait("it was restarted", |pod| {
        *restarts(pod) == 1 && pod["status"]["containerStatuses"][0]["resources"]["limits"]["memory"] == "96Mi"
    });
    assert_eq!(cluster.inspect("c", LIMITS), "256 1500000000 100663296");
    assert_eq!(cluster.server.send("DELETE", POD, &json!({})).0, 200);
}
