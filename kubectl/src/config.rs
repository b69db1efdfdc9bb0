//! `config`: which cluster, and which namespace is meant where none is named.

use crate::call::Call;
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::tabs;
use kubarium_core::manifest;
use serde_json::json;

/// The name of the only context there is.
const CONTEXT: &str = "kubarium";

pub(crate) const SET_FLAGS: &[Flag] = &[switch("current", ' ', "the context in use")];
pub(crate) const VIEW_FLAGS: &[Flag] =
    &[switch("minify", ' ', "not used here"), text("output", 'o', "yaml or json").or("yaml")];

pub(crate) async fn current(call: &Call<'_>) -> Result<(), Failure> {
    call.line(CONTEXT);
    std::future::ready(Ok(())).await
}

pub(crate) async fn contexts(call: &Call<'_>) -> Result<(), Failure> {
    let namespace = call.session.namespace();
    let text =
        format!("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n*\t{CONTEXT}\t{CONTEXT}\t{CONTEXT}\t{namespace}\n");
    call.out(&tabs::align(&text, tabs::TABLE));
    std::future::ready(Ok(())).await
}

pub(crate) async fn set(call: &Call<'_>) -> Result<(), Failure> {
    if !call.given.on("current") && call.arguments().first().is_none_or(|name| name != CONTEXT) {
        return Err(Failure::error(format!("there is one context here, {CONTEXT}: use --current")));
    }
    call.session.set_namespace(call.given.text("namespace"));
    call.line(&format!("Context \"{CONTEXT}\" modified."));
    std::future::ready(Ok(())).await
}

pub(crate) async fn view(call: &Call<'_>) -> Result<(), Failure> {
    let mut context = json!({"cluster": CONTEXT, "user": CONTEXT});
    if call.session.namespace() != "default" {
        context["namespace"] = call.session.namespace().into();
    }
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "users": [], "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": call.host.server()}}],
        "contexts": [{"name": CONTEXT, "context": context}],
    });
    match call.given.text("output") {
        "json" => call.line(&crate::go::json_indented(&config)),
        _ => call.out(&manifest::print(&config)),
    }
    std::future::ready(Ok(())).await
}
