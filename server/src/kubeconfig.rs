//! `kubarium kubeconfig`: what kubectl needs to know of a server, written, and read again by our own commands.

use crate::failure::Failure;
use crate::remote::{Remote, RemoteArguments};
use crate::token::{Token, role, role_word};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use kubarium_core::apiserver::Role;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Flags of `kubarium kubeconfig`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "With the token of a user, where `kubarium token --role view --name ann` has made it:\n\n  \
kubarium kubeconfig --server https://host-a:8080 --role view --user ann"
)]
pub struct KubeconfigArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// Name of the cluster, user and context.
    #[arg(long, value_name = "NAME", default_value = "kubarium")]
    name: String,
    /// Write the token of a user with this role: view, edit or admin. By default the first token there is.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Option<Role>,
    /// Write the token of the user with this name.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

/// `kubarium kubeconfig`.
pub fn run(arguments: &KubeconfigArguments) -> Result<(), Failure> {
    let (role, user) = (arguments.role, arguments.user.as_deref());
    let remote = if role.is_none() && user.is_none() {
        arguments.remote.find()?
    } else {
        let who =
            [role.map(|role| format!("the role {}", role_word(role))), user.map(|user| format!("the user {user}"))];
        let who = who.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        arguments.remote.find_as(&who, |known| {
            role.is_none_or(|role| known.role == role) && user.is_none_or(|user| known.name == user)
        })?
    };
    let mut cluster = json!({ "server": remote.server });
    if let Some(authority) = &remote.authority {
        cluster["certificate-authority-data"] = STANDARD.encode(authority).into();
    }
    let name = &arguments.name;
    let user = remote.token.map_or_else(|| json!({}), |token| json!({ "token": token.reveal() }));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
        "preferences": {},
    });
    // JSON is YAML, and kubectl reads it as such.
    println!("{config:#}");
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
struct User {
    token: Option<String>,
}

/// The server of a file's current context.
pub fn read(path: &Path) -> Result<Remote, Failure> {
    let wrong = |what: String| Failure::usage(format!("--kubeconfig: {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    let file: File = serde_saphyr::from_str(&text).map_err(|e| {
        let message = e.to_string();
        wrong(message.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().to_owned())
    })?;
    let current = file.current_context.ok_or_else(|| wrong("it has no current-context".to_owned()))?;
    let missing = |kind: &str, name: &str| wrong(format!("there is no {kind} named {name:?} in it"));
    let context = file.contexts.into_iter().find(|c| c.name == current).ok_or_else(|| missing("context", &current))?;
    let Context { cluster, user } = context.context;
    let found = file.clusters.into_iter().find(|c| c.name == cluster).ok_or_else(|| missing("cluster", &cluster))?;
    let cluster = found.cluster;
    let token = match user {
        None => None,
        Some(name) => {
            let user = file.users.into_iter().find(|u| u.name == name).ok_or_else(|| missing("user", &name))?;
            user.user.token.map(Token::from)
        }
    };
    let authority = match (cluster.certificate_authority_data, cluster.certificate_authority) {
        (Some(data), _) => Some(
            STANDARD
                .decode(data.trim())
                .map_err(|e| wrong(format!("certificate-authority-data is not base64: {e}")))?,
        ),
        (None, Some(named)) => {
            // As kubectl has it: from where the file is.
            let named = path.parent().unwrap_or(Path::new("")).join(named);
            Some(std::fs::read(&named).map_err(|e| wrong(format!("certificate-authority {}: {e}", named.display())))?)
        }
        (None, None) => None,
    };
    Ok(Remote { server: cluster.server.trim_end_matches('/').to_owned(), token, authority })
}
