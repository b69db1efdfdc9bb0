//! `auth`: who one is, and what one may do.

use crate::call::Call;
use crate::commands::ALL_NAMESPACES;
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::{self, items, text as text_at};
use crate::output::Form;
use crate::tabs;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

pub(crate) const CAN_I: &[Flag] = &[
    ALL_NAMESPACES,
    text("subresource", ' ', "of this part, such as log"),
    switch("list", ' ', "all that one may do"),
    switch("quiet", 'q', "only by the exit code"),
    switch("no-headers", ' ', "no line of column names"),
];

pub(crate) const WHOAMI: &[Flag] = &[text("output", 'o', "json or yaml")];

pub(crate) async fn whoami(call: &Call<'_>) -> Result<(), Failure> {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let review = call.write(Method::Post, path, &[], &body).await?;
    match call.given.text("output") {
        "" => {
            let user = &review["status"]["userInfo"];
            let mut text = "ATTRIBUTE\tVALUE\n".to_owned();
            for (label, key) in [("Username", "username"), ("UID", "uid")] {
                let value = text_at(user, &format!("/{key}"));
                if !value.is_empty() {
                    text.push_str(&[label, "\t", value, "\n"].concat());
                }
            }
            if user["groups"].is_array() {
                text.push_str(&["Groups\t", &go::plain(&user["groups"]), "\n"].concat());
            }
            for (key, value) in go::entries(user, "/extra") {
                text.push_str(&["Extra: ", key, "\t", &go::plain(value), "\n"].concat());
            }
            call.out(&tabs::align(&text, tabs::TABLE));
        }
        "json" => {
            // In the order of its type, as this one is not read from a map.
            let user = ["username", "uid", "groups", "extra"].into_iter().filter_map(|key| {
                let value = review["status"]["userInfo"].get(key)?;
                Some(format!("            \"{key}\": {}", go::json_indented(value).replace('\n', "\n            ")))
            });
            let user = user.collect::<Vec<_>>().join(",\n");
            let metadata = go::json_indented(&review["metadata"]).replace('\n', "\n    ");
            call.line(&format!(
                "{{\n    \"kind\": \"SelfSubjectReview\",\n    \"apiVersion\": \"authentication.k8s.io/v1\",\n    \"metadata\": {metadata},\n    \"status\": {{\n        \"userInfo\": {{\n{user}\n        }}\n    }}\n}}"
            ));
        }
        given => call.out(&Form::parse(given, false)?.print(&review, &|_| "selfsubjectreview".to_owned())?),
    }
    Ok(())
}

pub(crate) async fn can_i(call: &Call<'_>) -> Result<(), Failure> {
    if call.given.on("list") {
        return list(call).await;
    }
    let [verb, what] = call.arguments() else {
        let why = "you must specify two arguments: verb resource or verb resource/resourceName.";
        return Err(Failure::Plain(format!("error: {why}\nSee 'kubectl auth can-i -h' for help and examples.")));
    };
    let spec = if what.starts_with('/') {
        json!({"nonResourceAttributes": {"path": what, "verb": verb}})
    } else {
        let (kind, name) = what.split_once('/').unwrap_or((what, ""));
        let (group, plural) = if let Some(resource) = call.session.resources(call).await?.find(kind) {
            (resource.group.clone(), resource.plural.clone())
        } else {
            if kind != "*" {
                call.note(&format!("Warning: the server doesn't have a resource type '{kind}'\n"));
            }
            (String::new(), kind.to_owned())
        };
        let namespace = if call.everywhere() { String::new() } else { call.namespace() };
        json!({"resourceAttributes": {
            "verb": verb, "group": group, "resource": plural, "name": name, "namespace": namespace,
            "subresource": call.given.text("subresource"),
        }})
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec});
    let review = call.write(Method::Post, path, &[], &body).await?;
    let allowed = review.pointer("/status/allowed") == Some(&Value::Bool(true));
    if !call.given.on("quiet") {
        call.line(if allowed { "yes" } else { "no" });
    }
    if allowed { Ok(()) } else { Err(Failure::Said) }
}

async fn list(call: &Call<'_>) -> Result<(), Failure> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let spec = json!({"namespace": call.namespace()});
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": spec});
    let review = call.write(Method::Post, path, &[], &body).await?;
    let mut text = String::new();
    if !call.given.on("no-headers") {
        text.push_str("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    let words = |rule: &Value, pointer: &str| {
        let words: Vec<&str> = items(rule, pointer).iter().filter_map(Value::as_str).collect();
        format!("[{}]", words.join(" "))
    };
    for rule in items(&review, "/status/resourceRules") {
        let verbs = words(rule, "/verbs");
        for group in items(rule, "/apiGroups").iter().filter_map(Value::as_str) {
            for resource in items(rule, "/resources").iter().filter_map(Value::as_str) {
                let full = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
                text.push_str(&[&full, "\t[]\t", &words(rule, "/resourceNames"), "\t", &verbs, "\n"].concat());
            }
        }
    }
    for rule in items(&review, "/status/nonResourceRules") {
        text.push_str(&["\t", &words(rule, "/nonResourceURLs"), "\t[]\t", &words(rule, "/verbs"), "\n"].concat());
    }
    call.out(&tabs::align(&text, tabs::TABLE));
    Ok(())
}
