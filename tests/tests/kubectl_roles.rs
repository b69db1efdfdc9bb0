//! The real kubectl over TLS, with the tokens of three roles: what each may do, in the words that Kubernetes has for what
//! they may not; and a server that is not the one it should be.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::certificates::Authority;
use kubarium_tests::kubectl::Kubectl;
use kubarium_tests::server::{Directory, Server, run};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 1}
";

const QUOTA: &str = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: '10'}}
";

/// A served simulation that speaks TLS and knows three users, and kubectl for each of them.
struct Served {
    server: Server,
    directory: Directory,
}

impl Served {
    fn new() -> Self {
        let directory = Directory::new().unwrap();
        let data = directory.path().to_str().unwrap().to_owned();
        for role in ["view", "edit", "admin"] {
            assert!(run(&["token", "--data-dir", &data, "--role", role]).unwrap().status.success());
        }
        let scenario = directory.join("scenario.yaml");
        std::fs::write(&scenario, SCENARIO).unwrap();
        let arguments = ["--tls", "--data-dir", &data];
        let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &arguments).unwrap();
        Self { server, directory }
    }

    fn kubectl(&self, role: &str) -> Kubectl {
        let data = self.directory.path().to_str().unwrap();
        let arguments = ["--server", &self.server.url, "--data-dir", data, "--role", role];
        Kubectl::told(&self.directory, &format!("{role}.kubeconfig"), &arguments).unwrap()
    }
}

#[test]
fn each_role_may_do_what_it_is_for() {
    let served = Served::new();
    let [view, edit, admin] = ["view", "edit", "admin"].map(|role| served.kubectl(role));

    for (kubectl, name, group) in
        [(&view, "view", "kubarium:view"), (&edit, "edit", "kubarium:edit"), (&admin, "admin", "system:masters")]
    {
        let who = kubectl.says("auth whoami -o jsonpath={.status.userInfo.username}/{.status.userInfo.groups[0]}");
        assert_eq!(who, format!("{name}/{group}"));
    }
    let forbidden = |kubectl: &Kubectl, arguments: &str, input: &str, says: &str| {
        let said = kubectl.reads(arguments, input).unwrap_err();
        assert!(said.contains(says), "{arguments}: {said}");
    };

    assert_eq!(edit.says("create configmap one --from-literal=k=v"), "configmap/one created");
    assert_eq!(edit.says("create secret generic hidden --from-literal=k=v"), "secret/hidden created");
    assert_eq!(edit.says("run web --image=nginx"), "pod/web created");
    assert_eq!(view.says("get configmap one -o jsonpath={.data.k}"), "v");
    assert!(view.says("get pods").contains("web "));
    assert!(view.says("describe pod web").contains("Image:"));
    view.until("the pod runs, and its log is there", "logs web", |said| said == "web started");

    forbidden(
        &view,
        "create configmap two --from-literal=k=v",
        "",
        "configmaps is forbidden: User \"view\" cannot create resource \"configmaps\" in API group \"\" in the \
         namespace \"default\"",
    );
    forbidden(&view, "get secrets", "", "User \"view\" cannot list resource \"secrets\"");
    forbidden(&view, "delete pod web", "", "pods \"web\" is forbidden: User \"view\" cannot delete resource \"pods\"");
    forbidden(&view, "label pod web a=b", "", "User \"view\" cannot patch resource \"pods\"");
    forbidden(
        &edit,
        "create namespace other",
        "",
        "namespaces is forbidden: User \"edit\" cannot create resource \"namespaces\" in API group \"\" at the cluster \
         scope",
    );
    forbidden(&edit, "create -f -", QUOTA, "User \"edit\" cannot create resource \"resourcequotas\"");
    forbidden(&edit, "delete node node-1", "", "nodes \"node-1\" is forbidden: User \"edit\" cannot delete");
    forbidden(&edit, "get pods --as=admin", "", "User \"edit\" cannot impersonate resource \"users\"");
    assert_eq!(admin.reads("create -f -", QUOTA).unwrap(), "resourcequota/q created");
    assert_eq!(admin.says("create namespace other"), "namespace/other created");
    assert_eq!(admin.says("cordon node-1"), "node/node-1 cordoned");

    for (kubectl, question, answer) in [
        (&view, "get pods", "yes"),
        (&view, "get secrets", "no"),
        (&view, "create pods", "no"),
        (&view, "create pods/exec", "no"),
        (&edit, "create pods", "yes"),
        (&edit, "create pods/exec", "yes"),
        (&edit, "get secrets", "yes"),
        (&edit, "create resourcequotas", "no"),
        (&edit, "delete nodes", "no"),
        (&admin, "delete nodes", "yes"),
        (&admin, "* *", "yes"),
    ] {
        let said = kubectl.tries(&format!("auth can-i {question}")).unwrap_or_else(|_| "no".to_owned());
        assert_eq!(said.lines().last(), Some(answer), "auth can-i {question}: {said}");
    }
    assert!(view.says("auth can-i --list").contains("selfsubjectreviews.authentication.k8s.io"));
}

#[test]
fn every_kubectl_lists_applies_and_watches_over_tls() {
    let served = Served::new();
    for (name, kubectl) in served.kubectl("admin").and_others() {
        println!("kubectl: {name}");
        assert!(kubectl.says("get nodes").contains("node-1"), "{name}");
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{k: v}}\n");
        assert_eq!(kubectl.reads("apply -f -", &map).unwrap(), format!("configmap/{name} created"));
        let mut watch = kubectl
            .command()
            .args(["get", "configmap", name, "--watch-only", "-o", "name"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = BufReader::new(watch.stdout.take().unwrap());
        // It may begin to watch only after the first changes: they go on until it has seen one.
        let changes = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut line = String::new();
                seen.read_line(&mut line).map(|_| line)
            });
            let mut number = 0;
            while !reader.is_finished() && number < 200 {
                number += 1;
                kubectl.says(&format!("label configmap {name} --overwrite n={number}"));
            }
            watch.kill().unwrap();
            watch.wait().unwrap();
            reader.join().unwrap().unwrap()
        });
        assert_eq!(changes.trim(), format!("configmap/{name}"));
    }
}

#[test]
fn a_server_of_another_authority_is_refused() {
    let served = Served::new();
    let data = served.directory.path().to_str().unwrap();
    let stranger = Authority::new().unwrap().issue(&served.directory.join("stranger"), "localhost").unwrap().ca;
    let arguments =
        ["--server", &served.server.url, "--data-dir", data, "--certificate-authority", stranger.to_str().unwrap()];
    let kubectl = Kubectl::told(&served.directory, "stranger.kubeconfig", &arguments).unwrap();
    let refused = kubectl.tries("get pods").unwrap_err();
    assert!(refused.contains("certificate signed by unknown authority"), "{refused}");

    let nobody = ["--server", &served.server.url, "--data-dir", data, "--user", "nobody"];
    let said = Kubectl::told(&served.directory, "nobody", &nobody).unwrap_err().to_string();
    assert!(said.contains("there is no token of the user nobody") && said.contains("`kubarium token`"), "{said}");

    let admin = served.kubectl("admin");
    let refused = admin.tries("get pods --token=0123456789abcdef").unwrap_err();
    assert!(refused.contains("You must be logged in to the server"), "{refused}");
}
