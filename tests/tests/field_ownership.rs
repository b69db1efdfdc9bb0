//! Who owns which field: each case is a conversation with the API, and who owns what after it.
//!
//! A line `WHO VERB PATH BODY => STATUS WORDS` is a request and its answer; without a body there is none, and the words
//! must be in the answer's message. `WHO HOW [SUBRESOURCE]: FIELDS` is an owner of the last object; the fields are written
//! without their marks, a `.` is the field around them. All owners are named, or, with `nobody owns it`, none.
//! `it is ...` is a part of the last object; `it has not changed` and `it has changed` are about its resource version.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::Object;
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Span, Time};
use serde_json::{Map, Value, json};

struct Conversation {
    cluster: Cluster,
    now: Time,
    object: Value,
    version: Value,
}

impl Conversation {
    fn new() -> Self {
        let now = Time(1_790_000_000_000_000);
        let cluster = Cluster::new(Config::default(), now);
        Self { cluster, now, object: Value::Null, version: Value::Null }
    }

    fn send(&mut self, request: Request) -> (u16, Value) {
        // Each write falls into a second of its own.
        self.now = self.now + Span::from_secs(1);
        let mut output = self.cluster.handle(self.now, Input::Request(request));
        let answer = output.answer.take();
        while output.wake.is_some_and(|wake| wake <= self.now) {
            output = self.cluster.handle(self.now, Input::Wake);
        }
        match answer {
            Some(Answer::Done(response)) => (response.status, serde_json::from_str(&response.body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, line: &str, said: &str, expected: &str) {
        let mut words = said.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (who, verb, path, body) = (word(), word(), word(), word());
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (method, content) = match verb {
            "gets" => (Method::Get, ""),
            "posts" => (Method::Post, "application/json"),
            "puts" => (Method::Put, "application/json"),
            "patches" if body.starts_with('[') => (Method::Patch, "application/json-patch+json"),
            "patches" => (Method::Patch, "application/merge-patch+json"),
            "applies" | "forces" => (Method::Patch, "application/apply-patch+yaml"),
            other => panic!("{other} in {line}"),
        };
        let mut request = Request::new(method, format!("/api/v1/namespaces/default/{path}"));
        content.clone_into(&mut request.content_type);
        request.user_agent = format!("{who}/1.0");
        query.clone_into(&mut request.query);
        if content.contains("apply") {
            request.query = format!("{query}&fieldManager={who}&force={}", verb == "forces");
        }
        body.clone_into(&mut request.body);
        if (method == Method::Put || content.contains("apply")) && body.starts_with('{') {
            let mut parts = path.split('/');
            let (plural, name) = (parts.next().unwrap(), parts.next().unwrap());
            let (version, kind) = match (plural, parts.next()) {
                (_, Some("scale")) => ("autoscaling/v1", "Scale"),
                ("configmaps", _) => ("v1", "ConfigMap"),
                ("pods", _) => ("v1", "Pod"),
                ("services", _) => ("v1", "Service"),
                _ => ("v1", "ReplicationController"),
            };
            let mut document = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
            let said: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{line}: {e}"));
            for (key, value) in said.as_object().unwrap() {
                match (key.as_str(), document.get_mut(key), value) {
                    ("metadata", Some(Value::Object(metadata)), Value::Object(more)) => metadata.extend(more.clone()),
                    _ => document[key] = value.clone(),
                }
            }
            request.body = document.to_string();
        }
        let (status, answer) = self.send(request);
        let (code, message) = expected.split_once(' ').unwrap_or((expected, ""));
        assert_eq!(status.to_string(), code, "{line}: {answer}");
        let got = answer["message"].as_str().unwrap_or_default();
        assert!(got.contains(&message.replace("\\n", "\n")), "{line}: {got}");
        if status < 300 && answer["kind"] != "Scale" && !query.contains("dryRun") {
            self.version = self.object["metadata"]["resourceVersion"].take();
            self.object = answer;
        }
    }

    fn owners(&self) -> Vec<String> {
        let entries = self.object["metadata"]["managedFields"].as_array();
        let mut owners: Vec<String> = entries
            .into_iter()
            .flatten()
            .map(|entry| {
                let text = |key: &str| entry[key].as_str().unwrap_or_default();
                let part =
                    if text("subresource").is_empty() { String::new() } else { format!(" {}", text("subresource")) };
                let fields = shown(entry["fieldsV1"].as_object().unwrap());
                format!("{} {}{part}: {fields}", text("manager"), text("operation"))
            })
            .collect();
        owners.sort();
        owners
    }
}

/// A set of fields without its marks: `data(., k)`.
fn shown(fields: &Map<String, Value>) -> String {
    let fields = fields.iter().map(|(key, below)| {
        let name = match key.split_once(':') {
            Some(("f", name)) => name.to_owned(),
            Some(("k", keys)) => format!("[{}]", keys.trim_matches(['{', '}']).replace('"', "").replace(':', "=")),
            Some((_, value)) => value.to_owned(),
            None => key.clone(),
        };
        match below.as_object().filter(|below| !below.is_empty()) {
            Some(below) => format!("{name}({})", shown(below)),
            None => name,
        }
    });
    fields.collect::<Vec<_>>().join(", ")
}

fn check(rule: &str, script: &str) {
    let mut conversation = Conversation::new();
    let mut owners = Vec::new();
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    for line in lines.chain(["end".to_owned()]) {
        let owner = line
            .split_once(": ")
            .filter(|(who, _)| !line.contains(" => ") && (who.contains(" Apply") || who.contains(" Update")));
        if owner.is_some() {
            owners.push(line);
            continue;
        }
        if !owners.is_empty() {
            owners.sort();
            assert_eq!(conversation.owners(), owners, "{rule}, before: {line}");
            owners.clear();
        }
        if let Some((said, expected)) = line.split_once(" => ") {
            conversation.ask(&line, said, expected);
        } else if line == "nobody owns it" {
            assert_eq!(conversation.object["metadata"].get("managedFields"), None, "{rule}");
        } else if let Some(part) = line.strip_prefix("it is ") {
            let part: Value = serde_json::from_str(part).unwrap();
            for (field, expected) in part.as_object().unwrap() {
                assert_eq!(&conversation.object[field], expected, "{rule}: {line}");
            }
        } else if let Some(not) = line.strip_prefix("it has ") {
            let same = conversation.object["metadata"]["resourceVersion"] == conversation.version;
            assert_eq!(same, not == "not changed", "{rule}: {line}");
        } else {
            assert_eq!(line, "end", "{rule}");
        }
    }
}

#[test]
fn who_applies_a_field_owns_it_until_somebody_takes_it_by_force() {
    check(
        "conflict",
        r#"
        ann applies configmaps/c {"data": {"a": "1", "b": "1"}} => 201
        ann Apply: data(a, b)
        bob applies configmaps/c {"data": {"a": "2"}} => 409 Apply failed with 1 conflict: conflict with "ann": .data.a
        bob applies configmaps/c {"data": {"a": "2", "b": "2"}} => 409 Apply failed with 2 conflicts: conflicts with "ann":\n- .data.a\n- .data.b
        bob forces configmaps/c {"data": {"a": "2"}} => 200
        it is {"data": {"a": "2", "b": "1"}}
        ann Apply: data(b)
        bob Apply: data(a)
    "#,
    );
    check(
        "what is equal is no conflict, and has two owners",
        r#"
        ann applies configmaps/c {"data": {"a": "1"}} => 201
        bob applies configmaps/c {"data": {"a": "1"}} => 200
        ann Apply: data(a)
        bob Apply: data(a)
    "#,
    );
}

#[test]
fn what_is_no_longer_applied_goes_unless_somebody_else_owns_it() {
    check(
        "given up by all",
        r#"
        ann applies configmaps/c {"data": {"a": "1", "b": "1"}} => 201
        bob applies configmaps/c {"data": {"b": "1"}} => 200
        ann applies configmaps/c {} => 200
        it is {"data": {"b": "1"}}
        bob Apply: data(b)
        bob applies configmaps/c {} => 200
        it is {"data": null}
        nobody owns it
    "#,
    );
    check(
        "what was never applied stays",
        r#"
        ann posts configmaps {"metadata": {"name": "c"}, "data": {"a": "1", "b": "1"}} => 201
        ann Update: data(., a, b)
        bob applies configmaps/c {"data": {"c": "1"}} => 200
        bob applies configmaps/c {} => 200
        it is {"data": {"a": "1", "b": "1"}}
    "#,
    );
}

#[test]
fn an_update_owns_what_it_changes_and_nothing_else() {
    check(
        "updates",
        r#"
        ann posts configmaps {"metadata": {"name": "c", "labels": {"l": "1"}}, "data": {"a": "1"}} => 201
        ann Update: data(., a), metadata(labels(., l))
        bob patches configmaps/c {"data": {"b": "1"}} => 200
        ann Update: data(., a), metadata(labels(., l))
        bob Update: data(b)
        bob patches configmaps/c {"data": {"a": null}, "metadata": {"labels": {"l": "2"}}} => 200
        ann Update: data, metadata(labels)
        bob Update: data(b), metadata(labels(l))
        bob applies configmaps/c {"data": {"b": "1"}} => 200
        eve applies configmaps/c {"data": {"b": "2"}} => 409 Apply failed with 2 conflicts: conflicts with "bob":\n- .data.b\nconflicts with "bob" using v1:\n- .data.b
    "#,
    );
    check(
        "the same again is no change",
        r#"
        ann applies configmaps/c {"data": {"a": "1"}} => 201
        ann applies configmaps/c {"data": {"a": "1"}} => 200
        it has not changed
        bob puts configmaps/c {"data": {"a": "1"}} => 200
        it has not changed
        ann Apply: data(a)
        bob applies configmaps/c {"data": {"a": "1"}} => 200
        it has changed
    "#,
    );
}

#[test]
fn an_object_and_its_status_are_written_apart() {
    let pod = r#"{"spec": {"schedulerName": "none", "containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Failed"}}"#;
    check(
        "status",
        &format!(
            r#"
        ann applies pods/p {pod} => 201
        ann Apply: spec(containers([name=c](., image, name)), schedulerName)
        bob applies pods/p/status {{"status": {{"phase": "Running"}}, "spec": {{"containers": [{{"name": "c", "image": "j"}}]}}}} => 200
        ann Apply: spec(containers([name=c](., image, name)), schedulerName)
        bob Apply status: status(phase)
        eve patches pods/p/status {{"status": {{"conditions": [{{"type": "Ready", "status": "True"}}]}}}} => 200
        ann Apply: spec(containers([name=c](., image, name)), schedulerName)
        bob Apply status: status(phase)
        eve Update status: status(conditions(., [type=Ready](., lastProbeTime, lastTransitionTime, status, type)))
    "#
        ),
    );
}

#[test]
fn items_of_lists_have_owners_where_their_keys_tell_them_apart() {
    check(
        "ports",
        r#"
        ann applies services/s {"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}} => 201
        ann Apply: spec(ports([port=80,protocol=TCP](., port)), selector)
        bob applies services/s {"spec": {"ports": [{"port": 80, "protocol": "UDP", "name": "u"}]}} => 422 spec.ports[0].name
        bob applies services/s {"spec": {"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}} => 500 .spec.ports: duplicate entries for key [port=80,protocol="TCP"]
        bob applies services/s {"spec": {"selector": {"a": "c"}}} => 409 .spec.selector
        bob applies services/s {"spec": {"selector": {"c": "d"}}} => 409 .spec.selector
    "#,
    );
    check(
        "values",
        r#"
        ann applies configmaps/c {"metadata": {"finalizers": ["x.io/a"]}} => 201
        bob applies configmaps/c {"metadata": {"finalizers": ["x.io/b"]}} => 200
        ann Apply: metadata(finalizers("x.io/a"))
        bob Apply: metadata(finalizers("x.io/b"))
        ann applies configmaps/c {} => 200
        bob Apply: metadata(finalizers("x.io/b"))
    "#,
    );
}

#[test]
fn who_clears_the_owners_ends_the_tracking_until_something_is_applied() {
    for reset in [
        r#"{"metadata": {"managedFields": []}}"#,
        r#"[{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]"#,
    ] {
        check(
            "reset",
            &format!(
                r#"
            ann posts configmaps {{"metadata": {{"name": "c"}}, "data": {{"a": "1"}}}} => 201
            ann patches configmaps/c {reset} => 200
            nobody owns it
            bob patches configmaps/c {{"data": {{"b": "1"}}}} => 200
            nobody owns it
            eve applies configmaps/c {{"data": {{"c": "1"}}}} => 200
            before-first-apply Update: data(., a, b)
            eve Apply: data(c)
        "#
            ),
        );
    }
    check(
        "owners that cannot be are not taken over",
        r#"
        ann posts configmaps {"metadata": {"name": "c", "managedFields": [{"manager": "x", "operation": "Steal"}]}, "data": {"a": "1"}} => 201
        ann Update: data(., a)
        bob patches configmaps/c {"metadata": {"managedFields": [{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}]}} => 200
        x Update: data(a)
    "#,
    );
}

#[test]
fn the_oldest_of_too_many_updates_become_one() {
    let mut lines = vec![r#"w0 posts configmaps {"metadata": {"name": "c"}, "data": {"k0": "1"}} => 201"#.to_owned()];
    lines.extend((1..12).map(|n| format!("w{n} patches configmaps/c {{\"data\": {{\"k{n}\": \"1\"}}}} => 200")));
    lines.push("ancient-changes Update: data(., k0, k1, k2)".to_owned());
    lines.extend((3..12).map(|n| format!("w{n} Update: data(k{n})")));
    check("cap", &lines.join("\n"));
}

#[test]
fn kubectl_takes_over_what_it_applied_before_the_server_did() {
    let note = r#"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}"#;
    let note = format!(r#""annotations": {{"kubectl.kubernetes.io/last-applied-configuration": "{note}"}}"#);
    check(
        "last applied",
        &format!(
            r#"
        old posts configmaps {{"metadata": {{"name": "c", {note}}}, "data": {{"a": "1"}}}} => 201
        bob applies configmaps/c {{"data": {{"a": "2"}}}} => 409 .data.a
        kubectl applies configmaps/c {{"data": {{"a": "2"}}}} => 200
        it is {{"data": {{"a": "2"}}}}
        kubectl applies configmaps/c {{"data": {{"a": "3"}}}} => 200
        bob forces configmaps/c {{"data": {{"a": "4"}}}} => 200
        kubectl applies configmaps/c {{"data": {{"a": "5"}}}} => 409 conflict with "bob": .data.a
    "#
        ),
    );
}

#[test]
fn who_scales_owns_the_number_of_replicas() {
    let spec = r#"{"spec": {"replicas": 0, "selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}}"#;
    let spec = spec.replace('\n', "");
    let rest = "spec(selector, template(metadata(labels(a)), spec(containers([name=c](., image, name)))))";
    check(
        "scale",
        &format!(
            r#"
        ann applies replicationcontrollers/r {spec} => 201
        bob applies replicationcontrollers/r/scale {{"spec": {{"replicas": 1}}}} => 409 conflict with "ann": .spec.replicas
        bob forces replicationcontrollers/r/scale {{"spec": {{"replicas": 1}}}} => 200
        eve gets replicationcontrollers/r => 200
        ann Apply: {rest}
        bob Apply scale: spec(replicas)
        kube-controller-manager Update status: status(fullyLabeledReplicas, observedGeneration, replicas)
        eve puts replicationcontrollers/r/scale {{"spec": {{"replicas": 2}}}} => 200
        eve gets replicationcontrollers/r => 200
        ann Apply: {rest}
        eve Update scale: spec(replicas)
        kube-controller-manager Update status: status(fullyLabeledReplicas, observedGeneration, replicas)
    "#
        ),
    );
}

#[test]
fn what_cannot_be_applied_is_refused_in_upstreams_words() {
    check(
        "refusals",
        r#"
        ann applies configmaps/c {"metadata": {"managedFields": []}} => 400 metadata.managedFields must be nil
        ann applies configmaps/c {"metadata": {"name": "d"}} => 400 the name of the object (d) does not match the name on the URL (c)
        ann applies configmaps/c {"metadata": {"uid": "x"}} => 409 uid mismatch: the provided object specified uid x, and no existing object was found
        ann applies configmaps/c {"kind": "Secret"} => 400 invalid object type: /v1, Kind=Secret
        ann applies configmaps/c {"apiVersion": "apps/v1"} => 400 invalid object type: apps/v1, Kind=ConfigMap
        ann applies configmaps/c {"colour": 1} => 500 failed to create typed patch object (/c; /v1, Kind=ConfigMap): .colour: field not declared in schema
        ann applies configmaps/c {"data": {"a": 1}} => 500 .data.a: expected string, got &value.valueUnstructured{Value:1}
        ann applies configmaps/c {"immutable": "yes", "data": []} => 500 errors:\n  .data: expected map, got &{[]}\n  .immutable: expected boolean, got &{yes}
        ann applies pods/p {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": "x"}]}]}} => 500 .spec.containers[name="c"].ports[containerPort="x",protocol="TCP"].containerPort: expected numeric (int or float), got string
        ann applies configmaps/c - => 400 cannot unmarshal array into Go value of type map[string]interface {}
        ann applies configmaps/c {"data": {"a": "1"}} => 201
        ann applies configmaps/c {"metadata": {"resourceVersion": "1"}} => 409 the object has been modified
        ann applies configmaps/c?dryRun=All {"data": {"a": "2"}} => 200
        ann gets configmaps/c => 200
        it is {"data": {"a": "1"}}
    "#,
    );
}

#[test]
fn replicas_are_their_controllers_and_share_who_owns_them() {
    let mut conversation = Conversation::new();
    let spec = r#"{"metadata": {"name": "r"}, "spec": {"replicas": 3, "selector": {"a": "b"}, "template": {"metadata":
        {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}"#;
    conversation.ask("", &format!("ann posts replicationcontrollers {}", spec.replace('\n', "")), "201");
    let pods: Vec<_> = conversation.cluster.store().list(kubarium_core::api::Kind::Pod, None).cloned().collect();
    let shared: Vec<_> = pods.iter().map(|pod| pod.meta.managed.as_ref().unwrap()).collect();
    assert!(shared.len() == 3 && shared.iter().all(|managed| std::sync::Arc::ptr_eq(managed, shared[0])));
    conversation.ask("", &format!("ann gets pods/{}", pods[0].meta.name), "200");
    let container =
        "[name=c](., image, imagePullPolicy, name, resources, terminationMessagePath, terminationMessagePolicy)";
    let condition =
        "[type=PodScheduled](., lastProbeTime, lastTransitionTime, message, observedGeneration, reason, status, type)";
    let uid = conversation.object["metadata"]["ownerReferences"][0]["uid"].as_str().unwrap();
    assert_eq!(
        conversation.owners(),
        [
            format!(
                "kube-controller-manager Update: metadata(generateName, labels(., a), ownerReferences(., [uid={uid}])), \
                 spec(containers({container}), dnsPolicy, enableServiceLinks, restartPolicy, schedulerName, \
                 securityContext, terminationGracePeriodSeconds)"
            ),
            // It cannot be placed, and the scheduler says so.
            format!("kube-scheduler Update status: status(conditions(., {condition}))"),
        ]
    );
}

#[test]
fn owners_survive_being_stored() {
    let mut conversation = Conversation::new();
    conversation.ask("", r#"ann applies configmaps/a {"data": {"a": "1"}}"#, "201");
    conversation.ask("", r#"bob posts configmaps {"metadata": {"name": "b"}}"#, "201");
    conversation.ask(
        "",
        r#"bob patches configmaps/b {"data": {"a": "1"}, "metadata": {"managedFields": [{}]}}"#,
        "200",
    );
    for object in conversation.cluster.store().list(kubarium_core::api::Kind::ConfigMap, None) {
        let again = Object::from_value(object.kind(), &object.to_value()).unwrap();
        assert_eq!(again, **object);
    }
}
