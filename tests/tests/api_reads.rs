//! Reading past the one loop: what a request to read says is settled when it is looked up, however late it is written out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Draft, Method, Request};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};

const NOW: Time = Time(1_790_000_000_000_000);
const PODS: &str = "/api/v1/namespaces/default/pods";

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> Answer {
    cluster.handle(NOW, Input::Request(Request::new(method, path).with_json(body))).answer.unwrap()
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    for name in ["a", "b", "c"] {
        let pod = json!({"metadata": {"name": name, "labels": {"app": name}},
                         "spec": {"containers": [{"name": "c", "image": "i"}]}});
        ask(&mut cluster, Method::Post, PODS, &pod);
    }
    cluster
}

fn get(target: &str, accept: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request { query: query.to_owned(), accept: accept.to_owned(), ..Request::get(path) }
}

fn names(answer: Answer) -> Vec<String> {
    let Answer::Done(response) = answer else { panic!("{answer:?}") };
    let list: Value = serde_json::from_str(&response.body).unwrap();
    list["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_look_says_what_the_loop_says_and_leaves_to_it_what_is_more_than_a_look() {
    let mut cluster = cluster();
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    for target in [
        PODS,
        "/api/v1/pods?labelSelector=app%21%3Db",
        "/api/v1/pods?limit=2&pretty=true",
        "/api/v1/namespaces/default/pods/a",
        "/api/v1/namespaces/default/pods/a/status",
        "/api/v1/namespaces/default/pods/none",
        "/api/v1/namespaces/default/pods?fieldSelector=no.such%3D1",
        "/api/v1/namespaces/empty/pods",
        "/api/v1/endpoints",
        "/apis/kubarium.io/v1/namespaces/default/pods/a/explanation",
        "/api/v1/pods?watch=1",
        "/apis/discovery.k8s.io/v1/endpointslices",
        "/api",
        "/nowhere",
    ] {
        for accept in ["", table, metadata] {
            let request = get(target, accept);
            let seen = cluster.look(NOW, &request).expect(target).finish();
            let told = cluster.handle(NOW, Input::Request(request)).answer.unwrap();
            assert_eq!(seen, told, "{target} as {accept}");
        }
    }
    for request in [
        Request::new(Method::Delete, PODS),
        get("/api/v1/namespaces/default/services/s/proxy/", ""),
        get("/apis/kubarium.io/v1/survival", ""),
    ] {
        assert!(cluster.look(NOW, &request).is_none(), "{}", request.path);
    }
}

#[test]
fn a_list_shows_the_moment_at_which_it_was_looked_up() {
    let mut cluster = cluster();
    let draft = cluster.look(NOW, &get(PODS, "")).unwrap();
    assert!(draft.is_long());
    ask(&mut cluster, Method::Delete, &format!("{PODS}/b"), &json!({}));
    assert_eq!(names(draft.finish()), ["a", "b", "c"]);
    assert_eq!(names(cluster.look(NOW, &get(PODS, "")).unwrap().finish()), ["a", "c"]);
}

#[test]
fn a_watch_of_one_object_takes_its_name_as_it_is() {
    let cluster = cluster();
    for (name, told) in [("b", 1), ("b%2Cc", 0), ("b%5C", 0), ("b%3Dc", 0)] {
        let request = get(&format!("/api/v1/watch/namespaces/default/pods/{name}"), "");
        let Some(Answer::Watch(query)) = cluster.look(NOW, &request).map(Draft::finish) else { panic!("{name}") };
        assert_eq!(cluster.watch(&query, None).unwrap().events.len(), told, "{name}");
    }
}
