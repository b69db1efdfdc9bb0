//! `create KIND NAME`: objects made from flags.

use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, MANAGER, OUTPUT, SHOW_MANAGED, VALIDATE};
use crate::create::{post, remember};
use crate::failure::Failure;
use crate::flags::{Flag, list, number, switch, text};
use crate::go::quoted;
use kubarium_core::api::{Quantity, base64};
use serde_json::{Map, Value, json};

/// What all of them know.
pub(crate) const PLAIN: &[Flag] = &[
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    MANAGER.or("kubectl-create"),
    SHOW_MANAGED,
    switch("save-config", ' ', "remember the object for apply"),
];

pub(crate) const SETTINGS: &[Flag] = &[
    list("from-literal", ' ', "KEY=VALUE"),
    list("from-file", ' ', "KEY=- for what is typed"),
    list("from-env-file", ' ', "- for lines of KEY=VALUE"),
    text("type", ' ', "the type of a secret"),
    switch("append-hash", ' ', "not used here"),
];

pub(crate) const SERVICE: &[Flag] = &[
    list("tcp", ' ', "PORT or PORT:TARGETPORT"),
    text("clusterip", ' ', "an address, or None"),
    text("external-name", ' ', "the name it stands for"),
    number("node-port", ' ', "0", "the port on nodes"),
];

pub(crate) const POLICY: &[Flag] = &[
    text("hard", ' ', "of a quota: RESOURCE=QUANTITY,..."),
    text("scopes", ' ', "of a quota: which objects it counts"),
    text("selector", ' ', "of a disruption budget: labels of its pods"),
    text("min-available", ' ', "of a disruption budget: how many stay"),
    text("max-unavailable", ' ', "of a disruption budget: how many may go"),
    number("value", ' ', "0", "of a priority class: how important"),
    switch("global-default", ' ', "of a priority class: for pods that name none"),
    text("description", ' ', "of a priority class: when to use it"),
    text("preemption-policy", ' ', "of a priority class").or("PreemptLowerPriority"),
];

/// The one name that was given.
fn name<'a>(call: &'a Call<'_>) -> Result<&'a str, Failure> {
    match call.arguments() {
        [name] => Ok(name),
        others => {
            let count = others.len();
            Err(call.usage(format!("exactly one NAME is required, got {count}")))
        }
    }
}

/// Creates an object, and says so.
pub(crate) async fn make(call: &Call<'_>, mut object: Value, did: &str) -> Result<(), Failure> {
    let (form, dry, validation) = (call.form()?, call.dry_run()?, call.validation()?);
    let resources = call.session.resources(call).await?;
    let (version, kind) = (crate::go::text(&object, "/apiVersion"), crate::go::text(&object, "/kind"));
    let resource = resources.of_type(version, kind).ok_or_else(|| {
        Failure::error(format!("the server doesn't have a resource type {}", quoted(&kind.to_lowercase())))
    })?;
    let namespace = if resource.namespaced { call.namespace() } else { String::new() };
    if resource.namespaced && (call.enforces_namespace() || dry != DryRun::Client) {
        object["metadata"]["namespace"] = namespace.as_str().into();
    }
    if call.given.on("save-config") {
        remember(&mut object);
    }
    let made = if dry == DryRun::Client {
        // As Go writes an instant that is not set.
        object["metadata"]["creationTimestamp"] = Value::Null;
        object
    } else {
        post(call, &resource.collection(&namespace), &object, dry, validation).await.map_err(|failure| {
            if call.command.starts_with("create") {
                let word = call.command.rsplit(' ').next().unwrap_or_default();
                let what = if call.command.contains("secret") { "secret" } else { word };
                match failure.reason() {
                    "AlreadyExists" if ["configmap", "secret"].contains(&what) => {
                        Failure::error(format!("failed to create {what}: {}", failure.message()))
                    }
                    _ => failure,
                }
            } else {
                failure
            }
        })?
    };
    call.done(form.as_ref(), &resource.word(), &made, &format!("{did}{}", dry.mark()))
}

fn object(version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})
}

pub(crate) async fn namespace(call: &Call<'_>) -> Result<(), Failure> {
    let mut object = object("v1", "Namespace", name(call)?);
    if call.dry_run()? == DryRun::Client {
        object["spec"] = json!({});
        object["status"] = json!({});
    }
    make(call, object, "created").await
}

pub(crate) async fn account(call: &Call<'_>) -> Result<(), Failure> {
    make(call, object("v1", "ServiceAccount", name(call)?), "created").await
}

/// What the flags of a config map or secret say, in order.
async fn pairs(call: &Call<'_>) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    for source in call.given.list("from-file") {
        let (key, file) = source.split_once('=').map_or((None, source.as_str()), |(key, file)| (Some(key), file));
        let text = call.text_of(file).await.map_err(|failure| match file {
            "-" => failure,
            file => Failure::error(format!("error reading {file}: no such file or directory")),
        })?;
        pairs.push((key.unwrap_or(file.rsplit('/').next().unwrap_or_default()).to_owned(), text));
    }
    for source in call.given.list("from-literal") {
        let (key, value) = source
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| Failure::error(format!("invalid literal source {source}, expected key=value")))?;
        let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        pairs.push((key.to_owned(), value.to_owned()));
    }
    for file in call.given.list("from-env-file") {
        let text = call.text_of(file).await?;
        for line in text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            pairs.push((key.to_owned(), value.to_owned()));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (key, _) in &pairs {
        if seen.contains(&key.as_str()) {
            let why = format!("cannot add key {}, another key by that name already exists in Data", quoted(key));
            return Err(Failure::error(why));
        }
        seen.push(key);
    }
    Ok(pairs)
}

