//! The dashboard in a real Chromium, from plain files with no server behind them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, rows, serve_files, text};
use std::path::PathBuf;

/// Opens the bundle at an address within the page, and waits until the simulation plays.
async fn open(look: Look, fragment: &str) -> Result<Browser, Failure> {
    let dist = std::env::var("KUBARIUM_DIST").map_or_else(|_| PathBuf::from("../dist"), PathBuf::from);
    assert!(dist.join("index.html").exists(), "{} holds no bundle; cargo xtask web builds it", dist.display());
    let address = serve_files(&dist).await?;
    let browser = Browser::open(look).await?;
    browser.goto(&format!("{address}{fragment}")).await?;
    browser.find("[data-testid=handle-web]").await?;
    Ok(browser)
}

async fn quiet(browser: &Browser) -> Result<(), Failure> {
    assert_eq!(browser.console().await?, Vec::<String>::new(), "the console is quiet");
    Ok(())
}

#[tokio::test]
async fn the_demo_plays_as_soon_as_the_page_is_open() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    let ready = format!("{}.trim() === '8'", text("replicas-web"));
    browser.until("eight web pods are ready", &ready).await?;
    let before = browser.eval(&text("elapsed")).await?;
    browser.until("time goes on", &format!("{} !== {before}", text("elapsed"))).await?;
    let twin = "document.querySelectorAll('[data-testid=map-twin] tbody tr').length === 5";
    browser.until("the map's twin names every node", twin).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_drag_on_a_handle_scales_with_a_forecast_and_is_undone() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    browser.until("all is ready", &format!("{}.trim() === '5'", text("replicas-cart"))).await?;
    let handle = "document.querySelector('[data-testid=handle-cart]')";
    let at = browser
        .eval(&format!("(r => [r.left + r.width / 2, r.top + r.height / 2])({handle}.getBoundingClientRect())"))
        .await?;
    let (x, y) = (at[0].as_f64().unwrap() as i64, at[1].as_f64().unwrap() as i64);
    browser.drag((x, y), (x + 60, y)).await?;
    browser.until("the scheduler's forecast is shown", &format!("{}.includes('placed')", text("forecast"))).await?;
    assert!(browser.eval(&format!("Number({handle}.getAttribute('aria-valuenow'))")).await?.as_i64().unwrap() > 5);
    browser.release().await?;
    let more = format!("Number({handle}.getAttribute('aria-valuenow')) > 5 && !{}", text("forecast"));
    browser.until("there are more", &more).await?;

    browser.press_with_control('z').await?;
    let undone = format!("Number({handle}.getAttribute('aria-valuenow')) === 5");
    browser.until("Ctrl Z takes it back", &undone).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn arrow_keys_scale_a_focused_handle_and_escape_cancels() -> Result<(), Failure> {
    let browser = open(Look { still: true, ..Look::default() }, "").await?;
    browser.until("all is ready", &format!("{}.trim() === '3'", text("replicas-search"))).await?;
    let handle = "document.querySelector('[data-testid=handle-search]')";
    browser.eval(&format!("{handle}.focus()")).await?;
    browser.press("\u{e013}\u{e013}").await?;
    browser.until("two more are asked for", &format!("{handle}.getAttribute('aria-valuenow') === '5'")).await?;
    browser.press("\u{e00c}").await?;
    browser.until("Escape leaves it as it was", &format!("{handle}.getAttribute('aria-valuenow') === '3'")).await?;
    browser.press("\u{e013}\u{e007}").await?;
    browser.until("Enter applies", &format!("{}.trim() === '4'", text("replicas-search"))).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_failed_node_counts_down_and_heals() -> Result<(), Failure> {
    let browser = open(Look::default(), "#/nodes?sel=Node//node-1").await?;
    browser.click("[data-testid=fail-node]").await?;
    browser.find("[data-testid=recover-node]").await?;
    browser.click("[data-testid=\"speed-20\"]").await?;
    browser.until("the countdown is told", &format!("{}.includes('NotReady in')", text("sentence"))).await?;
    browser.until("the node is lost", &format!("{}.startsWith('Unknown')", text("sentence"))).await?;
    browser.click("[data-testid=recover-node]").await?;
    browser.until("the node is back", &format!("{}.startsWith('Ready')", text("sentence"))).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn search_and_filters_live_in_the_address() -> Result<(), Failure> {
    let browser = open(Look::default(), "#/pods").await?;
    browser.until("pods are listed", &format!("{} >= 16", rows("pods"))).await?;
    browser.click("[data-testid=search]").await?;
    browser.find("[data-testid=search]").await?.send_keys("app=cart").await?;
    browser.until("the search is in the address", "location.hash.includes('q=app%3Dcart')").await?;
    browser.until("only what matches is listed", &format!("{} === 5", rows("pods"))).await?;
    let link = browser.eval("location.href").await?;
    browser.goto("about:blank").await?;
    browser.goto(link.as_str().unwrap()).await?;
    browser.until("the link shows the same", &format!("{} === 5", rows("pods"))).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_link_shows_the_part_of_the_map_and_of_a_list_that_its_sender_saw() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    for _ in 0..3 {
        browser.click("[data-testid=zoom-in]").await?;
    }
    browser.until("the camera is in the address", "/camera=[0-9.]+%2C/.test(location.hash)").await?;
    let link = browser.eval("location.href").await?;
    browser.goto("about:blank").await?;
    browser.goto(link.as_str().unwrap()).await?;
    browser.find("[data-testid=map]").await?;
    assert_eq!(browser.eval("location.href").await?, link);
    browser.click("[data-testid=zoom-in]").await?;
    browser.click("[data-testid=zoom-out]").await?;
    browser.until("zooming goes on from there", &format!("location.href === {link}")).await?;
    browser.click("[data-testid=zoom-fit]").await?;
    browser.until("all of the map needs no words", "!location.hash.includes('camera')").await?;

    browser.click("[data-testid=nav-events]").await?;
    let list = "document.querySelector('[data-testid=events]')";
    browser.until("there is something to scroll", &format!("{list}.scrollHeight > {list}.clientHeight + 320")).await?;
    browser.eval(&format!("{list}.scrollTop = 320")).await?;
    browser.until("the row is in the address", "location.hash.includes('y=10')").await?;
    let link = browser.eval("location.href").await?;
    browser.goto("about:blank").await?;
    browser.goto(link.as_str().unwrap()).await?;
    browser.until("the link leads to that row", &format!("{list}?.scrollTop === 320")).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn yaml_with_a_mistake_is_refused_with_its_line_and_created_once_corrected() -> Result<(), Failure> {
    let browser = open(Look::default(), "#/pods").await?;
    browser.click("[data-testid=create]").await?;
    browser.find("[data-testid=create-text]").await?;
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: Mistake\nspec:\n  containers:\n  - name: c\n    image: nginx:1.29\n";
    let typed = serde_json::Value::from(manifest);
    let set = format!(
        "(a => {{ a.value = {typed}; a.dispatchEvent(new InputEvent('input', {{bubbles: true}})); return true; }})(document.querySelector('[data-testid=create-text]'))"
    );
    browser.eval(&set).await?;
    browser.click("[data-testid=create-submit]").await?;
    let complaint = format!("{0}.includes('line 4') && {0}.includes('metadata.name')", text("create-errors"));
    browser.until("the mistake is named with line and field", &complaint).await?;
    browser.eval(&set.replace("Mistake", "mended")).await?;
    browser.click("[data-testid=create-submit]").await?;
    browser.until("the dialog closes", "document.querySelector('[data-testid=create-dialog]') === null").await?;
    browser.until("the pod is listed", &format!("{}.includes('mended')", text("pods"))).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn the_keyboard_alone_reaches_everything() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    browser.press("?").await?;
    browser.find("[data-testid=keys]").await?;
    browser.press("\u{e00c}").await?;
    browser.until("Escape closes it", "document.querySelector('[data-testid=keys]') === null").await?;
    browser.press("4").await?;
    browser.until("4 opens the pods", "location.hash.startsWith('#/pods')").await?;
    browser.press("/").await?;
    browser.until("/ goes to the search", "document.activeElement?.dataset.testid === 'search'").await?;
    browser.press("\u{e00c}").await?;
    browser.eval("document.querySelector('[data-testid=pods] tbody th a').focus()").await?;
    browser.press("\u{e007}").await?;
    browser.until("Enter opens a pod", "location.hash.includes('sel=Pod')").await?;
    browser.find("[data-testid=sentence]").await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn every_page_passes_the_rules_of_accessibility_in_both_themes() -> Result<(), Failure> {
    for dark in [false, true] {
        let browser = open(Look { dark, ..Look::default() }, "").await?;
        for fragment in [
            "#/dashboard",
            "#/explore",
            "#/nodes?sel=Node//node-1",
            "#/pods",
            "#/controllers",
            "#/services",
            "#/events",
            "#/pods?dialog=create",
            "#/dashboard?dialog=scenarios",
            "#/pods?scenario=cluster-too-small&sel=Pod/default/with-gpu",
        ] {
            browser.eval(&format!("location.hash = '{fragment}'")).await?;
            browser.until("the page is shown", "document.querySelector('main').children.length > 0").await?;
            let found = browser.accessibility().await?;
            assert!(found.is_empty(), "{fragment}, dark {dark}:\n{}", found.join("\n"));
        }
        quiet(&browser).await?;
        browser.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_same_inputs_come_to_the_same_hash_in_the_browser_and_here() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    let there = browser.settle("window.kubarium.soak(11, 10000)").await?;
    let here = kubarium_core::sim::soak(11, 10_000);
    assert_eq!(
        there.as_str(),
        Some(format!("{here:016x}").as_str()),
        "wasm32 and native agree after 10,000 inputs with faults"
    );
    browser.close().await
}

#[tokio::test]
async fn a_phone_has_everything_in_chinese_too() -> Result<(), Failure> {
    let browser = open(Look { width: 390, height: 844, ..Look::default() }, "").await?;
    let fits = "document.documentElement.scrollWidth <= window.innerWidth";
    browser.until("nothing is wider than the screen", fits).await?;
    browser.click("[data-testid=language]").await?;
    browser.until("the words are Chinese", &format!("{}.includes('节点')", text("nav-nodes"))).await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_pod_says_why_it_is_where_it_is_or_why_it_is_nowhere() -> Result<(), Failure> {
    let browser = open(Look::default(), "#/pods?q=cart").await?;
    browser.until("the pods are placed", &format!("{} === 5", rows("pods"))).await?;
    browser.click("[data-testid=pods] tbody th a").await?;
    browser.until("the decision is told", &format!("{}.includes('scores best of')", text("why"))).await?;
    browser.until("every node has its score", &format!("{} === 5", rows("why-nodes"))).await?;
    let scored =
        "[...document.querySelectorAll('[data-testid=why-nodes] td.is-number')].every(e => Number(e.textContent) > 0)";
    assert_eq!(browser.eval(scored).await?, true);

    browser.eval("location.hash = '#/pods?scenario=cluster-too-small&sel=Pod/default/with-gpu'").await?;
    let told =
        format!("{0}.includes('No node takes it') && {0}.includes('too little example.com/gpu (2)')", text("why"));
    browser.until("the reasons are told", &told).await?;
    browser
        .until("and those of each node", &format!("{}.includes('taint not tolerated: dedicated')", text("why-nodes")))
        .await?;
    let grouped = "document.querySelector('[data-testid=why-group]').textContent === '2 nodes'";
    browser.until("nodes that say the same are one line", grouped).await?;
    assert_eq!(browser.eval("document.querySelectorAll('[data-testid=why-nodes] th a').length").await?, 1);
    browser.click("[data-testid=why-group]").await?;
    browser.until("which opens", "document.querySelectorAll('[data-testid=why-nodes] th a').length === 3").await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_scenario_is_chosen_with_the_keyboard_and_a_link_opens_it() -> Result<(), Failure> {
    let browser = open(Look::default(), "").await?;
    browser.press("s").await?;
    browser.find("[data-testid=scenarios]").await?;
    // From the dialog past its close button and the demo to the second scenario.
    browser.press("\u{e004}\u{e004}\u{e004}").await?;
    browser.until("Tab reaches it", "document.activeElement?.dataset.testid === 'scenario-three-nginx'").await?;
    browser.press("\u{e007}").await?;
    browser.find("[data-testid=handle-nginx]").await?;
    browser.until("it is named", &format!("{} === 'Three replicas and a service'", text("scenario"))).await?;
    let link = browser.eval("location.href").await?;
    browser.goto("about:blank").await?;
    browser.goto(link.as_str().unwrap()).await?;
    browser.find("[data-testid=handle-nginx]").await?;
    quiet(&browser).await?;
    browser.close().await
}

#[tokio::test]
async fn a_scenario_of_ones_own_plays_once_its_mistake_is_corrected_and_its_link_holds_it() -> Result<(), Failure> {
    let browser = open(Look::default(), "#/dashboard?dialog=scenarios").await?;
    let own = "apiVersion: kubarium.io/v1\nkind: Scenario\ntitle: Mine\nnodes:\n- {name: lone, cout: 2}\n";
    let typed = serde_json::Value::from(own);
    let set = format!(
        "(a => {{ a.value = {typed}; a.dispatchEvent(new InputEvent('input', {{bubbles: true}})); return true; }})(document.querySelector('[data-testid=scenario-text]'))"
    );
    browser.find("[data-testid=scenario-text]").await?;
    browser.eval(&set).await?;
    browser.click("[data-testid=scenario-submit]").await?;
    let complaint = format!("{0}.includes('line 5') && {0}.includes('nodes[0].cout')", text("scenario-errors"));
    browser.until("the mistake is named with line and field", &complaint).await?;
    browser.eval(&set.replace("cout", "count")).await?;
    browser.click("[data-testid=scenario-submit]").await?;
    let plays = "document.querySelectorAll('[data-testid=map-twin] tbody tr').length === 2";
    browser.until("it plays", plays).await?;
    browser.until("it is named", &format!("{} === 'Mine'", text("scenario"))).await?;
    let link = browser.eval("location.href").await?;
    browser.goto("about:blank").await?;
    browser.goto(link.as_str().unwrap()).await?;
    browser.until("the link plays it", plays).await?;

    browser.eval("location.hash = '#/dashboard?scenario=nowhere'").await?;
    browser.until("a link to none says so", "document.body.textContent.includes('cannot be played')").await?;
    quiet(&browser).await?;
    browser.close().await
}
