//! `kubarium kubeconfig`: what kubectl needs to know of a server.

use crate::config::{DATA_DIR_HELP, default_data_dir, is_loopback_host};
use crate::failure::Failure;
use crate::token::{TOKEN_FILE, Token};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Flags of `kubarium kubeconfig`.
#[derive(Args, Debug)]
pub struct KubeconfigArguments {
    /// Where the server is reached.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// File with the token of the server. By default that of the data directory, where the server is not on loopback.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP)]
    data_dir: Option<PathBuf>,
    /// Name of the cluster, user and context.
    #[arg(long, value_name = "NAME", default_value = "kubarium")]
    name: String,
}

/// `kubarium kubeconfig`.
pub fn run(arguments: &KubeconfigArguments) -> Result<(), Failure> {
    let server = &arguments.server;
    let uri: axum::http::Uri =
        server.parse().map_err(|e| Failure::usage(format!("--server: `{server}` is not a URL: {e}")))?;
    let (Some("http" | "https"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(Failure::usage(format!("--server: `{server}` is not a URL like http://127.0.0.1:8080")));
    };
    let token = match &arguments.token_file {
        Some(path) => Some(Token::read(path)?),
        None if is_loopback_host(host) => None,
        None => {
            let dir = match &arguments.data_dir {
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
            Some(Token::read(&path)?)
        }
    };
    let name = &arguments.name;
    let user = token.map_or_else(|| json!({}), |token| json!({ "token": token.reveal() }));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": { "server": server } }],
        "users": [{ "name": name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
        "preferences": {},
    });
    // JSON is YAML, and kubectl reads it as such.
    println!("{config:#}");
    Ok(())
}
