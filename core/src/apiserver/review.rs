//! What clients may ask about themselves: who they are, whether they may do something, and what they may do.

use super::user::{Action, Role, User};
use crate::api::{Kind, encode};
use crate::time::Time;
use serde_json::{Value, json};

/// Which question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Review {
    /// Who am I?
    Identity,
    /// May I do that?
    Access,
    /// What may I do?
    Rules,
}

impl Review {
    pub(super) const ALL: [Self; 3] = [Self::Identity, Self::Access, Self::Rules];

    pub(super) const fn group(self) -> &'static str {
        match self {
            Self::Identity => "authentication.k8s.io",
            Self::Access | Self::Rules => "authorization.k8s.io",
        }
    }

    pub(super) const fn api_version(self) -> &'static str {
        match self {
            Self::Identity => "authentication.k8s.io/v1",
            Self::Access | Self::Rules => "authorization.k8s.io/v1",
        }
    }

    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Identity => "SelfSubjectReview",
            Self::Access => "SelfSubjectAccessReview",
            Self::Rules => "SelfSubjectRulesReview",
        }
    }

    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Identity => "selfsubjectreviews",
            Self::Access => "selfsubjectaccessreviews",
            Self::Rules => "selfsubjectrulesreviews",
        }
    }

    /// Answers it.
    pub(super) fn answer(self, asked: &Value, user: &User, now: Time) -> Value {
        let mut answer = json!({"apiVersion": self.api_version(), "kind": self.kind(), "metadata": {}});
        match self {
            Self::Identity => {
                answer["metadata"]["creationTimestamp"] = encode(&now.floor_secs().to_meta());
                let mut info = json!({"username": user.name, "groups": user.groups});
                if !user.uid.is_empty() {
                    info["uid"] = user.uid.as_str().into();
                }
                answer["status"] = json!({ "userInfo": info });
            }
            Self::Access => {
                answer["spec"] = asked["spec"].clone();
                answer["status"] = json!({"allowed": user.may(&wanted(&asked["spec"]))});
            }
            Self::Rules => {
                answer["spec"] = json!({});
                answer["status"] = json!({
                    "resourceRules": rules(user), "incomplete": false,
                    "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/api*", "/apis*", "/openapi*", "/version", "/healthz"]}],
                });
            }
        }
        answer
    }
}

/// What somebody asks whether they may do.
fn wanted(spec: &Value) -> Action<'_> {
    let resource = &spec["resourceAttributes"];
    let part = |field: &str| resource[field].as_str().unwrap_or_default();
    if resource.is_object() {
        return Action::Resource {
            verb: part("verb"),
            group: part("group"),
            resource: part("resource"),
            subresource: part("subresource"),
            namespace: part("namespace"),
            name: part("name"),
        };
    }
    let other = |field: &str| spec["nonResourceAttributes"][field].as_str().unwrap_or_default();
    Action::Path { verb: other("verb"), path: other("path") }
}

/// What a user may do, resource by resource.
fn rules(user: &User) -> Vec<Value> {
    const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let reviews = json!({
        "verbs": ["create"], "apiGroups": ["authentication.k8s.io", "authorization.k8s.io"],
        "resources": Review::ALL.map(Review::plural),
    });
    if user.role == Role::Admin {
        return vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}), reviews];
    }
    let of_kind = |kind: Kind| {
        let info = kind.info();
        let may = |verb: &&str| {
            let (group, resource) = (info.group, info.plural);
            user.may(&Action::Resource { verb, group, resource, subresource: "", namespace: "", name: "" })
        };
        let verbs: Vec<&str> = VERBS.into_iter().filter(may).collect();
        (!verbs.is_empty()).then(|| json!({"verbs": verbs, "apiGroups": [info.group], "resources": [info.plural]}))
    };
    Kind::ALL.into_iter().filter_map(of_kind).chain([reviews]).collect()
}
