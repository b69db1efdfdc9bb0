//! A running server, as the commands that talk to one see it: where it is, with what token, and what it answers.

use crate::config::{DATA_DIR_HELP, default_data_dir, is_loopback_host};
use crate::failure::Failure;
use crate::token::{TOKEN_FILE, Token, Tokens};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Flags that name a server.
#[derive(Args, Debug)]
pub struct RemoteArguments {
    /// Where the server is reached.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", global = true)]
    pub server: String,
    /// File with the token of the server. By default that of the data directory, where the server is not on loopback.
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
    /// Where the token is found by default.
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP, global = true)]
    pub data_dir: Option<PathBuf>,
}

impl RemoteArguments {
    /// The token the server wants; none on loopback, unless a file is named.
    pub fn token(&self) -> Result<Option<Token>, Failure> {
        let server = &self.server;
        let uri: axum::http::Uri =
            server.parse().map_err(|e| Failure::usage(format!("--server: `{server}` is not a URL: {e}")))?;
        let (Some("http" | "https"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(Failure::usage(format!("--server: `{server}` is not a URL like http://127.0.0.1:8080")));
        };
        if let Some(path) = &self.token_file {
            return Tokens::read(path).map(Tokens::first);
        }
        if is_loopback_host(host) {
            return Ok(None);
        }
        let dir = match &self.data_dir {
            Some(dir) => dir.clone(),
            None => default_data_dir()?,
        };
        let path = dir.join(TOKEN_FILE);
        if !path.exists() {
            return Err(Failure::usage(format!(
                "a server that is not on loopback wants a token, and {} is not there: give --token-file, \
                 or run `kubarium token` on the server's machine",
                path.display()
            )));
        }
        Tokens::read(&path).map(Tokens::first)
    }

    /// Asks the server, and waits however long it takes. What it refuses is a failure with its sentence.
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Value, Failure> {
        let server = self.server.trim_end_matches('/');
        let token = self.token()?;
        if server.starts_with("https:") {
            return Err(Failure::usage(format!(
                "--server: this command speaks no TLS; where {server} is a proxy before a Kubarium, name what is behind it"
            )));
        }
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{server}{path}"))
            .header("accept", "application/json")
            .header("content-type", content_type);
        if let Some(token) = &token {
            request = request.header("authorization", format!("Bearer {}", token.reveal()));
        }
        let request =
            request.body(body).map_err(|e| Failure::usage(format!("--server: `{server}` cannot be asked: {e}")))?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build()
            .new_agent();
        let silent = |e: ureq::Error| {
            Failure::running(format!(
                "no server answers at {server} ({e}); `kubarium serve` starts one, --server names another"
            ))
        };
        let mut answer = agent.run(request).map_err(silent)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(silent)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status < 400 {
            return Ok(value);
        }
        let message = value["message"].as_str().map_or_else(|| format!("it answers {status}"), str::to_owned);
        Err(Failure::running(format!("{server}: {message}")))
    }
}
