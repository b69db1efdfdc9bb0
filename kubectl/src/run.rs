//! `run` and `expose`: a pod from an image, and a service for what is there.

use crate::call::{Call, DryRun};
use crate::commands::{DRY_RUN, FILENAME, MANAGER, OUTPUT, RECURSIVE, SHOW_MANAGED, VALIDATE};
use crate::failure::Failure;
use crate::flags::{Flag, list, number, switch, text};
use crate::generate::make;
use crate::go::{items, quoted, text as text_at};
use crate::target::Naming;
use kubarium_core::manifest;
use serde_json::{Map, Value, json};

pub(crate) const RUN: &[Flag] = &[
    text("image", ' ', "the image of its container"),
    list("labels", 'l', "KEY=VALUE,..."),
    list("annotations", ' ', "KEY=VALUE"),
    list("env", ' ', "KEY=VALUE of its environment"),
    text("port", ' ', "the port it listens at"),
    text("restart", ' ', "Always, OnFailure or Never").or("Always"),
    switch("command", ' ', "what stands behind -- is the command, not its arguments"),
    switch("expose", ' ', "with a service for its port"),
    text("overrides", ' ', "JSON that is merged into the pod"),
    text("override-type", ' ', "not used here").or("merge"),
    text("image-pull-policy", ' ', "Always, IfNotPresent or Never"),
    switch("privileged", ' ', "as a privileged container"),
    switch("rm", ' ', "not used here"),
    switch("stdin", 'i', "not used here"),
    switch("tty", 't', "not used here"),
    switch("attach", ' ', "not used here"),
    switch("quiet", 'q', "not used here"),
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    MANAGER.or("kubectl-run"),
    SHOW_MANAGED,
    switch("save-config", ' ', "remember the object for apply"),
];

pub(crate) const EXPOSE: &[Flag] = &[
    number("port", ' ', "0", "the port of the service"),
    text("target-port", ' ', "the port of the pods"),
    text("protocol", ' ', "TCP, UDP or SCTP"),
    text("name", ' ', "the name of the service"),
    text("type", ' ', "ClusterIP, NodePort, LoadBalancer or ExternalName"),
    text("cluster-ip", ' ', "an address, or None"),
    text("external-ip", ' ', "an address from outside"),
    text("load-balancer-ip", ' ', "the address of a load balancer"),
    text("session-affinity", ' ', "None or ClientIP"),
    text("labels", ' ', "KEY=VALUE,... of the service"),
    text("selector", ' ', "KEY=VALUE,... of its pods"),
    FILENAME,
    RECURSIVE,
    OUTPUT,
    DRY_RUN,
    VALIDATE,
    MANAGER.or("kubectl-expose"),
    SHOW_MANAGED,
    switch("save-config", ' ', "remember the object for apply"),
];

fn pairs(words: &[&str]) -> Map<String, Value> {
    let pairs = words.iter().flat_map(|list| list.split(',')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Whether a text can be the name of an image.
fn is_image(image: &str) -> bool {
    let (name, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((image, "latest"));
    let good = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let path = name.rsplit('/').next().unwrap_or_default();
    name.chars().all(good) && tag.chars().all(good) && !path.is_empty() && !path.chars().any(|c| c.is_ascii_uppercase())
}

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let image = call.given.text("image");
    let (words, behind) = call.arguments().split_at(call.given.dash.unwrap_or(call.arguments().len()));
    if image.is_empty() {
        return Err(Call::required("image"));
    }
    let (name, rest) = words.split_first().ok_or_else(|| call.usage("NAME is required for run"))?;
    if !is_image(image) {
        return Err(Failure::error(format!("Invalid image name {}: invalid reference format", quoted(image))));
    }
    if call.given.on("rm") {
        return Err(call.usage("--rm should only be used for attached containers"));
    }
    if ["stdin", "tty", "attach"].iter().any(|flag| call.given.on(flag)) {
        return Err(Failure::error(
            "nothing can be attached to this console; look with kubectl logs, or use kubectl in a terminal",
        ));
    }
    let restart = call.given.text("restart");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(call.usage(format!("invalid restart policy: {restart}")));
    }
    let port = call.given.text("port");
    if call.given.on("expose") && port.is_empty() {
        return Err(call.usage("--port must be set when exposing a service"));
    }
    let mut container = json!({"name": name, "image": image, "resources": {}});
    let arguments: Vec<&String> = rest.iter().chain(behind).collect();
    if !arguments.is_empty() {
        container[if call.given.on("command") { "command" } else { "args" }] = json!(arguments);
    }
    let mut environment = Vec::new();
    for pair in call.given.list("env") {
        let (key, value) = pair.split_once('=').ok_or_else(|| Failure::error(format!("invalid env: {pair}")))?;
        environment.push(json!({"name": key, "value": value}));
    }
    if !environment.is_empty() {
        container["env"] = environment.into();
    }
    if !port.is_empty() {
        let number: u16 = port
            .parse()
            .map_err(|_| Failure::error(format!("strconv.ParseInt: parsing {}: invalid syntax", quoted(port))))?;
        container["ports"] = json!([{"containerPort": number}]);
    }
    let policy = call.given.text("image-pull-policy");
    if !policy.is_empty() {
        container["imagePullPolicy"] = policy.into();
    }
    if call.given.on("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    let given: Vec<&str> = call.given.list("labels").iter().map(String::as_str).collect();
    let labels = if given.is_empty() { pairs(&[&format!("run={name}")]) } else { pairs(&given) };
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
    });
    let notes: Vec<&str> = call.given.list("annotations").iter().map(String::as_str).collect();
    if !notes.is_empty() {
        pod["metadata"]["annotations"] = pairs(&notes).into();
    }
    let overrides = call.given.text("overrides");
    if !overrides.is_empty() {
        let read = manifest::parse(overrides).ok().and_then(|documents| documents.into_iter().next());
        let read = read.ok_or_else(|| Failure::error(format!("invalid overrides: {overrides}")))?;
        merge(&mut pod, read.value);
    }
    if call.dry_run()? == DryRun::Client {
        pod["status"] = json!({});
    }
    if call.given.on("expose") {
        let number: u16 = port.parse().unwrap_or_default();
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": pod["metadata"]["labels"], "ports": [{"port": number, "protocol": "TCP", "targetPort": number}]},
        });
        make(call, service, "created").await?;
    }
    make(call, pod, "created").await
}

