//! The API held against recorded answers of Kubernetes 1.36.2. What is compared, and the floor that only rises.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::read::GzDecoder;
use kubarium_tests::replay::{Answered, Case, discovery, first_difference, run};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};

/// How many cases must be equal in status, reason and causes, and how many in whole bodies.
const FLOOR: (usize, usize) = (472, 459);

const RESOURCES: [&str; 16] = [
    "namespaces",
    "nodes",
    "pods",
    "replicationcontrollers",
    "services",
    "endpoints",
    "events",
    "bindings",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "leases",
    "poddisruptionbudgets",
    "resourcequotas",
    "limitranges",
    "priorityclasses",
];
const GROUPS: [&str; 3] = ["coordination.k8s.io", "policy", "scheduling.k8s.io"];

fn cases() -> Vec<Case> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/upstream-api/api.jsonl.gz");
    let file = std::fs::File::open(file).expect("the records are part of the project");
    BufReader::new(GzDecoder::new(file)).lines().map(|line| Case::parse(&line.unwrap()).unwrap()).collect()
}

/// Whether a case uses only what is there: its kinds, JSON and YAML, no server-side apply, nothing of the carrier
/// (tokens, health, restarts).
fn applies(case: &Case) -> bool {
    case.group != "after-restart"
        && case.steps.iter().all(|step| {
            let path = step["path"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
            let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
            parts.retain(|p| *p != "watch" && *p != "proxy");
            let resource = match parts.as_slice() {
                ["api", "v1", "namespaces", _, resource, ..] | ["api", "v1", resource, ..] => Some(*resource),
                ["apis", group, _, "namespaces", _, resource, ..] | ["apis", group, _, resource, ..]
                    if GROUPS.contains(group) =>
                {
                    Some(*resource)
                }
                ["apis", group, ..] if GROUPS.contains(group) => None,
                ["apis", ..] if parts.len() > 1 => return false,
                ["healthz" | "livez" | "readyz" | "metrics", ..] => return false,
                _ => None,
            };
            let header = |name: &str| step["headers"][name].as_str().unwrap_or_default();
            let forms = ["protobuf", "cbor", "apply-patch"];
            resource.is_none_or(|r| RESOURCES.contains(&r) || matches!(r, "status" | "finalize"))
                && step.get("auth").is_none()
                && !forms.iter().any(|f| header("Accept").contains(f) || header("Content-Type").contains(f))
        })
}

/// What clients decide by: the code, and of an error its reason and the fields it is about.
fn decisive(answer: &Answered) -> Value {
    let body = &answer.body;
    let mut loose = json!({"status": answer.status});
    if body["kind"] == "Status" {
        let mut causes: Vec<String> = body["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| {
                format!("{}: {}", c["field"].as_str().unwrap_or_default(), c["reason"].as_str().unwrap_or_default())
            })
            .collect();
        causes.sort();
        loose["reason"] = body["reason"].clone();
        loose["code"] = body["code"].clone();
        loose["causes"] = json!(causes);
    }
    loose
}

fn whole(answer: &Answered) -> Value {
    json!({
        "status": answer.status, "contentType": answer.content_type, "warning": answer.warnings, "body": answer.body,
    })
}

fn difference(expected: &[Answered], got: &[Answered], view: fn(&Answered) -> Value) -> Option<String> {
    expected
        .iter()
        .zip(got)
        .enumerate()
        .find_map(|(step, (e, g))| first_difference(&view(e), &view(g), &format!("step {step}")))
}

#[test]
fn answers_are_those_of_a_real_api_server() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let verbose = std::env::var("VERBOSE").is_ok();
    let mut shares: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for case in cases() {
        if !case.name.contains(&only) && case.group != only {
            continue;
        }
        if !applies(&case) {
            left_out.insert(case.name.clone());
            continue;
        }
        let mut expected = case.expected();
        for (answer, step) in expected.iter_mut().zip(&case.steps) {
            if step["filter"] == "discovery" {
                answer.body = discovery(answer.body.take());
            }
        }
        let got = run(&case);
        let share = shares.entry(case.group.clone()).or_default();
        share[2] += 1;
        let loose = difference(&expected, &got, decisive);
        let strict = difference(&expected, &got, whole);
        share[0] += usize::from(loose.is_none());
        share[1] += usize::from(strict.is_none());
        if verbose && let Some(strict) = strict {
            let mark = if loose.is_some() { "DECISIVE" } else { "BODY" };
            println!("{mark} {} {}: {strict}", case.group, case.name);
        }
    }
    let mut all = [0; 3];
    for (group, share) in &shares {
        println!("{group}: status, reason and causes {} of {}, whole bodies {}", share[0], share[2], share[1]);
        for (sum, n) in all.iter_mut().zip(share) {
            *sum += n;
        }
    }
    println!("in all: status, reason and causes {} of {}, whole bodies {}", all[0], all[2], all[1]);
    println!("{} cases wait for kinds and features to come", left_out.len());
    if only.is_empty() {
        assert!(all[0] >= FLOOR.0 && all[1] >= FLOOR.1, "{all:?} is below the floor {FLOOR:?}");
    }
}
