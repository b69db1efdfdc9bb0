//! What the API says about itself: `version`, `cluster-info`, `api-resources`, `api-versions`.

use crate::call::Call;
use crate::discovery::Resource;
use crate::failure::Failure;
use crate::flags::{Flag, list, switch, text};
use crate::go::{self, items, text as text_at};
use crate::tabs;
use kubarium_core::manifest;
use serde_json::json;

/// The kubectl whose words these are.
const VERSION: &str = "v1.32.0";

pub(crate) const VERSION_FLAGS: &[Flag] =
    &[switch("client", ' ', "only of this console"), text("output", 'o', "json or yaml")];

pub(crate) const RESOURCES_FLAGS: &[Flag] = &[
    text("output", 'o', "wide or name"),
    switch("no-headers", ' ', "no line of column names"),
    text("api-group", ' ', "only of this group"),
    text("namespaced", ' ', "only those that are, or are not, in namespaces"),
    list("verbs", ' ', "only those with these verbs"),
    list("categories", ' ', "only of these categories"),
    text("sort-by", ' ', "name or kind"),
    switch("cached", ' ', "not used here"),
];

pub(crate) async fn version(call: &Call<'_>) -> Result<(), Failure> {
    let client = json!({"gitVersion": VERSION, "major": "1", "minor": "32"});
    let server =
        if call.given.on("client") { None } else { Some(call.get("/version", &[], "application/json").await?) };
    let mut all = json!({"clientVersion": client, "kustomizeVersion": "v5.5.0"});
    if let Some(server) = &server {
        all["serverVersion"] = server.clone();
    }
    match call.given.text("output") {
        "" => {
            call.line(&format!("Client Version: {VERSION}\nKustomize Version: v5.5.0"));
            if let Some(server) = server {
                call.line(&format!("Server Version: {}", text_at(&server, "/gitVersion")));
            }
        }
        "json" => call.line(&go::json_indented(&all).replace("    ", "  ")),
        "yaml" => call.out(&manifest::print(&all)),
        _ => return Err(Failure::error("--output must be 'yaml' or 'json'")),
    }
    Ok(())
}

pub(crate) async fn cluster_info(call: &Call<'_>) -> Result<(), Failure> {
    // That it answers is what one wants to know.
    call.get("/version", &[], "application/json").await?;
    call.line(&format!("Kubernetes control plane is running at {}", call.host.server()));
    call.line("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    Ok(())
}

pub(crate) async fn versions(call: &Call<'_>) -> Result<(), Failure> {
    let groups = call.get("/apis", &[], "application/json").await?;
    let versions = items(&groups, "/groups").iter().flat_map(|group| items(group, "/versions"));
    let mut all: Vec<&str> = versions.map(|version| text_at(version, "/groupVersion")).collect();
    all.push("v1");
    all.sort_unstable();
    call.line(&all.join("\n"));
    Ok(())
}

pub(crate) async fn resources(call: &Call<'_>) -> Result<(), Failure> {
    let found = call.session.resources(call).await?;
    let words = |flag: &str| -> Vec<String> {
        call.given.list(flag).iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
    };
    let (verbs, categories) = (words("verbs"), words("categories"));
    let namespaced = call.given.text("namespaced");
    let mut all: Vec<&Resource> = found
        .0
        .iter()
        .filter(|r| !call.given.has("api-group") || r.group == call.given.text("api-group"))
        .filter(|r| namespaced.is_empty() || (namespaced == "true") == r.namespaced)
        .filter(|r| verbs.iter().all(|verb| r.verbs.contains(verb)))
        .filter(|r| categories.iter().all(|category| r.categories.contains(category)))
        .collect();
    match call.given.text("sort-by") {
        "" => all.sort_by(|a, b| (&a.group, &a.plural).cmp(&(&b.group, &b.plural))),
        "name" => all.sort_by(|a, b| a.plural.cmp(&b.plural)),
        "kind" => all.sort_by(|a, b| a.kind.cmp(&b.kind)),
        _ => return Err(Failure::error("--sort-by accepts only name or kind")),
    }
    let wide = match call.given.text("output") {
        "" => false,
        "wide" => true,
        "name" => {
            let names: Vec<String> = all.iter().map(|r| r.full_plural()).collect();
            call.line(&names.join("\n"));
            return Ok(());
        }
        other => return Err(Failure::error(format!("--output {other} is not available"))),
    };
    let mut text = String::new();
    if !call.given.on("no-headers") {
        text.push_str("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND");
        text.push_str(if wide { "\tVERBS\tCATEGORIES\n" } else { "\n" });
    }
    for resource in all {
        let mut cells = vec![
            resource.plural.clone(),
            resource.short_names.join(","),
            resource.api_version(),
            resource.namespaced.to_string(),
            resource.kind.clone(),
        ];
        if wide {
            cells.extend([resource.verbs.join(","), resource.categories.join(",")]);
        }
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    call.out(&tabs::align(&text, tabs::TABLE));
    Ok(())
}
