//! The dashboard on a simulation that the server runs: its time bar drives the server's clock, its faults are the world's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, text};
use kubarium_tests::server::{Directory, Server};
use serde_json::{Value, json};

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3}
";

const CLOCK: &str = "/apis/kubarium.io/v1/clock";

fn faults(server: &Server) -> Vec<Value> {
    let machines = server.get("/apis/kubarium.io/v1/machines");
    machines["items"].as_array().unwrap().iter().map(|machine| machine["status"]["faults"].clone()).collect()
}

#[tokio::test]
async fn the_time_bar_drives_the_clock_of_the_server_and_nodes_can_be_made_to_fail() -> Result<(), Failure> {
    let directory = Directory::new()?;
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO)?;
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &["--paused"])?;
    let browser = Browser::open(Look::default()).await?;
    browser.goto(&format!("{}/ui/#/nodes?world=live&sel=Node//node-2", server.url)).await?;
    browser.until("the clock stands at its beginning", &format!("{} === '0:00:00'", text("elapsed"))).await?;

    browser.click("[data-testid=fail-node]").await?;
    browser
        .until("the node can be brought back", "document.querySelector('[data-testid=recover-node]') !== null")
        .await?;
    assert_eq!(faults(&server), [json!([]), json!(["Off"]), json!([])]);

    browser.click("[data-testid='speed-10000']").await?;
    browser.click("[data-testid=play]").await?;
    browser.until("an hour passes", &format!("{} > '1'", text("elapsed"))).await?;
    assert_eq!(server.get(CLOCK)["spec"], json!({"paused": false, "speed": 10_000}));
    browser.click("[data-testid=recover-node]").await?;
    browser.until("the node can fail again", "document.querySelector('[data-testid=fail-node]') !== null").await?;
    assert_eq!(faults(&server), [json!([]), json!([]), json!([])]);

    browser.click("[data-testid=step]").await?;
    browser
        .until("time stands", "document.querySelector('[data-testid=play]').getAttribute('aria-label') === 'Play'")
        .await?;
    let stands = server.get(CLOCK);
    assert_eq!(stands["spec"]["paused"], true);
    assert_eq!(server.get(CLOCK), stands);
    browser.close().await
}