/// Merges a document into another: null removes.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, from) => *into = from,
    }
}

pub(crate) async fn expose(call: &Call<'_>) -> Result<(), Failure> {
    for target in call.named(Naming::default()).await? {
        let object = call.get(&target.path(), &[], "application/json").await?;
        let (selector, labels, containers) = match target.resource.kind.as_str() {
            "Pod" => (&object["metadata"]["labels"], &object["metadata"]["labels"], &object["spec"]["containers"]),
            "Service" => (&object["spec"]["selector"], &object["metadata"]["labels"], &Value::Null),
            "ReplicationController" => (
                &object["spec"]["selector"],
                &object["metadata"]["labels"],
                &object["spec"]["template"]["spec"]["containers"],
            ),
            kind => return Err(Failure::error(format!("cannot expose a {kind}"))),
        };
        let selector = match call.given.text("selector") {
            "" => selector.clone(),
            given => pairs(&[given]).into(),
        };
        if selector.as_object().is_none_or(Map::is_empty) {
            let why = format!(
                "couldn't retrieve selectors via --selector flag or introspection: the {} has no labels and cannot be exposed",
                target.resource.kind.to_lowercase()
            );
            return Err(Failure::error(why));
        }
        let target_port = |port: &Value| match call.given.text("target-port") {
            "" => port.clone(),
            given => given.parse::<u16>().map_or_else(|_| given.into(), Value::from),
        };
        let protocol = |of: &str| match (call.given.text("protocol"), of) {
            ("", "") => "TCP".to_owned(),
            ("", of) => of.to_owned(),
            (given, _) => given.to_owned(),
        };
        let ports: Vec<Value> = if call.given.number("port") != 0 {
            let port = Value::from(call.given.number("port"));
            vec![json!({"port": port, "protocol": protocol(""), "targetPort": target_port(&port)})]
        } else {
            let of_containers = containers.as_array().into_iter().flatten().flat_map(|c| items(c, "/ports"));
            let of_service = items(&object, "/spec/ports").iter().map(|port| (&port["port"], port));
            let all: Vec<(&Value, &Value)> =
                of_containers.map(|port| (&port["containerPort"], port)).chain(of_service).collect();
            let named = all.len() > 1;
            let one = |(index, (number, port)): (usize, &(&Value, &Value))| {
                let mut made = json!({"port": number, "protocol": protocol(text_at(port, "/protocol")), "targetPort": target_port(number)});
                if named {
                    made["name"] = format!("port-{}", index + 1).into();
                }
                made
            };
            all.iter().enumerate().map(one).collect()
        };
        if ports.is_empty() {
            return Err(Failure::error("couldn't find port via --port flag or introspection"));
        }
        let name = match call.given.text("name") {
            "" => text_at(&object, "/metadata/name"),
            name => name,
        };
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": selector, "ports": ports},
        });
        let labels = match call.given.text("labels") {
            "" => labels.clone(),
            given => pairs(&[given]).into(),
        };
        if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
            service["metadata"]["labels"] = labels;
        }
        for (flag, field) in [
            ("type", "type"),
            ("cluster-ip", "clusterIP"),
            ("session-affinity", "sessionAffinity"),
            ("load-balancer-ip", "loadBalancerIP"),
        ] {
            if !call.given.text(flag).is_empty() {
                service["spec"][field] = call.given.text(flag).into();
            }
        }
        if !call.given.text("external-ip").is_empty() {
            service["spec"]["externalIPs"] = json!([call.given.text("external-ip")]);
        }
        if call.dry_run()? == DryRun::Client {
            service["status"] = json!({"loadBalancer": {}});
        }
        make(call, service, "exposed").await?;
    }
    Ok(())
}
