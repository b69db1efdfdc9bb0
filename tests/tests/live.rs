//! The dashboard on a live cluster: a real Chromium, the real server with the page it carries, real Docker hosts.
//!
//! What a person does is what the README says: its flags and its manifest are taken from there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, rows, text};
use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server, run};
use std::time::{Duration, Instant};

const README: &str = include_str!("../../README.md");
const LABEL: &str = "io.kubarium.container=web";
const BANNER: &str = "connection-banner";
const ARROW_RIGHT: &str = "\u{e014}";
const ENTER: &str = "\u{e007}";

/// How long anything may take that these tests wait for. Slow machines take long; a fault takes for ever.
const PATIENCE: Duration = Duration::from_mins(2);

/// The manifest the README shows.
fn manifest() -> &'static str {
    let (_, rest) = README.split_once("```yaml\n").expect("the README has a manifest");
    rest.split_once("```").expect("it ends").0
}

/// The flags the README shows, with these hosts' endpoints in place of its own.
fn flags(hosts: &Hosts) -> Vec<String> {
    let line = README.lines().find_map(|l| l.trim().strip_prefix("cargo xtask run -- --docker")).expect("the command");
    let mut endpoints = hosts.iter().map(kubarium_tests::hosts::Host::endpoint);
    let flags = format!("--docker{line}");
    let flag = |word: &str| match word.split_once('=') {
        Some((name, _)) => format!("{name}={}", endpoints.next().expect("a host for each the README names")),
        None => word.to_owned(),
    };
    flags.split_whitespace().map(flag).collect()
}

fn serve(data: &Directory, flags: &[String]) -> Server {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Server::start(data.path(), &flags).unwrap()
}

/// Opens the page that the server carries, at an address within it.
async fn open(server: &Server, look: Look, fragment: &str) -> Result<Browser, Failure> {
    let browser = Browser::open(look).await?;
    browser.goto(&format!("{}/ui/{fragment}", server.url.replace("0.0.0.0", "127.0.0.1"))).await?;
    Ok(browser)
}

async fn go(browser: &Browser, fragment: &str) -> Result<(), Failure> {
    browser.eval(&format!("location.hash = '{fragment}'")).await?;
    Ok(())
}

