//! kubectl's console in the dashboard, typed into by keys: on a simulation with nothing behind the page, and on a server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, serve_files, text};
use kubarium_tests::server::{Directory, Server};
use serde_json::Value;
use std::path::PathBuf;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const UP: &str = "\u{e013}";

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 2}
";

/// A JavaScript expression: what is typed.
const TYPED: &str = "document.querySelector('[data-testid=console-input]').value";

fn dist() -> PathBuf {
    let dist = std::env::var("KUBARIUM_DIST").map_or_else(|_| PathBuf::from("../dist"), PathBuf::from);
    assert!(dist.join("index.html").exists(), "{} holds no bundle; cargo xtask web builds it", dist.display());
    dist
}

async fn open_console(browser: &Browser) -> Result<(), Failure> {
    browser.press("k").await?;
    let focused = "document.activeElement?.dataset.testid === 'console-input'";
    browser.until("the key opens it, and one can type", focused).await
}

/// Waits until the console shows something, and is ready for the next line.
async fn shows(browser: &Browser, what: &str, part: &str) -> Result<(), Failure> {
    let part = Value::from(part);
    let holds =
        format!("{}.includes({part}) && !document.querySelector('[data-testid=console-stop]')", text("console-log"));
    browser.until(what, &holds).await
}

async fn runs(browser: &Browser, line: &str, shown: &str) -> Result<(), Failure> {
    browser.until("the line is free", &format!("{TYPED} === ''")).await?;
    browser.press(&format!("{line}{ENTER}")).await?;
    shows(browser, line, shown).await
}

#[tokio::test]
async fn commands_work_on_a_simulation_with_no_server_at_all() -> Result<(), Failure> {
    let address = serve_files(&dist()).await?;
    let browser = Browser::open(Look::default()).await?;
    browser.goto(&address).await?;
    browser.until("all is ready", &format!("{}.trim() === '8'", text("replicas-web"))).await?;
    let loaded = "performance.getEntriesByType('resource').some(r => r.name.includes('kubarium-kubectl'))";
    assert_eq!(browser.eval(loaded).await?, false, "what the console is made of is not loaded with the page");
    open_console(&browser).await?;

    runs(&browser, "kubectl get rc web", "NAME   DESIRED   CURRENT   READY").await?;
    runs(&browser, "kubectl scale rc web --replicas=3", "replicationcontroller/web scaled").await?;
    browser.until("the page shows it", &format!("{}.trim() === '3'", text("replicas-web"))).await?;
    runs(&browser, "kubectl wait rc web --for=jsonpath={.status.replicas}=3", "condition met").await?;
    runs(&browser, "kubectl describe rc web", "Pods Status:").await?;
    runs(&browser, "kubectl top pod", "CPU(cores)").await?;
    runs(&browser, "kubectl get pod nobody", "Error from server (NotFound): pods \"nobody\" not found").await?;
    runs(&browser, "kubectl explain pod.spec.nodeName", "FIELD: nodeName <string>").await?;
    runs(&browser, "kubectl exec web -- sh", "exec is not in this console").await?;

    browser.press(&format!("kubectl get conf{TAB}")).await?;
    browser.until("a kind is completed", &format!("{TYPED} === 'kubectl get configmaps '")).await?;
    browser.press_with_control('c').await?;
    browser.press(&format!("kubectl scale rc/we{TAB}")).await?;
    browser.until("a name is completed", &format!("{TYPED} === 'kubectl scale rc/web '")).await?;
    browser.press_with_control('c').await?;
    browser.press(&format!("kubectl get pods --{TAB}")).await?;
    browser.until("flags are offered", &format!("{}.includes('--all-namespaces')", text("console-offered"))).await?;
    browser.press_with_control('c').await?;
    browser.until("Ctrl C empties the line", &format!("{TYPED} === ''")).await?;
    browser.press(UP).await?;
    browser.until("the last line comes back", &format!("{TYPED} === 'kubectl exec web -- sh'")).await?;
    browser.press_with_control('c').await?;

    browser.press(&format!("kubectl create -f -{ENTER}")).await?;
    browser.find("[data-testid=console-text]").await?;
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: typed}\n";
    browser.fill("[data-testid=console-text]", manifest).await?;
    browser.click("[data-testid=console-send]").await?;
    shows(&browser, "what was pasted is created", "configmap/typed created").await?;

    browser.press(&format!("kubectl get rc web --watch{ENTER}")).await?;
    browser.find("[data-testid=console-stop]").await?;
    browser.press_with_control('c').await?;
    shows(&browser, "Ctrl C stops a watch", "^C").await?;
    assert_eq!(browser.accessibility().await?, Vec::<String>::new());

    browser.press_with_control('l').await?;
    browser.until("Ctrl L clears", &format!("{} === ''", text("console-log"))).await?;
    browser.press(ESCAPE).await?;
    browser.until("Escape closes it", "document.querySelector('[data-testid=console]').hidden").await?;

    browser.goto("about:blank").await?;
    browser.goto(&format!("{address}#/dashboard?console=open")).await?;
    browser.until("a link opens it", "document.activeElement?.dataset.testid === 'console-input'").await?;
    browser.press(UP).await?;
    browser.until("the history outlives the page", &format!("{TYPED} === 'kubectl get rc web --watch'")).await?;
    assert_eq!(browser.console().await?, Vec::<String>::new(), "the browser's console is quiet");
    browser.close().await
}

#[tokio::test]
async fn the_same_commands_work_on_the_cluster_of_a_server() -> Result<(), Failure> {
    let directory = Directory::new()?;
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO)?;
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &[])?;
    let browser = Browser::open(Look::default()).await?;
    browser.goto(&format!("{}/ui/#/nodes?world=live", server.url)).await?;
    browser.until("the nodes are shown", "document.body.textContent.includes('node-2')").await?;
    open_console(&browser).await?;
    runs(&browser, "kubectl cluster-info", &format!("running at {}", server.url)).await?;
    runs(&browser, "kubectl run lone --image=nginx:1", "pod/lone created").await?;
    runs(&browser, "kubectl wait --for=condition=Ready pod/lone", "pod/lone condition met").await?;
    runs(&browser, "kubectl get pod lone -o wide", "node-").await?;
    runs(&browser, "kubectl get endpoints", "Warning: v1 Endpoints is deprecated").await?;
    assert_eq!(server.get("/api/v1/namespaces/default/pods/lone")["status"]["phase"], "Running");
    runs(&browser, "kubectl delete pod lone --grace-period=1", "pod \"lone\" deleted").await?;
    assert_eq!(server.status("GET", "/api/v1/namespaces/default/pods/lone", &[]), 404, "it waited until it was gone");
    browser.close().await
}
