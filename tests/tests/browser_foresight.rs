//! The dashboard foresees for its own simulation, with no server behind it: a thread of the page makes a copy and asks it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, serve_files, text};
use kubarium_tests::server::Directory;
use std::path::{Path, PathBuf};

/// Three nodes with three places each, six of which are taken, and a pod that needs two of one node.
const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3, capacity: {cpu: 1500m}}
manifests:
- apiVersion: v1
  kind: ReplicationController
  metadata: {name: app}
  spec:
    replicas: 6
    selector: {app: app}
    template:
      metadata: {labels: {app: app}}
      spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 500m}}}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: wide}
  spec: {containers: [{name: c, image: i, resources: {requests: {cpu: '1'}}}]}
";

fn dist() -> PathBuf {
    let dist = std::env::var("KUBARIUM_DIST").map_or_else(|_| PathBuf::from("../dist"), PathBuf::from);
    assert!(dist.join("index.html").exists(), "{} holds no bundle; cargo xtask web builds it", dist.display());
    dist
}

/// Opens that page of a bundle, with that scenario.
async fn open(dist: &Path, look: Look, page: &str, scenario: &str) -> Result<Browser, Failure> {
    let address = serve_files(dist).await?;
    let browser = Browser::open(look).await?;
    browser.goto(&address).await?;
    show(&browser, page, scenario).await?;
    browser.find("[data-testid=handle-app]").await?;
    Ok(browser)
}

async fn show(browser: &Browser, page: &str, scenario: &str) -> Result<(), Failure> {
    let (page, scenario) = (serde_json::Value::from(page), serde_json::Value::from(scenario));
    browser.eval(&format!("location.hash = {page} + '&scenario=' + encodeURIComponent({scenario})")).await?;
    Ok(())
}

/// Asks, and waits until the answer has all these words.
async fn ask(browser: &Browser, question: &str, words: &[&str]) -> Result<(), Failure> {
    browser.click(&format!("[data-testid={question}]")).await?;
    told(browser, question, words).await
}

async fn told(browser: &Browser, question: &str, words: &[&str]) -> Result<(), Failure> {
    let told = text(&format!("{question}-told"));
    let words = serde_json::Value::from(words);
    browser.until(&format!("{question} is answered"), &format!("{words}.every(word => {told}.includes(word))")).await
}

#[tokio::test]
async fn a_page_with_no_server_says_how_many_fit_which_losses_are_survived_and_what_would_place_a_pod()
-> Result<(), Failure> {
    for dark in [false, true] {
        let look = Look { dark, ..Look::default() };
        let browser = open(&dist(), look, "#/nodes?sel=Pod/default/wide", SCENARIO).await?;
        browser.until("six are placed", &format!("{}.trim() === '6'", text("replicas-app"))).await?;
        ask(&browser, "ask-remedies", &["Any one of these would do:", "node-", "As it was at 0:00:"]).await?;
        // Without a mouse, and who asked keeps the focus.
        browser.eval("document.querySelector('[data-testid=ask-survival]').focus()").await?;
        browser.press("\u{e007}").await?;
        told(&browser, "ask-survival", &["Yes: every node was tried"]).await?;
        assert_eq!(browser.eval("document.activeElement.dataset.testid").await?, "ask-survival");
        let words = ["No: 3 of 3 pairs of nodes", "node-1 + node-2: 3 homeless: app-", "1 Insufficient cpu"];
        ask(&browser, "ask-pairs", &words).await?;
        let found = browser.accessibility().await?;
        assert!(found.is_empty(), "dark {dark}:\n{}", found.join("\n"));

        show(&browser, "#/controllers?sel=ReplicationController/default/app", SCENARIO).await?;
        ask(&browser, "ask-fit", &["Room for 3 more.", "3 Insufficient cpu"]).await?;
        // The copy goes on with the cluster.
        browser.click("[data-testid=one-more]").await?;
        browser.until("a seventh is placed", &format!("{}.trim() === '7'", text("replicas-app"))).await?;
        ask(&browser, "ask-fit", &["Room for 2 more."]).await?;
        let found = browser.accessibility().await?;
        assert!(found.is_empty(), "dark {dark}:\n{}", found.join("\n"));
        assert_eq!(browser.console().await?, Vec::<String>::new(), "the console is quiet");
        browser.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_question_can_be_cancelled_while_the_page_goes_on_and_be_asked_again() -> Result<(), Failure> {
    // Where replicas keep apart, each of the 20,000 pairs that are tried at most is really scheduled.
    let spread = "spec: {topologySpreadConstraints: [{maxSkew: 5, topologyKey: kubernetes.io/hostname, \
        whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: app}}}], ";
    let large = SCENARIO.replace("count: 3", "count: 300").replace("replicas: 6", "replicas: 600");
    let large = large.replacen("spec: {", spread, 1);
    let browser = open(&dist(), Look::default(), "#/nodes?", &large).await?;
    browser.until("all are there", &format!("{}.trim() === '600'", text("replicas-app"))).await?;
    let label = text("ask-pairs");
    let question = browser.eval(&label).await?;
    for _ in 0..2 {
        browser.click("[data-testid=ask-pairs]").await?;
        browser
            .until("it is being looked for", &format!("{}.includes('copy of the cluster')", text("ask-pairs-told")))
            .await?;
        let before = browser.eval(&text("elapsed")).await?;
        browser.until("time goes on meanwhile", &format!("{} !== {before}", text("elapsed"))).await?;
        assert_eq!(browser.eval(&label).await?, "Cancel");
        browser.click("[data-testid=ask-pairs]").await?;
        browser.until("it is not asked any more", &format!("{label} === {question}")).await?;
        assert_eq!(browser.eval(&text("ask-pairs-told")).await?, "");
    }
    ask(&browser, "ask-survival", &["Yes: every node was tried"]).await?;
    assert_eq!(browser.console().await?, Vec::<String>::new(), "the console is quiet");
    browser.close().await
}

#[tokio::test]
async fn where_the_part_that_answers_is_missing_the_page_says_so() -> Result<(), Failure> {
    let directory = Directory::new()?;
    for file in std::fs::read_dir(dist())? {
        let file = file?.path();
        if !file.ends_with("kubarium-foresight_bg.wasm") && file.is_file() {
            std::fs::copy(&file, directory.join(&file.file_name().unwrap().to_string_lossy()))?;
        }
    }
    let browser = open(directory.path(), Look::default(), "#/nodes?", SCENARIO).await?;
    ask(&browser, "ask-survival", &["could not be loaded; reload the page"]).await?;
    browser.close().await
}
