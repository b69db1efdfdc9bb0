//! Texts nobody would write: valid ones with pieces cut out, doubled, swapped and spoilt. Whatever comes, a parser
//! answers; what it accepts it can write and read again; what it refuses it refuses in one line with a place.
//!
//! Seeded: the same inputs each time. `KUBARIUM_FUZZ_SECONDS=60 cargo test --release --test parser_fuzz -- --nocapture`
//! gives each parser so long, with other seeds, and prints how many inputs it took.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Quantity, Selector};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::manifest;
use kubarium_core::sim::{Action, Scenario, World, format_span, parse_span, shipped};
use kubarium_core::{Cluster, Config, Input, Rng, Span, Time};
use kubarium_tests::server::Directory;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const START: Time = Time(1_790_000_000_000_000);

/// How many inputs a parser gets in the usual test run.
const INPUTS: u64 = 2_000;

/// Pieces that mean something to one of the parsers.
const PIECES: [&str; 64] = [
    "\n",
    "\n---\n",
    "\n...\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">-\n",
    "#",
    "\t",
    "\0",
    "\u{feff}",
    "\u{2028}",
    "é",
    "\u{1F41F}",
    "%",
    "%zz",
    "%00",
    "null",
    "~",
    "yes",
    "0o17",
    "0x1f",
    "1e999",
    "-1",
    "9223372036854775808",
    "1.5",
    ".5Gi",
    "Ki",
    "e-3",
    "in (",
    "notin (",
    ")",
    "!",
    "==",
    "!=",
    "=",
    "/",
    "..",
    "//",
    "?",
    "&",
    "true",
    "metadata",
    "spec",
    "$patch",
    "replace",
    "containers",
    "resourceVersion",
    "watch",
    "a,b",
    "\\",
    "\\u0000",
    "\u{202e}",
];

