//! The rules of the API, one request a line: what is refused, and for which fields, and what is not.
//!
//! The requests stand in `data/api-rules.jsonl`, in order, for one cluster: what is sent, what comes of it (`is`), and
//! of a refusal its causes (`says`), sorted. They were held against the rules of Kubernetes 1.36, in its words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::Value;
use std::net::Ipv4Addr;

const NOW: Time = Time(1_790_000_000_000_000);

/// The method and path of a line, and the content type of its body.
fn request(line: &Value) -> Request {
    let of = |word: &str| line[word].as_str();
    let (method, path, media) = match (of("POST"), of("PUT"), of("PATCH")) {
        (Some(path), ..) => (Method::Post, path, "application/json"),
        (_, Some(path), _) => (Method::Put, path, "application/json"),
        (_, _, Some(path)) => (Method::Patch, path, line["as"].as_str().unwrap_or("application/merge-patch+json")),
        _ => panic!("{line} names no method"),
    };
    let mut request = Request::new(method, path).with_json(&line["body"]);
    media.clone_into(&mut request.content_type);
    request
}

fn causes(answer: &Value) -> Vec<String> {
    let causes = answer["details"]["causes"].as_array().into_iter().flatten();
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    let mut said: Vec<String> = causes
        .map(|cause| format!("{} {}", text(cause, "reason").trim_start_matches("FieldValue"), text(cause, "field")))
        .collect();
    said.sort();
    said
}

#[test]
fn each_request_is_answered_as_the_rules_say() {
    let config = Config {
        allow_privileged: true,
        service_network: Ipv4Addr::new(10, 0, 0, 0),
        service_prefix: 16,
        ..Config::default()
    };
    let mut cluster = Cluster::new(config, NOW);
    cluster.handle(NOW, Input::Wake);
    let mut wrong = Vec::new();
    for text in include_str!("../data/api-rules.jsonl").lines() {
        let line: Value = serde_json::from_str(text).unwrap();
        let answer = cluster.handle(NOW, Input::Request(request(&line))).answer;
        let Some(Answer::Done(response)) = answer else { panic!("{text}: {answer:?}") };
        let body: Value = serde_json::from_str(&response.body).unwrap();
        let said = if response.status < 400 { Vec::new() } else { causes(&body) };
        let expected: Vec<&str> = line["says"].as_array().into_iter().flatten().map(|s| s.as_str().unwrap()).collect();
        if line["is"] != response.status || said != expected {
            wrong.push(format!("{text}\n    {} {said:?}: {}", response.status, body["message"]));
        }
    }
    assert!(wrong.is_empty(), "{} requests are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
}