pub(crate) async fn config_map(call: &Call<'_>) -> Result<(), Failure> {
    let mut object = object("v1", "ConfigMap", name(call)?);
    let data: Map<String, Value> = pairs(call).await?.into_iter().map(|(key, value)| (key, value.into())).collect();
    if !data.is_empty() {
        object["data"] = data.into();
    }
    make(call, object, "created").await
}

pub(crate) async fn secret(call: &Call<'_>) -> Result<(), Failure> {
    let mut object = object("v1", "Secret", name(call)?);
    let data = pairs(call).await?.into_iter().map(|(key, value)| (key, base64::encode(value.as_bytes()).into()));
    let data: Map<String, Value> = data.collect();
    if !data.is_empty() {
        object["data"] = data.into();
    }
    let kind = call.given.text("type");
    if !kind.is_empty() {
        object["type"] = kind.into();
    } else if call.dry_run()? != DryRun::Client {
        object["type"] = "Opaque".into();
    }
    make(call, object, "created").await
}

/// `80` and `80:8080`.
fn port(spec: &str) -> Result<Value, Failure> {
    let (port, target) = spec.split_once(':').unwrap_or((spec, spec));
    let wrong = || Failure::error(format!("invalid port format: {spec}"));
    let number: u16 = port.parse().map_err(|_| wrong())?;
    let target: Value = target.parse::<u16>().map_or_else(|_| target.into(), Value::from);
    let name = spec.replace(':', "-");
    let name = if spec.contains(':') { name } else { spec.to_owned() };
    Ok(json!({"name": name, "port": number, "protocol": "TCP", "targetPort": target}))
}

pub(crate) async fn service(call: &Call<'_>) -> Result<(), Failure> {
    let kind = call.command.rsplit(' ').next().unwrap_or_default();
    let name = name(call)?;
    let mut ports =
        call.given.list("tcp").iter().flat_map(|list| list.split(',')).map(port).collect::<Result<Vec<_>, _>>()?;
    let headless = call.given.text("clusterip") == "None";
    if ports.is_empty() && kind != "externalname" && !headless {
        return Err(Failure::error("at least one tcp port specifier must be provided"));
    }
    let node_port = call.given.number("node-port");
    if node_port != 0
        && let Some(first) = ports.first_mut()
    {
        first["nodePort"] = node_port.into();
    }
    let mut service = object("v1", "Service", name);
    service["metadata"]["labels"] = json!({"app": name});
    service["spec"] = json!({"selector": {"app": name}, "type": match kind {
        "nodeport" => "NodePort",
        "loadbalancer" => "LoadBalancer",
        "externalname" => "ExternalName",
        _ => "ClusterIP",
    }});
    if !ports.is_empty() {
        service["spec"]["ports"] = ports.into();
    }
    if !call.given.text("clusterip").is_empty() {
        service["spec"]["clusterIP"] = call.given.text("clusterip").into();
    }
    if kind == "externalname" {
        if call.given.text("external-name").is_empty() {
            return Err(Call::required("external-name"));
        }
        service["spec"]["externalName"] = call.given.text("external-name").into();
    }
    if call.dry_run()? == DryRun::Client {
        service["status"] = json!({"loadBalancer": {}});
    }
    make(call, service, "created").await
}

pub(crate) async fn quota(call: &Call<'_>) -> Result<(), Failure> {
    let mut quota = object("v1", "ResourceQuota", name(call)?);
    let mut hard = Map::new();
    for pair in call.given.text("hard").split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::error(format!("Invalid argument syntax {pair}, expected <resource>=<value>")))?;
        let amount = Quantity::parse(value).map_err(|_| {
            Failure::error(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            )
        })?;
        hard.insert(key.to_owned(), amount.to_string().into());
    }
    quota["spec"] = if hard.is_empty() { json!({}) } else { json!({ "hard": hard }) };
    let scopes: Vec<&str> = call.given.text("scopes").split(',').filter(|scope| !scope.is_empty()).collect();
    if !scopes.is_empty() {
        quota["spec"]["scopes"] = json!(scopes);
    }
    if call.dry_run()? == DryRun::Client {
        quota["status"] = json!({});
    }
    make(call, quota, "created").await
}

pub(crate) async fn budget(call: &Call<'_>) -> Result<(), Failure> {
    let (least, most) = (call.given.text("min-available"), call.given.text("max-unavailable"));
    let mut budget = object("policy/v1", "PodDisruptionBudget", name(call)?);
    let selector = call.given.text("selector");
    if selector.is_empty() {
        return Err(Failure::error("a selector must be specified"));
    }
    if least.is_empty() == most.is_empty() {
        return Err(Failure::error(if least.is_empty() {
            "one of min-available or max-unavailable must be specified"
        } else {
            "min-available and max-unavailable cannot be both specified"
        }));
    }
    let labels: Map<String, Value> = selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_start_matches('=').into()))
        .collect();
    let (field, bound) = if least.is_empty() { ("maxUnavailable", most) } else { ("minAvailable", least) };
    let bound: Value = bound.parse::<i64>().map_or_else(|_| bound.into(), Value::from);
    budget["spec"] = json!({ field: bound, "selector": {"matchLabels": labels} });
    make(call, budget, "created").await
}

pub(crate) async fn class(call: &Call<'_>) -> Result<(), Failure> {
    let mut class = object("scheduling.k8s.io/v1", "PriorityClass", name(call)?);
    class["value"] = call.given.number("value").into();
    class["globalDefault"] = call.given.on("global-default").into();
    class["preemptionPolicy"] = call.given.text("preemption-policy").into();
    let description = call.given.text("description");
    if !description.is_empty() {
        class["description"] = description.into();
    }
    make(call, class, "created").await
}