/// Spoils a text.
fn spoil(rng: &mut Rng, seeds: &[String]) -> String {
    let pick = |rng: &mut Rng, n: usize| rng.below(n.max(1) as u64) as usize;
    let mut bytes = seeds[pick(rng, seeds.len())].clone().into_bytes();
    for _ in 0..=pick(rng, 4) {
        let at = pick(rng, bytes.len() + 1);
        let longest = if rng.chance(1, 8) { 200 } else { 12 };
        let length = 1 + pick(rng, longest);
        let end = (at + length).min(bytes.len());
        match pick(rng, 8) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 | 3 => drop(bytes.splice(at..at, PIECES[pick(rng, PIECES.len())].bytes())),
            4 => drop(bytes.splice(at..end, PIECES[pick(rng, PIECES.len())].bytes())),
            5 => {
                let copy = bytes[at..end].to_vec();
                let times = if rng.chance(1, 20) { 300 } else { 1 + pick(rng, 3) };
                bytes.splice(at..at, copy.repeat(times));
            }
            6 => {
                let other = seeds[pick(rng, seeds.len())].as_bytes();
                let from = pick(rng, other.len());
                let piece = other[from..(from + length * 8).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << pick(rng, 8);
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Gives a parser its inputs. It returns whether it accepted one; both must occur, or nothing was tried.
fn fuzz(parser: &str, seeds: &[String], mut take: impl FnMut(&str) -> bool) {
    let begun = Instant::now();
    let limit = std::env::var("KUBARIUM_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).map(Duration::from_secs);
    let (mut inputs, mut accepted) = (0, 0);
    for number in 0.. {
        if limit.map_or(inputs >= INPUTS, |limit| begun.elapsed() >= limit) {
            break;
        }
        let mut rng = Rng::new(number, parser);
        let text = if number == 0 { seeds[0].clone() } else { spoil(&mut rng, seeds) };
        let took = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take(&text)));
        let Ok(took) = took else { panic!("{parser}, input {number}: {text:?}") };
        inputs += 1;
        accepted += u64::from(took);
    }
    println!("{parser}: {inputs} inputs, {accepted} accepted");
    assert!(accepted > 0 && accepted < inputs, "{parser}: {accepted} of {inputs} were accepted");
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn manifests() -> Vec<String> {
    let mut all: Vec<String> = shipped().iter().map(|s| s.text.to_owned()).collect();
    all.extend(texts(&[
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {app: web, 'x/y': \"1\"}\nspec:\n  containers:\n  - name: c\n    image: >-\n      nginx\n    args: [a, 'b', \"\\n\"]\n",
        "base: &b {a: 1, b: [x, y]}\nuse: *b\nmore: &l\n- *b\n- yes\n- 0644\n- 1e3\n- ~\n- |\n  text\n  more\n",
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"kind\": \"Pod\", \"a\": [1, 2.5, null, true]}]}",
        "? a\n: b\n? [c]\n: d\n--- !!map\n<<: {a: 1}\n...\n---\n",
    ]));
    all
}

/// Whether two documents say the same. The last digit of a number with a fraction does not count.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= b.abs() * 1e-15
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (one, other) => one == other,
    }
}

/// Documents that say much alike, in texts that are spoilt here and there.
#[test]
fn what_was_read_before_says_the_same_again() {
    let pod = |n: u32| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-{n}\n\nspec:\n  containers:\n  - name: c # first\n    \
             image: nginx\n    args:\n    - |\n      a\n\n      b\n  restartPolicy: Always\n# the end\n"
        )
    };
    let pods: Vec<String> = (0..4).map(pod).collect();
    let read = |text: &str| manifest::similar(text).collect::<Result<Vec<_>, _>>();
    // Each of them alone is not too much.
    let named = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(1_000), "*a, ".repeat(60));
    assert_eq!(read(&named), manifest::parse(&named));
    assert!(read(&named).is_ok() && read(&format!("{named}---\n{named}")).is_err());

    let mut seeds = vec![pods.join("---\n")];
    seeds.push(format!("---\n{}---\n---\n# nothing\n---\nitems:\n- a\n- b\nkind: List\napiVersion: v1\n", seeds[0]));
    seeds.push(pods.join("spec: again\n---\n"));
    seeds.extend(manifests());
    fuzz("similar manifests", &seeds, |text| {
        for text in [text.to_owned(), format!("{}---\n{text}\n---\n{text}", pods[0])] {
            assert_eq!(read(&text), manifest::parse(&text), "{text:?}");
        }
        manifest::parse(text).is_ok()
    });
}

#[test]
fn manifests_of_any_shape() {
    fuzz("manifest", &manifests(), |text| match manifest::parse(text) {
        Ok(documents) => {
            for document in &documents {
                assert!(document.line >= 1);
                let printed = manifest::print(&document.value);
                let again = manifest::parse(&printed).unwrap_or_else(|e| panic!("{e}: {printed:?}"));
                let values: Vec<&Value> = again.iter().map(|d| &d.value).collect();
                let same = values.len() == 1 && alike(values[0], &document.value);
                let is_list = document.value["kind"] == "List";
                assert!(is_list || document.value.is_null() || same, "{printed:?}");
                let place = manifest::locate(text, document.index, "spec.containers[0].image");
                assert!(place.is_none_or(|p| p.line >= 1 && p.column >= 1));
            }
            !documents.is_empty()
        }
        Err(error) => {
            let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() as u32;
            assert!(error.place.line >= 1 && error.place.line <= lines + 1, "{error} of {lines} lines");
            assert!(!error.message.is_empty());
            false
        }
    });
}

#[test]
fn scenarios_of_any_shape() {
    let seeds: Vec<String> = shipped().iter().map(|s| s.text.to_owned()).collect();
    fuzz("scenario", &seeds, |text| match Scenario::parse(text) {
        Ok(scenario) => {
            let again = Scenario::from_value(&scenario.to_value()).expect("what was read can be written and read");
            assert_eq!(again.to_value(), scenario.to_value());
            let nodes: u32 = scenario.nodes.iter().map(|pool| pool.count).sum();
            if nodes <= 16 {
                let mut world = World::new(&scenario);
                world.advance(world.now() + Span::from_secs(30), 60);
            }
            true
        }
        Err(error) => {
            assert!(error.place.line >= 1 && !error.message.is_empty());
            false
        }
    });
}

