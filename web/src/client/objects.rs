//! Objects in requests: where they live in the API, and what an answer says is wrong with them.

use kubarium_core::api::Kind;
use kubarium_core::apiserver::{Method, Request, Response};
use serde_json::Value;

/// Where objects of a kind are created; none for kinds that are not served.
pub(crate) fn collection(kind: &str, api_version: &str, namespace: &str) -> Option<String> {
    let info = Kind::from_type(api_version, kind)?.info();
    let group = if info.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", info.group) };
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    Some(if info.namespaced {
        format!("{group}/{}/namespaces/{namespace}/{}", info.version, info.plural)
    } else {
        format!("{group}/{}/{}", info.version, info.plural)
    })
}

/// Where an object of the core group is found.
pub(crate) fn object(kind: &str, namespace: &str, name: &str) -> Option<String> {
    Some(format!("{}/{name}", collection(kind, "v1", namespace)?))
}

/// A change of some fields of an object.
pub(crate) fn merge_patch(path: String, change: &Value) -> Request {
    let mut request = Request::new(Method::Patch, path).with_json(change);
    "application/merge-patch+json".clone_into(&mut request.content_type);
    request
}

/// What an answer says is wrong: field path (empty for none) and message.
pub(crate) fn causes(response: &Response) -> Vec<(String, String)> {
    let Ok(status) = serde_json::from_str::<Value>(&response.body) else {
        return vec![(String::new(), format!("{} {}", response.status, response.body))];
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes: Vec<_> = status["details"]["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| (text(&cause["field"]), text(&cause["message"])))
        .collect();
    if causes.is_empty() { vec![(String::new(), text(&status["message"]))] } else { causes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_found_where_the_api_has_them() {
        for (kind, namespace, path) in [
            ("Pod", "a", Some("/api/v1/namespaces/a/pods")),
            ("Pod", "", Some("/api/v1/namespaces/default/pods")),
            ("Node", "", Some("/api/v1/nodes")),
            ("Teapot", "", None),
        ] {
            assert_eq!(collection(kind, "v1", namespace).as_deref(), path, "{kind}");
        }
        assert_eq!(collection("Pod", "v2", ""), None);
    }

    #[test]
    fn every_cause_is_named_or_else_the_message() {
        let with =
            Response::json(422, &json!({"message": "m", "details": {"causes": [{"field": "a.b", "message": "c"}]}}));
        let without = Response::json(404, &json!({"message": "gone"}));
        assert_eq!(causes(&with), [("a.b".to_owned(), "c".to_owned())]);
        assert_eq!(causes(&without), [(String::new(), "gone".to_owned())]);
    }
}
