//! The real binary, started on a free port with a data directory of its own, and asked over HTTP.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use ureq::tls::TlsConfig;

/// How long a server may take to say that it serves.
const START_MAX: Duration = Duration::from_mins(1);

/// The binary: the one `cargo xtask test` names, or one built now, to be measured where we are.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("KUBARIUM_BIN") {
            return path.into();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let release = (!cfg!(debug_assertions)).then_some("--release");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "kubarium", "--message-format", "json"])
            .args(release)
            .current_dir(root)
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        built
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .next_back()
            .unwrap_or_else(|| "kubarium".into())
    })
}

/// A directory of its own under the system's for temporary files, removed when dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// A new, empty one.
    pub fn new() -> std::io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kubarium-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What a test could not remove, the system will.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whom a server is signed by is for the tests of that to ask: they look with kubectl and with our own commands.
fn any_certificate() -> TlsConfig {
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .disable_verification(true)
        .build()
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output()
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
}

impl Server {
    /// Starts `kubarium serve` on a free port of loopback, without Docker hosts unless `arguments` name some.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(binary());
        command.args(["serve", "--data-dir"]).arg(data_dir).args(arguments);
        if !arguments.contains(&"--docker") {
            command.arg("--no-docker");
        }
        Self::launch(command, data_dir, arguments)
    }

    /// Starts `kubarium serve --simulate` on a free port of loopback. Its log is in `directory`.
    pub fn simulate(directory: &Path, scenario: &str, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(binary());
        command.args(["serve", "--simulate", scenario]).args(arguments);
        Self::launch(command, directory, arguments)
    }

    fn launch(mut command: Command, directory: &Path, arguments: &[&str]) -> Result<Self, String> {
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(directory.join("server.log"))
            .map_err(|e| e.to_string())?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("{}: {e}", binary().display()))?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|e| e.to_string())?;
        let Some(url) = line.split_whitespace().last().and_then(|url| url.strip_suffix("/ui/")) else {
            // It ended, or it is no server: its log says why.
            let _ = (child.kill(), child.wait());
            let log = std::fs::read_to_string(directory.join("server.log")).unwrap_or_default();
            return Err(format!("the server did not start: {line}{log}"));
        };
        let server = Self { url: url.to_owned(), child };
        let start = Instant::now();
        while start.elapsed() < START_MAX {
            if server.status("GET", "/readyz", &[]) == 200 {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("the server did not become ready".to_owned())
    }

    /// Asks; returns status code and body. The status is 0 where no answer came.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let Ok(request) = request.body(body) else { return (0, "not a request".to_owned()) };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_mins(1)))
            .tls_config(any_certificate())
            .build()
            .new_agent();
        match agent.run(request) {
            Ok(mut answer) => {
                let mut text = String::new();
                // A body that is cut off is what a killed server leaves.
                let _ = answer.body_mut().as_reader().read_to_string(&mut text);
                (answer.status().as_u16(), text)
            }
            Err(error) => (0, error.to_string()),
        }
    }

    /// Asks; returns the status code.
    pub fn status(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.ask(method, path, headers, b"").0
    }

    /// The JSON at a path.
    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.ask("GET", path, &[], b"").1).unwrap_or_default()
    }

    /// Sends JSON; returns status code and answer.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let (status, text) = self.ask(method, path, &headers, body.to_string().as_bytes());
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// How much memory it takes now, in bytes; none where the system does not say.
    pub fn memory_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    }

    /// How many files and connections it has open now; none where the system does not say.
    pub fn open_files(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).ok()?.count())
    }

    /// Ends it as `kill -9` does, while others still ask it.
    pub fn kill_in_place(&self) {
        self.signal("-KILL");
    }

    /// Lets it stand still, with its connections open, until [`Server::thaw`].
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        // It may have ended by itself.
        let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
    }

    /// Asks it to end, and returns its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().ok()?;
        self.child.wait().ok()?.code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = (self.child.kill(), self.child.wait());
    }
}