#[test]
fn actions_and_durations_of_any_shape() {
    let actions = texts(&[
        "failNode node-1",
        "delete pod/web-1",
        "scale rc/web 5",
        "label pod/web#0 app=web x-",
        "cordon n",
        "partitionNode n",
        "addNodes node x 3",
        "crash pod/app=web#1 c",
        "90s",
        "1h30m",
        "500ms",
        "2.5s",
    ]);
    fuzz("action", &actions, |text| {
        let span = parse_span(text);
        if let Some(span) = span {
            assert!(format_span(span).len() < 40);
        }
        match text.parse::<Action>() {
            Ok(action) => {
                let again = action.to_string().parse::<Action>();
                assert!(again.is_ok(), "{action} of {text:?}");
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                span.is_some()
            }
        }
    });
}

#[test]
fn quantities_of_any_shape() {
    let seeds =
        texts(&["1", "500m", "1.5Gi", "100e6", "12E", "-3k", "0.000000001", "+5Mi", "1e-3", "9223372036854775807"]);
    fuzz("quantity", &seeds, |text| {
        let Ok(quantity) = Quantity::parse(text) else { return false };
        let written = quantity.to_string();
        let again = Quantity::parse(&written).unwrap_or_else(|e| panic!("{written}: {e}"));
        assert_eq!(again.to_string(), written, "{text}");
        assert_eq!((again.value(), again.milli()), (quantity.value(), quantity.milli()), "{text} is {written}");
        assert_eq!(quantity.compare(again), std::cmp::Ordering::Equal, "{text} is {written}");
        true
    });
}

#[test]
fn label_selectors_of_any_shape() {
    let seeds = texts(&[
        "a=b",
        "a==b,c!=d",
        "a in (b,c),d notin (e)",
        "a,!b",
        "x.y/z in ()",
        "a=",
        "a > 5",
        "k8s.io/a=b,c in (d , e)",
        "",
    ]);
    let labels: BTreeMap<String, String> =
        [("a", "b"), ("c", "d"), ("x.y/z", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    fuzz("label selector", &seeds, |text| match Selector::parse(text) {
        Ok(selector) => {
            let matches = selector.matches(&labels);
            let again = Selector::parse(text).unwrap();
            assert_eq!(again.matches(&labels), matches);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(Config::default(), START);
    cluster.handle(START, Input::Wake);
    for (path, body) in [
        (
            "namespaces/default/pods",
            r#"{"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}"#,
        ),
        ("nodes", r#"{"metadata": {"name": "n"}}"#),
        (
            "namespaces/default/services",
            r#"{"metadata": {"name": "web"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}"#,
        ),
    ] {
        let mut request = Request::new(Method::Post, format!("/api/v1/{path}"));
        body.clone_into(&mut request.body);
        let Some(Answer::Done(response)) = cluster.handle(START, Input::Request(request)).answer else {
            panic!("{path}")
        };
        assert_eq!(response.status, 201, "{}", response.body);
    }
    cluster
}

fn objects(cluster: &Cluster) -> Vec<String> {
    let all = Kind::ALL.into_iter().flat_map(|kind| cluster.store().list(kind, None));
    all.map(|object| object.to_value().to_string()).collect()
}

const NO_PAGE: &str = "404 page not found\n";

/// Asks a fresh fork of a cluster; returns whether it did what it was asked.
fn ask(cluster: &Cluster, before: &[String], request: &Request) -> bool {
    let mut fork = cluster.clone();
    match fork.handle(START + Span::from_secs(1), Input::Request(request.clone())).answer {
        Some(Answer::Done(response)) => {
            let json = serde_json::from_str::<Value>(&response.body);
            if response.status == 404 && response.body == NO_PAGE {
                // What is no path of the API at all is answered in plain words, as upstream does.
                assert_eq!(objects(&fork), before, "not there, but something changed: {request:?}");
                return false;
            }
            if response.status >= 400 {
                let status = json.expect("a refusal is JSON");
                assert_eq!(
                    (&status["kind"], &status["code"]),
                    (&"Status".into(), &response.status.into()),
                    "{request:?}"
                );
                assert_eq!(objects(&fork), before, "refused, but something changed: {request:?}");
            }
            response.status < 400
        }
        Some(Answer::Watch(query)) => {
            let batch = fork.watch(&query, None);
            assert!(batch.is_ok_and(|b| b.next <= fork.store().revision()));
            true
        }
        Some(Answer::Logs(_) | Answer::Exec(_) | Answer::PortForward(_) | Answer::Proxy(_) | Answer::Usage(_)) => true,
        None => panic!("no answer to {request:?}"),
    }
}

#[test]
fn bodies_of_any_shape() {
    let cluster = cluster();
    let before = objects(&cluster);
    let json = texts(&[
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"q","annotations":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"500m","memory":"1Gi"}},"env":[{"name":"A","value":"1"}],"livenessProbe":{"httpGet":{"path":"/","port":"http"}}}],"tolerations":[{"operator":"Exists"}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]}}"#,
        r#"{"kind":"Pod","metadata":{"generateName":"g-","ownerReferences":[]},"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]}]}}},"containers":[{"name":"c","image":"i"}]}}"#,
    ]);
    let send = |content: &'static str| {
        let (cluster, before) = (&cluster, &before);
        move |text: &str| {
            let mut request = Request::new(Method::Post, "/api/v1/namespaces/default/pods");
            content.clone_into(&mut request.content_type);
            text.clone_into(&mut request.body);
            ask(cluster, before, &request)
        }
    };
    fuzz("JSON body", &json, send("application/json"));
    let yaml: Vec<String> = json.iter().map(|text| manifest::print(&serde_json::from_str(text).unwrap())).collect();
    fuzz("YAML body", &yaml, send("application/yaml"));
}

