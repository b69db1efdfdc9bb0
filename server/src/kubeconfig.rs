//! `kubarium kubeconfig`: what kubectl needs to know of a server.

use crate::failure::Failure;
use crate::remote::RemoteArguments;
use clap::Args;
use serde_json::json;

/// Flags of `kubarium kubeconfig`.
#[derive(Args, Debug)]
pub struct KubeconfigArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// Name of the cluster, user and context.
    #[arg(long, value_name = "NAME", default_value = "kubarium")]
    name: String,
}

/// `kubarium kubeconfig`.
pub fn run(arguments: &KubeconfigArguments) -> Result<(), Failure> {
    let token = arguments.remote.token()?;
    let server = &arguments.remote.server;
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