/// Waits until so many containers run on each host.
async fn containers(hosts: &Hosts, expected: &[usize]) {
    let start = Instant::now();
    loop {
        let seen: Vec<usize> = hosts.iter().map(|host| host.running(LABEL).unwrap().len()).collect();
        if seen == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "waited for {expected:?} containers; at last there are {seen:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until so many containers run on all hosts together.
async fn containers_in_all(hosts: &Hosts, expected: usize) {
    let start = Instant::now();
    loop {
        let seen: usize = hosts.iter().map(|host| host.running(LABEL).unwrap().len()).sum();
        if seen == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "waited for {expected} containers; at last there are {seen}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Nothing in the console but what the test's own doing must leave there: requests that were refused or came to nothing.
async fn quiet(browser: &Browser, unanswered: bool) -> Result<(), Failure> {
    let mut said = browser.console().await?;
    said.retain(|line| !unanswered || !(line.contains("Failed to load resource") || line.contains("WebSocket")));
    assert_eq!(said, Vec::<String>::new(), "the console is quiet");
    Ok(())
}

async fn accessible(browser: &Browser, what: &str) -> Result<(), Failure> {
    let found = browser.accessibility().await?;
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    Ok(())
}

async fn create(browser: &Browser) -> Result<(), Failure> {
    go(browser, "#/pods?world=live&dialog=create").await?;
    browser.fill("[data-testid=create-text]", manifest()).await?;
    browser.click("[data-testid=create-submit]").await?;
    browser.until("the dialog closes", "document.querySelector('[data-testid=create-dialog]') === null").await
}

/// An expression: whether the handle of the controller `web` says so many replicas, all ready.
fn all_ready(count: usize) -> String {
    format!("{}.trim() === '{count}'", text("replicas-web"))
}

#[tokio::test]
async fn what_the_readme_says_runs_real_containers_and_scales_them() -> Result<(), Failure> {
    let hosts = Hosts::start(2)?;
    let data = Directory::new()?;
    let server = serve(&data, &flags(&hosts));
    let browser = open(&server, Look::default(), "").await?;
    browser.find("[data-testid=time-controls]").await?;
    browser.click("[data-testid=world-live]").await?;
    let nodes = "[...document.querySelectorAll('[data-testid=map-twin] tbody tr')].map(r => r.innerText.split(/\\s+/).slice(0, 2).join(' '))";
    browser.until("both hosts are nodes", &format!("{nodes}.join() === 'a Ready,b Ready'")).await?;
    assert!(
        browser.eval(&text("connection")).await?.as_str().unwrap().starts_with("127.0.0.1:"),
        "whose cluster it is"
    );

    create(&browser).await?;
    containers_in_all(&hosts, 3).await;
    browser.until("three real pods are listed", &format!("{} === 3", rows("pods"))).await?;
    browser.until("they are ready", &all_ready(3)).await?;

    let handle = "document.querySelector('[data-testid=handle-web]')";
    browser.eval(&format!("{handle}.focus()")).await?;
    browser.press(&format!("{ARROW_RIGHT}{ARROW_RIGHT}{ENTER}")).await?;
    containers_in_all(&hosts, 5).await;
    browser.until("five are ready", &all_ready(5)).await?;
    let (x, y) = browser.middle("[data-testid=handle-web]").await?;
    browser.drag((x, y), (x - 24, y)).await?;
    browser.release().await?;
    containers_in_all(&hosts, 2).await;
    browser.press_with_control('z').await?;
    containers_in_all(&hosts, 5).await;
    browser.until("five are ready again", &all_ready(5)).await?;

    let pod = browser.eval("document.querySelector('[data-testid=pods] tbody th').innerText").await?;
    go(&browser, &format!("#/pods?world=live&sel=Pod/default/{}&tab=logs", pod.as_str().unwrap().trim())).await?;
    browser.until("its output is shown", &format!("{}.includes('serving')", text("logs"))).await?;
    accessible(&browser, "a pod's logs").await?;

    go(&browser, "#/controllers?world=live&sel=ReplicationController/default/web&tab=yaml").await?;
    browser
        .until("the YAML is shown", "document.querySelector('[data-testid=yaml]')?.value.includes('replicas: 5')")
        .await?;
    let yaml = browser.eval("document.querySelector('[data-testid=yaml]').value").await?;
    let fewer = yaml.as_str().unwrap().replacen("replicas: 5", "replicas: 1", 1);
    browser.fill("[data-testid=yaml]", &fewer).await?;
    browser.click("[data-testid=yaml-apply]").await?;
    containers_in_all(&hosts, 1).await;
    browser.until("one is ready", &all_ready(1)).await?;

    for page in ["dashboard", "explore", "nodes?sel=Node//a", "pods", "controllers", "services", "events"] {
        let separator = if page.contains('?') { '&' } else { '?' };
        go(&browser, &format!("#/{page}{separator}world=live")).await?;
        browser.until("the page is shown", "document.querySelector('main').children.length > 0").await?;
        accessible(&browser, page).await?;
    }
    browser.click("[data-testid=world-simulation]").await?;
    browser.find("[data-testid=handle-cart]").await?;
    quiet(&browser, false).await?;
    browser.close().await
}

#[tokio::test]
async fn nodes_are_cordoned_and_drained_and_offer_nothing_a_machine_cannot_do() -> Result<(), Failure> {
    let hosts = Hosts::start(2)?;
    let data = Directory::new()?;
    let server = serve(&data, &flags(&hosts));
    let browser = open(&server, Look { still: true, ..Look::default() }, "#/nodes?world=live&sel=Node//a").await?;
    browser.click("[data-testid=cordon]").await?;
    browser.until("it says so", &format!("{}.includes('Cordoned')", text("sentence"))).await?;
    create(&browser).await?;
    containers(&hosts, &[0, 3]).await;

    go(&browser, "#/nodes?world=live&sel=Node//a").await?;
    browser.click("[data-testid=cordon]").await?;
    browser.until("it is open again", &format!("!{}.includes('Cordoned')", text("sentence"))).await?;
    go(&browser, "#/nodes?world=live&sel=Node//b").await?;
    browser.click("[data-testid=drain]").await?;
    containers(&hosts, &[3, 0]).await;
    browser.until("it is closed", &format!("{}.includes('Cordoned')", text("sentence"))).await?;

    for only_simulated in ["fail-node", "cut-off", "time-controls", "speed-20", "play"] {
        let found = browser.eval(&format!("document.querySelector('[data-testid=\"{only_simulated}\"]')")).await?;
        assert!(found.is_null(), "{only_simulated} is not offered");
    }
    browser.press("f").await?;
    browser.press("?").await?;
    browser.find("[data-testid=keys]").await?;
    let keys = browser.eval(&text("keys")).await?;
    assert!(!keys.as_str().unwrap().contains("Fail"), "{keys}");
    let notices = browser.eval(&text("notices")).await?;
    assert!(!notices.as_str().unwrap().contains("is off"), "f fails nothing: {notices}");
    quiet(&browser, false).await?;
    browser.close().await
}

#[tokio::test]
async fn the_first_host_is_added_in_the_page_and_removed_again() -> Result<(), Failure> {
    let hosts = Hosts::start(1)?;
    let data = Directory::new()?;
    let server = serve(&data, &[]);
    let browser = open(&server, Look { dark: true, ..Look::default() }, "#/dashboard?world=live").await?;
    browser
        .until("it says how a node comes", &format!("{}.includes('kubarium serve --docker')", text("first-host")))
        .await?;
    accessible(&browser, "a cluster without nodes").await?;
    browser.fill("[data-testid=host-name]", "host-a").await?;
    browser.fill("[data-testid=host-endpoint]", "carrier-pigeon").await?;
    browser.click("[data-testid=add-host]").await?;
    browser
        .until("what is accepted is named", &format!("{}.includes('accepted are unix://PATH')", text("host-error")))
        .await?;
    browser.fill("[data-testid=host-endpoint]", &hosts.iter().next().unwrap().endpoint()).await?;
    browser.click("[data-testid=add-host]").await?;
    browser.until("the map takes over", "document.querySelector('[data-testid=first-host]') === null").await?;
    browser.until("it is a node", &format!("{}.includes('host-a')", text("map-twin"))).await?;
    create(&browser).await?;
    containers(&hosts, &[3]).await;

    go(&browser, "#/nodes?world=live").await?;
    browser.until("it is connected", &format!("{}.includes('connected')", text("host-host-a"))).await?;
    browser.click("[data-testid=hosts] summary").await?;
    accessible(&browser, "hosts").await?;
    browser.click("[data-testid=remove-host-a]").await?;
    browser
        .until("node and host are gone", &format!("!{}.includes('host-a') && {} === 0", text("hosts"), rows("nodes")))
        .await?;
    containers(&hosts, &[3]).await;
    quiet(&browser, true).await?;
    browser.close().await
}

#[tokio::test]
async fn a_server_that_dies_or_falls_silent_is_named_and_comes_back_without_a_reload() -> Result<(), Failure> {
    let hosts = Hosts::start(1)?;
    let data = Directory::new()?;
    let mut flags = vec!["--docker".to_owned(), format!("a={}", hosts.iter().next().unwrap().endpoint())];
    let server = serve(&data, &flags);
    let browser = open(&server, Look::default(), "#/pods?world=live").await?;
    create(&browser).await?;
    browser.until("three are ready", &all_ready(3)).await?;
    browser.eval("window.same = true").await?;
    let stale = format!("{}.startsWith('This is how it was at ')", text(BANNER));
    let fresh = format!("window.same && {} === ''", text(BANNER));

    let address = server.url.trim_start_matches("http://").to_owned();
    server.kill_in_place();
    browser.until("the page says that it is old", &stale).await?;
    browser.until("nothing goes on the quiet", &format!("{} === 3", rows("pods"))).await?;
    accessible(&browser, "what is old").await?;
    drop(server);
    flags.extend(["--listen".to_owned(), address]);
    let server = serve(&data, &flags);
    browser.until("it is new again by itself", &fresh).await?;
    assert_eq!(
        server
            .send(
                "DELETE",
                "/api/v1/namespaces/default/replicationcontrollers/web",
                &serde_json::json!({"propagationPolicy": "Orphan"})
            )
            .0,
        200
    );
    browser.until("what happens is seen", "document.querySelector('[data-testid=handle-web]') === null").await?;

    server.freeze();
    browser.until("silence is noticed", &stale).await?;
    server.thaw();
    browser.until("and its end", &fresh).await?;

    assert_eq!(server.terminate(), Some(0), "a page that watches does not hold up the end");
    browser.until("an end in order is an end too", &stale).await?;
    let server = serve(&data, &flags);
    browser.click("[data-testid=connect-now]").await?;
    browser.until("it is new again", &fresh).await?;
    browser.click("[data-testid=world-simulation]").await?;
    browser.find("[data-testid=handle-cart]").await?;
    server.kill_in_place();
    browser
        .until("the simulation goes on", &format!("{} !== {}", text("elapsed"), browser.eval(&text("elapsed")).await?))
        .await?;
    assert_eq!(browser.eval(&text(BANNER)).await?, "", "the simulation needs no server");
    quiet(&browser, true).await?;
    browser.close().await
}

#[tokio::test]
async fn off_loopback_the_page_asks_for_the_token() -> Result<(), Failure> {
    let data = Directory::new()?;
    let token = run(&["token", "--data-dir", &data.path().to_string_lossy()])?.stdout;
    let token = String::from_utf8(token)?;
    let server = serve(&data, &["--listen".to_owned(), "0.0.0.0:0".to_owned(), "--no-tls".to_owned()]);
    let browser = open(&server, Look { width: 390, height: 844, dark: true, ..Look::default() }, "").await?;
    browser.find("[data-testid=handle-cart]").await?;
    browser.click("[data-testid=world-live]").await?;
    browser.until("it asks", &format!("{}.includes('kubarium token')", text(BANNER))).await?;
    accessible(&browser, "the token's form").await?;
    browser.fill("[data-testid=token]", "0123456789abcdef").await?;
    browser.click("[data-testid=give-token]").await?;
    browser.until("a wrong one is refused", &format!("{}.includes('not the token')", text(BANNER))).await?;
    browser.fill("[data-testid=token]", token.trim()).await?;
    browser.click("[data-testid=give-token]").await?;
    browser.find("[data-testid=first-host]").await?;
    browser
        .until("nothing is wider than the screen", "document.documentElement.scrollWidth <= window.innerWidth")
        .await?;

    let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seen"}});
    let bearer = format!("Bearer {}", token.trim());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(server.ask("POST", "/api/v1/namespaces", &headers, namespace.to_string().as_bytes()).0, 201);
    go(&browser, "#/pods?world=live").await?;
    let seen = format!("{}.includes('seen')", text("filter-namespace"));
    browser.until("its watches have the token too", &seen).await?;
    quiet(&browser, true).await?;
    browser.close().await
}