#[test]
fn patches_of_any_shape() {
    let cluster = cluster();
    let before = objects(&cluster);
    for (name, content, seeds) in [
        (
            "JSON patch",
            "application/json-patch+json",
            [
                r#"[{"op":"replace","path":"/metadata/labels/a","value":"c"},{"op":"add","path":"/metadata/labels/x~1y","value":"1"}]"#,
                r#"[{"op":"test","path":"/metadata/name","value":"p"},{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/b"},{"op":"remove","path":"/metadata/labels/a"},{"op":"move","from":"/metadata/labels/b","path":"/metadata/labels/c"}]"#,
            ],
        ),
        (
            "merge patch",
            "application/merge-patch+json",
            [
                r#"{"metadata":{"labels":{"a":null,"b":"c"},"annotations":{"x":"y"}}}"#,
                r#"{"spec":{"containers":[{"name":"c","image":"other"}],"activeDeadlineSeconds":5}}"#,
            ],
        ),
        (
            "strategic patch",
            "application/strategic-merge-patch+json",
            [
                r#"{"metadata":{"labels":{"$patch":"replace","z":"1"},"$deleteFromPrimitiveList/finalizers":["a"]},"spec":{"$setElementOrder/containers":[{"name":"c"}],"containers":[{"name":"c","image":"j","$retainKeys":["name","image"]}]}}"#,
                r#"{"spec":{"containers":[{"$patch":"delete","name":"d"},{"name":"c","image":"k","ports":[{"containerPort":80,"$patch":"delete"}]}],"tolerations":null}}"#,
            ],
        ),
    ] {
        fuzz(name, &texts(&seeds), |text| {
            let mut request = Request::new(Method::Patch, "/api/v1/namespaces/default/pods/p");
            content.clone_into(&mut request.content_type);
            text.clone_into(&mut request.body);
            ask(&cluster, &before, &request)
        });
    }
}

