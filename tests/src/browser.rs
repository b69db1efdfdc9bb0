//! A real Chromium under test, through `WebDriver`.
//!
//! [`Browser::open`] starts a driver and a browser of its own with an empty profile; both end with it. Pages come from
//! a real `kubarium serve` or, with [`serve_files`], from plain files with no server behind them.

use fantoccini::actions::{InputSource as _, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::TimeoutConfiguration;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long [`Browser::until`] waits. Generous, so that a slow machine is no failure.
const WAIT_MAX: Duration = Duration::from_secs(45);

/// How long a script may run: the soak of the determinism test takes its time in WebAssembly.
const SCRIPT_MAX: Duration = Duration::from_mins(5);

/// What a test could not do.
pub type Failure = Box<dyn std::error::Error>;

/// How a page is shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Width of the window in CSS pixels.
    pub width: u32,
    /// Height of the window in CSS pixels.
    pub height: u32,
    /// Whether the person prefers dark.
    pub dark: bool,
    /// Whether the person prefers less motion.
    pub still: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 1440, height: 900, dark: false, still: false }
    }
}

/// A browser window.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Child,
    profile: PathBuf,
}

fn program(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

impl Browser {
    /// Starts a browser.
    pub async fn open(look: Look) -> Result<Self, Failure> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new(program("KUBARIUM_CHROMEDRIVER", "chromedriver"))
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("chromedriver: {e}; cargo xtask setup installs it"))?;
        let profile = std::env::temp_dir().join(format!("kubarium-browser-{}-{port}", std::process::id()));
        let mut arguments = vec![
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--lang=en-US".to_owned(),
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={},{}", look.width, look.height),
        ];
        if look.dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        if look.still {
            arguments.push("--force-prefers-reduced-motion".to_owned());
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": program("KUBARIUM_CHROMIUM", "/usr/bin/chromium"), "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { return Err("capabilities are an object".into()) };
        let start = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder.capabilities(capabilities.clone()).connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(_) if start.elapsed() < WAIT_MAX => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Err(error.into()),
            }
        };
        // The window's size in headless mode counts the frame; this one is the page's.
        client.set_window_rect(0, 0, look.width, look.height).await?;
        let patient = TimeoutConfiguration::new(Some(SCRIPT_MAX), Some(SCRIPT_MAX), Some(Duration::ZERO));
        client.update_timeouts(patient).await?;
        Ok(Self { client, driver, profile })
    }

    /// The `WebDriver` session, for what is not here.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) -> Result<(), Failure> {
        Ok(self.client.goto(url).await?)
    }

    /// The element a CSS selector finds, once it is there.
    pub async fn find(&self, css: &str) -> Result<Element, Failure> {
        let start = Instant::now();
        loop {
            match self.client.find(Locator::Css(css)).await {
                Ok(element) => return Ok(element),
                Err(_) if start.elapsed() < WAIT_MAX => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(format!("no element {css}: {error}").into()),
            }
        }
    }

    /// Clicks what a CSS selector finds.
    pub async fn click(&self, css: &str) -> Result<(), Failure> {
        Ok(self.find(css).await?.click().await?)
    }

    /// The value of a JavaScript expression.
    pub async fn eval(&self, expression: &str) -> Result<Value, Failure> {
        Ok(self.client.execute(&format!("return ({expression});"), Vec::new()).await?)
    }

    /// The value a JavaScript promise comes to.
    pub async fn settle(&self, promise: &str) -> Result<Value, Failure> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; Promise.resolve({promise}).then(done, e => done('error: ' + e));"
        );
        Ok(self.client.execute_async(&script, Vec::new()).await?)
    }

    /// Waits until a JavaScript expression is true. Says what was waited for where it never is.
    pub async fn until(&self, what: &str, expression: &str) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let value = self.eval(expression).await;
            match value {
                Ok(Value::Bool(true)) => return Ok(()),
                _ if start.elapsed() < WAIT_MAX => tokio::time::sleep(Duration::from_millis(50)).await,
                other => return Err(format!("waited in vain until {what}: {expression} is {other:?}").into()),
            }
        }
    }

    /// Puts a text into the input that a CSS selector finds, as pasting would.
    pub async fn fill(&self, css: &str, text: &str) -> Result<(), Failure> {
        self.find(css).await?;
        let (css, text) = (Value::from(css), Value::from(text));
        self.eval(&format!(
            "(i => {{ i.value = {text}; i.dispatchEvent(new InputEvent('input', {{bubbles: true}})); }})(document.querySelector({css}))"
        ))
        .await?;
        Ok(())
    }

    /// The middle of the element a CSS selector finds, in CSS pixels of the window.
    pub async fn middle(&self, css: &str) -> Result<(i64, i64), Failure> {
        self.find(css).await?;
        let css = Value::from(css);
        let middle = self
            .eval(&format!(
                "(r => [r.left + r.width / 2, r.top + r.height / 2].map(Math.round))(document.querySelector({css}).getBoundingClientRect())"
            ))
            .await?;
        let at = |index: usize| middle[index].as_i64().ok_or_else(|| format!("{css} is nowhere: {middle}"));
        Ok((at(0)?, at(1)?))
    }

    /// Drags from one point of the page to another, in steps a hand would make, and does not let go.
    pub async fn drag(&self, from: (i64, i64), to: (i64, i64)) -> Result<(), Failure> {
        let step = Some(Duration::from_millis(30));
        let at = |share: i64| (from.0 + (to.0 - from.0) * share / 10, from.1 + (to.1 - from.1) * share / 10);
        let mut mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo { duration: None, x: from.0 as f64, y: from.1 as f64 })
            .then(PointerAction::Down { button: 0 });
        for share in 1..=10 {
            let (x, y) = at(share);
            mouse = mouse.then(PointerAction::MoveTo { duration: step, x: x as f64, y: y as f64 });
        }
        Ok(self.client.perform_actions(mouse).await?)
    }

    /// Lets go of the mouse where it is.
    pub async fn release(&self) -> Result<(), Failure> {
        let mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::Up { button: 0 });
        Ok(self.client.perform_actions(mouse).await?)
    }

    /// Types a key while Control is held.
    pub async fn press_with_control(&self, value: char) -> Result<(), Failure> {
        use fantoccini::actions::{KeyAction, KeyActions};
        /// Control, as `WebDriver` names it.
        const CONTROL: char = '\u{e009}';
        let keys = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: CONTROL })
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value })
            .then(KeyAction::Up { value: CONTROL });
        Ok(self.client.perform_actions(keys).await?)
    }

    /// Types keys to whatever has the focus.
    pub async fn press(&self, keys: &str) -> Result<(), Failure> {
        use fantoccini::actions::{KeyAction, KeyActions};
        let mut actions = KeyActions::new("keys".to_owned());
        for value in keys.chars() {
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        Ok(self.client.perform_actions(actions).await?)
    }

    /// Writes what is seen to a PNG file.
    pub async fn screenshot(&self, file: &Path) -> Result<(), Failure> {
        Ok(std::fs::write(file, self.client.screenshot().await?)?)
    }

    /// What the console holds since it was last asked: errors and warnings, one a line.
    pub async fn console(&self) -> Result<Vec<String>, Failure> {
        let log = self.client.issue_cmd(ConsoleLog).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        Ok(entries
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")))
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// What the accessibility rules of axe-core (WCAG 2.1, A and AA) find: one line for each element and rule.
    pub async fn accessibility(&self) -> Result<Vec<String>, Failure> {
        let axe = std::env::var("KUBARIUM_AXE").map_err(|_| "KUBARIUM_AXE names no axe-core; cargo xtask test does")?;
        self.client.execute(&std::fs::read_to_string(axe)?, Vec::new()).await?;
        let found = self.settle("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})").await?;
        let violations = found["violations"].as_array().cloned().ok_or_else(|| format!("axe said {found}"))?;
        let line = |rule: &Value, node: &Value| {
            format!("{}: {} at {}: {}", rule["id"], rule["help"], node["target"], node["failureSummary"])
        };
        Ok(violations
            .iter()
            .flat_map(|rule| rule["nodes"].as_array().into_iter().flatten().map(move |node| line(rule, node)))
            .collect())
    }

    /// Ends the browser.
    pub async fn close(self) -> Result<(), Failure> {
        Ok(self.client.clone().close().await?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that is gone already needs no ending.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = Command::new("pkill").args(["-f", &self.profile.to_string_lossy()]).status();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Chromium's own command for reading the console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// A JavaScript expression: the text of what a test name finds; empty where there is none.
pub fn text(testid: &str) -> String {
    format!("(document.querySelector('[data-testid=\"{testid}\"]')?.textContent ?? '')")
}

/// A JavaScript expression: how many rows a table shows.
pub fn rows(testid: &str) -> String {
    format!("document.querySelectorAll('[data-testid={testid}] tbody tr:not(.table-gap)').length")
}

/// Serves a folder of files on a free loopback port, with nothing behind them. Returns its address.
pub async fn serve_files(folder: &Path) -> Result<String, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let files = axum::Router::new().fallback_service(tower_http::services::ServeDir::new(folder));
    tokio::spawn(async move { axum::serve(listener, files).await });
    Ok(format!("http://{address}/"))
}
