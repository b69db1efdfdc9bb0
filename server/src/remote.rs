//! A running server, as the commands that talk to one see it: where it is, with what token, whom it is signed by, and
//! what it answers.

use crate::config::{DATA_DIR_HELP, TLS_DIRECTORY, default_data_dir, is_loopback_host};
use crate::failure::Failure;
use crate::tls::{AUTHORITY_FILE, pem};
use crate::token::{TOKEN_FILE, Token, Tokens};
use clap::Args;
use kubarium_core::apiserver::User;
use rustls::crypto::ring;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Flags that name a server.
#[derive(Args, Debug)]
pub struct RemoteArguments {
    /// Where the server is reached.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", global = true)]
    server: String,
    /// File with the token of the server. By default that of the data directory, where the server speaks TLS or is not
    /// on loopback.
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// File with the certificate of the authority that signed the server's. By default the one in the data directory, or
    /// else those that this machine trusts.
    #[arg(long, value_name = "FILE", global = true)]
    certificate_authority: Option<PathBuf>,
    /// Where token and authority are found by default.
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP, global = true)]
    data_dir: Option<PathBuf>,
}

/// A server that can be asked.
#[derive(Debug)]
pub struct Remote {
    /// Such as `https://127.0.0.1:8080`.
    pub server: String,
    /// What it wants to be shown, where it does.
    pub token: Option<Token>,
    /// The authority to trust, as PEM; without it those are trusted that this machine trusts.
    pub authority: Option<Vec<u8>>,
}

impl RemoteArguments {
    /// The server, with the first token of its file.
    pub fn find(&self) -> Result<Remote, Failure> {
        let host = self.host()?;
        let open = is_loopback_host(&host) && self.server.starts_with("http:");
        let token = if self.token_file.is_none() && open { None } else { self.token(|_| true)? };
        self.with(token)
    }

    /// The server, with the token of such a user. `who` says in words which.
    pub fn find_as(&self, who: &str, wanted: impl Fn(&User) -> bool) -> Result<Remote, Failure> {
        self.host()?;
        let token = self.token(wanted)?.ok_or_else(|| {
            Failure::usage(format!("there is no token of {who} in the token file; `kubarium token` makes one"))
        })?;
        self.with(Some(token))
    }

    fn with(&self, token: Option<Token>) -> Result<Remote, Failure> {
        Ok(Remote { server: self.server.trim_end_matches('/').to_owned(), token, authority: self.authority()? })
    }

    fn host(&self) -> Result<String, Failure> {
        let server = &self.server;
        let uri: axum::http::Uri =
            server.parse().map_err(|e| Failure::usage(format!("--server: `{server}` is not a URL: {e}")))?;
        match (uri.scheme_str(), uri.host()) {
            (Some("http" | "https"), Some(host)) => Ok(host.to_owned()),
            _ => Err(Failure::usage(format!("--server: `{server}` is not a URL like http://127.0.0.1:8080"))),
        }
    }

    fn data_dir(&self) -> Result<PathBuf, Failure> {
        self.data_dir.clone().map_or_else(default_data_dir, Ok)
    }

    fn token(&self, wanted: impl Fn(&User) -> bool) -> Result<Option<Token>, Failure> {
        let path = match &self.token_file {
            Some(path) => path.clone(),
            None => self.data_dir()?.join(TOKEN_FILE),
        };
        if self.token_file.is_none() && !path.exists() {
            return Err(Failure::usage(format!(
                "a token is wanted, and {} is not there: give --token-file, or run `kubarium token` on the server's \
                 machine",
                path.display()
            )));
        }
        Ok(Tokens::read(&path)?.find(wanted))
    }

    fn authority(&self) -> Result<Option<Vec<u8>>, Failure> {
        let path = match &self.certificate_authority {
            Some(path) => path.clone(),
            None if !self.server.starts_with("https:") => return Ok(None),
            None => {
                let path = self.data_dir()?.join(TLS_DIRECTORY).join(AUTHORITY_FILE);
                if !path.exists() {
                    return Ok(None);
                }
                path
            }
        };
        let wrong = |what: String| Failure::usage(format!("--certificate-authority: {}: {what}", path.display()));
        pem::certificates(&path).map_err(wrong)?;
        std::fs::read(&path).map(Some).map_err(|e| wrong(e.to_string()))
    }
}

impl Remote {
    /// Asks the server, and waits however long it takes. What it refuses is a failure with its sentence.
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Value, Failure> {
        let server = &self.server;
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{server}{path}"))
            .header("accept", "application/json")
            .header("content-type", content_type);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.reveal()));
        }
        let request =
            request.body(body).map_err(|e| Failure::usage(format!("--server: `{server}` cannot be asked: {e}")))?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .tls_config(self.tls()?)
            .build()
            .new_agent();
        let silent = |e: ureq::Error| {
            let text = e.to_string();
            Failure::running(if text.contains("invalid peer certificate") {
                format!("{server} is not trusted ({text}); --certificate-authority names the file with its authority")
            } else {
                format!("no server answers at {server} ({text}); `kubarium serve` starts one, --server names another")
            })
        };
        let mut answer = agent.run(request).map_err(silent)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(silent)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status < 400 {
            return Ok(value);
        }
        // Who is no Kubarium, or speaks TLS and was not spoken to so, has a line of its own to say.
        let line = text.lines().next().filter(|line| (1..200).contains(&line.len()));
        let said = value["message"].as_str().or(line).map(|said| format!(": {said}")).unwrap_or_default();
        Err(Failure::running(format!("{server} answers {status}{said}")))
    }

    fn tls(&self) -> Result<TlsConfig, Failure> {
        let trusted = match &self.authority {
            Some(text) => pem::certificates_in(text)
                .map_err(|e| Failure::usage(format!("the authority of {}: {e}", self.server)))?,
            None if self.server.starts_with("https:") => rustls_native_certs::load_native_certs().certs,
            None => Vec::new(),
        };
        let trusted: Vec<_> = trusted.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
        Ok(TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&trusted))
            .build())
    }
}