#[test]
fn paths_queries_selectors_and_watches_of_any_shape() {
    let cluster = cluster();
    let before = objects(&cluster);
    let get = |path: &str, query: &str| {
        let mut request = Request::new(Method::Get, path);
        query.clone_into(&mut request.query);
        ask(&cluster, &before, &request)
    };
    let paths = texts(&[
        "/api/v1/namespaces/default/pods/p",
        "/api/v1/namespaces/default/pods/p/status",
        "/apis/apps/v1",
        "/api/v1/nodes/n",
        "/api/v1/namespaces/default/services/http:web:80/proxy/x?y",
        "/api/v1/watch/namespaces/default/pods",
        "/version",
        "/api/v1/proxy/namespaces/default/pods/p:80/",
        "/openapi/v2",
        "/api/v1/namespaces/default/pods/p/log",
        "/apis/kubarium.io/v1/namespaces/default/pods/p/explanation",
    ]);
    fuzz("path", &paths, |text| get(text, ""));
    let queries = texts(&[
        "limit=5&continue=eyJ2IjoxfQ&resourceVersion=1&resourceVersionMatch=Exact",
        "labelSelector=a%3Db%2Cc%20in%20(d)",
        "pretty=true&fieldSelector=metadata.name%3Dp,status.phase!%3DRunning",
        "limit=1&timeoutSeconds=5",
    ]);
    fuzz("query", &queries, |text| get("/api/v1/namespaces/default/pods", text));
    let fields = texts(&["metadata.name=p", "spec.nodeName==n,status.phase!=Failed", "metadata.namespace=default", ""]);
    fuzz("field selector", &fields, |text| {
        let escaped = text.bytes().fold("fieldSelector=".to_owned(), |all, b| all + &format!("%{b:02X}"));
        get("/api/v1/namespaces/default/pods", &escaped)
    });
    let watches = texts(&[
        "watch=true&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=10",
        "watch=1&fieldSelector=metadata.name%3Dp",
        "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        "watch=0&resourceVersion=0",
    ]);
    fuzz("watch", &watches, |text| get("/api/v1/namespaces/default/pods", text));
}

#[test]
fn configuration_files_and_endpoints_of_any_shape() {
    let data = Directory::new().unwrap();
    let path = data.join("config.yaml");
    let seeds = texts(&[
        "listen: 127.0.0.1:8080\ndataDir: /tmp/x\ndocker:\n- {name: a, endpoint: 'unix:///a.sock'}\n- name: b\n  endpoint: tcp://10.0.0.2:2375?publish=10.0.0.2\n",
        "allowedHosts: [a.example]\nallowPrivileged: true\nallowHost: false\nlogFormat: json\nlogLevel: info\nnodePorts: 30000-32767\nserviceNetwork: 10.96.0.0/12\nheartbeatSeconds: 5\nnodeGraceSeconds: 50\ntolerationSeconds: 300\nseed: 7\n",
    ]);
    fuzz("configuration", &seeds, |text| {
        std::fs::write(&path, text).unwrap();
        // A service network that is wrong ends every run before anything is opened; it is looked at last.
        let arguments = ["kubarium", "serve", "--service-network", "wrong", "--config", path.to_str().unwrap()];
        let failure = kubarium::cli::run(arguments.map(Into::into)).expect_err("the network is wrong");
        let said = failure.to_string();
        assert!(!said.contains('\n') && !said.is_empty(), "{said:?} to {text:?}");
        said.contains("--service-network")
    });
    let endpoints = texts(&[
        "unix:///var/run/docker.sock",
        "tcp://[fd00::2]:2375?publish=10.0.0.1",
        "tcp://a:1?ca=/a&cert=/b&key=/c",
    ]);
    fuzz("endpoint", &endpoints, |text| match text.parse::<kubarium::config::Endpoint>() {
        Ok(endpoint) => {
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint.clone()), "{text:?} is {endpoint}");
            true
        }
        Err(error) => {
            assert!(error.contains("accepted are"), "{error}");
            false
        }
    });
}
