//! The path of a request: which resource, which object, which part of it.

use super::query::percent_decode;
use super::review::Review;
use super::{errors, explanation, groups, usage};
use crate::api::{ApiError, Kind};
use crate::foresight::Question;

/// A part of an object with a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subresource {
    /// What is, apart from what is wanted.
    Status,
    /// The number of replicas.
    Scale,
    /// The node of a pod.
    Binding,
    /// The wish that a pod goes away.
    Eviction,
    /// The output of a container.
    Log,
    /// A command in a container of a pod.
    Exec,
    /// What runs in a container of a pod.
    Attach,
    /// The ports of a pod.
    PortForward,
    /// A way into a pod, a service or a node.
    Proxy,
    /// The finalizers of a namespace.
    Finalize,
    /// What the containers of a pod may have of its node.
    Resize,
    /// The containers that somebody adds to a pod that runs.
    EphemeralContainers,
}

impl Subresource {
    /// What who writes through it is known by; empty for those that write no field.
    pub(super) const fn of_writer(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Finalize => "finalize",
            Self::Resize => "resize",
            Self::EphemeralContainers => "ephemeralcontainers",
            _ => "",
        }
    }
}

/// What a path under `/api/v1` or `/apis/GROUP/VERSION` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourcePath {
    /// The kind.
    pub(super) kind: Kind,
    /// The namespace, where the path has one.
    pub(super) namespace: Option<String>,
    /// The object, where the path names one.
    pub(super) name: Option<String>,
    /// The part of it.
    pub(super) subresource: Option<Subresource>,
    /// What is left of a proxy path, as it came; with its leading `/` where it had one.
    pub(super) rest: String,
    /// Whether it is a path of the old form `/api/v1/watch/...`.
    pub(super) watch: bool,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A resource.
    Resource(ResourcePath),
    /// `/api/v1/namespaces/NS/bindings`: bindings of pods named in the body.
    Bindings {
        /// The namespace.
        namespace: String,
    },
    /// Endpoint slices, which are a view of endpoints.
    EndpointSlices {
        /// Of one namespace only.
        namespace: Option<String>,
    },
    /// Why a pod is where it is, or why it is pending.
    Explanation {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// What would be if.
    Foresight(Question),
    /// What nodes or pods use.
    Usage(usage::Subject),
    /// What a client asks about itself.
    Review(Review),
    /// A document about the API itself, by its path without a trailing `/`.
    About(String),
}

/// The subresources each kind has.
fn subresource(kind: Kind, word: &str) -> Option<Subresource> {
    Some(match (kind, word) {
        (
            Kind::Namespace
            | Kind::Node
            | Kind::Pod
            | Kind::ReplicationController
            | Kind::Service
            | Kind::PodDisruptionBudget
            | Kind::ResourceQuota,
            "status",
        ) => Subresource::Status,
        (Kind::ReplicationController, "scale") => Subresource::Scale,
        (Kind::Pod, "binding") => Subresource::Binding,
        (Kind::Pod, "eviction") => Subresource::Eviction,
        (Kind::Pod, "log") => Subresource::Log,
        (Kind::Pod, "exec") => Subresource::Exec,
        (Kind::Pod, "attach") => Subresource::Attach,
        (Kind::Pod, "portforward") => Subresource::PortForward,
        (Kind::Pod, "resize") => Subresource::Resize,
        (Kind::Pod, "ephemeralcontainers") => Subresource::EphemeralContainers,
        (Kind::Pod | Kind::Service | Kind::Node, "proxy") => Subresource::Proxy,
        (Kind::Namespace, "finalize") => Subresource::Finalize,
        _ => return None,
    })
}

fn review(group: &str, plural: &str) -> Option<Review> {
    Review::ALL.into_iter().find(|review| review.group() == group && review.plural() == plural)
}

/// Everything of `raw` from its `n`th `/` on (the first is the 1st), or nothing.
fn from_slash(raw: &str, n: usize) -> &str {
    raw.match_indices('/').nth(n - 1).map_or("", |(at, _)| &raw[at..])
}

/// Reads a path as it came.
pub(super) fn parse(raw: &str) -> Result<Target, ApiError> {
    let decoded = percent_decode(raw, false);
    let segments: Vec<&str> = decoded.trim_matches('/').split('/').collect();
    let (group, version, skip) = match segments.as_slice() {
        ["apis", "discovery.k8s.io", "v1", "endpointslices"] => {
            return Ok(Target::EndpointSlices { namespace: None });
        }
        ["apis", "discovery.k8s.io", "v1", "namespaces", namespace, "endpointslices"] => {
            return Ok(Target::EndpointSlices { namespace: Some((*namespace).to_owned()) });
        }
        ["apis", explanation::GROUP, explanation::VERSION, "namespaces", namespace, "pods", name, "explanation"] => {
            check_name(name)?;
            return Ok(Target::Explanation { namespace: (*namespace).to_owned(), name: (*name).to_owned() });
        }
        ["apis", explanation::GROUP, explanation::VERSION, rest @ ..] if Question::at(rest).is_some() => {
            let question = Question::at(rest).ok_or_else(errors::no_such_path)?;
            check_name(question.subject().3)?;
            return Ok(Target::Foresight(question));
        }
        ["apis", usage::GROUP, usage::VERSION, rest @ ..] if !rest.is_empty() => {
            return usage::Subject::at(rest).map(Target::Usage).ok_or_else(errors::no_such_path);
        }
        ["apis", group, "v1", plural] if review(group, plural).is_some() => {
            return review(group, plural).map(Target::Review).ok_or_else(errors::no_such_path);
        }
        ["api", version, _, ..] => ("", *version, 2),
        ["apis", group, version, _, ..] if groups::serves_group(group) => (*group, *version, 3),
        _ => return Ok(Target::About(format!("/{}", segments.join("/")))),
    };
    let mut parts = segments.get(skip..).unwrap_or_default();
    let mut slashes = skip;
    let mut old_form = None;
    if let [word @ ("watch" | "proxy"), rest @ ..] = parts
        && !rest.is_empty()
    {
        old_form = Some(*word);
        parts = rest;
        slashes += 1;
    }
    let mut namespace = None;
    if let ["namespaces", name, plural, rest @ ..] = parts
        && (subresource(Kind::Namespace, plural).is_none() || !rest.is_empty())
    {
        if group.is_empty() && version == "v1" && *plural == "bindings" && rest.is_empty() && old_form.is_none() {
            return Ok(Target::Bindings { namespace: (*name).to_owned() });
        }
        namespace = Some((*name).to_owned());
        parts = parts.get(2..).unwrap_or_default();
        slashes += 2;
    }
    let [plural, parts @ ..] = parts else { return Err(errors::no_such_path()) };
    let kind = Kind::from_resource(group, version, plural).ok_or_else(errors::no_such_path)?;
    if namespace.is_some() && !kind.info().namespaced {
        return Err(errors::no_such_path());
    }
    let (name, parts) = match parts {
        [] => (None, parts),
        [name, rest @ ..] => (Some(*name), rest),
    };
    if name.is_some() && namespace.is_none() && kind.info().namespaced {
        return Err(errors::no_such_path());
    }
    if let Some(name) = name {
        check_name(name)?;
    }
    let mut path = ResourcePath {
        kind,
        namespace,
        name: name.map(str::to_owned),
        subresource: None,
        rest: String::new(),
        watch: old_form == Some("watch"),
    };
    if old_form == Some("proxy") {
        // /api/v1/proxy/namespaces/NS/services/NAME/REST: REST begins after the name.
        path.subresource = subresource(kind, "proxy").filter(|_| name.is_some());
        if path.subresource.is_none() {
            return Err(errors::no_such_path());
        }
        from_slash(raw, slashes + 3).clone_into(&mut path.rest);
        return Ok(Target::Resource(path));
    }
    match parts {
        [] => {}
        [word, rest @ ..] => {
            let part = subresource(kind, word).ok_or_else(errors::no_such_path)?;
            if part == Subresource::Proxy {
                from_slash(raw, slashes + 4).clone_into(&mut path.rest);
            } else if !rest.is_empty() {
                return Err(errors::no_such_path());
            }
            path.subresource = Some(part);
        }
    }
    Ok(Target::Resource(path))
}

/// Names that could never be one segment of a path.
fn check_name(name: &str) -> Result<(), ApiError> {
    let why = match name {
        "." => "may not be '.'".to_owned(),
        ".." => "may not be '..'".to_owned(),
        _ if name.contains('%') => "may not contain '%'".to_owned(),
        _ => return Ok(()),
    };
    Err(errors::bad_request(format!("Name parameter invalid: {}: {why}", super::query::quoted(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources_objects_and_their_parts() {
        for (path, expected) in [
            ("/api/v1/pods", "Pod - - -"),
            ("/api/v1/nodes/a", "Node - a -"),
            ("/api/v1/nodes/a/status", "Node - a Status"),
            ("/api/v1/namespaces/x", "Namespace - x -"),
            ("/api/v1/namespaces/x/finalize", "Namespace - x Finalize"),
            ("/api/v1/namespaces/x/pods/", "Pod x - -"),
            ("/api/v1/namespaces/x/pods/p", "Pod x p -"),
            ("/api/v1/namespaces/x/pods/a%20b", "Pod x a b -"),
            ("/api/v1/namespaces/x/pods/p/log", "Pod x p Log"),
            ("/api/v1/namespaces/x/pods/p/exec", "Pod x p Exec"),
            ("/api/v1/namespaces/x/pods/p/attach", "Pod x p Attach"),
            ("/api/v1/namespaces/x/pods/p/portforward", "Pod x p PortForward"),
            ("/api/v1/namespaces/x/pods/p/resize", "Pod x p Resize"),
            ("/api/v1/namespaces/x/pods/p/ephemeralcontainers", "Pod x p EphemeralContainers"),
            ("/api/v1/namespaces/x/replicationcontrollers/r/resize", "404"),
            ("/api/v1/namespaces/x/pods/p/portforward/80", "404"),
            ("/api/v1/namespaces/x/services/s/portforward", "404"),
            ("/api/v1/namespaces/x/replicationcontrollers/r/scale", "ReplicationController x r Scale"),
            ("/api/v1/namespaces/x/services/s:80/proxy", "Service x s:80 Proxy"),
            ("/api/v1/namespaces/x/services/s/proxy/a%20b/c", "Service x s Proxy /a%20b/c"),
            ("/api/v1/proxy/namespaces/x/services/s/a/b", "Service x s Proxy /a/b"),
            ("/api/v1/proxy/nodes/n/logs/", "Node - n Proxy /logs/"),
            ("/api/v1/watch/namespaces/x/pods", "Pod x - - watch"),
            ("/api/v1/namespaces/x/bindings", "bindings x"),
            ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "review selfsubjectaccessreviews"),
            ("/apis/authentication.k8s.io/v1/selfsubjectaccessreviews", "404"),
            ("/apis", "about /apis"),
            ("/", "about /"),
            ("/api/v1", "about /api/v1"),
            ("/api/v1/widgets", "404"),
            ("/api/v1/pods/p", "404"),
            ("/api/v1/namespaces/x/nodes", "404"),
            ("/api/v1/namespaces/x/pods/a%2Fb", "404"),
            ("/api/v1/namespaces/x/pods/..", "400"),
            ("/apis/apps/v1/deployments", "about /apis/apps/v1/deployments"),
            ("/apis/kubarium.io/v1", "about /apis/kubarium.io/v1"),
            ("/apis/kubarium.io/v1/namespaces/x/pods/p/explanation", "explanation x p"),
            ("/apis/kubarium.io/v1/namespaces/x/pods/../explanation", "400"),
            ("/apis/kubarium.io/v1/namespaces/x/pods/p", "404"),
            ("/apis/kubarium.io/v1/namespaces/x/pods/p/remedies", r#"("pods", "remedies", "x", "p")"#),
            (
                "/apis/kubarium.io/v1/namespaces/x/replicationcontrollers/r/fit",
                r#"("replicationcontrollers", "fit", "x", "r")"#,
            ),
            ("/apis/kubarium.io/v1/namespaces/x/fits", r#"("fits", "", "x", "")"#),
            ("/apis/kubarium.io/v1/namespaces/x/services/s/fit", "404"),
            ("/apis/kubarium.io/v1/namespaces/x/pods", "404"),
            ("/apis/metrics.k8s.io/v1beta1", "about /apis/metrics.k8s.io/v1beta1"),
            ("/apis/metrics.k8s.io/v1beta1/nodes/n", "usage Node - n"),
            ("/apis/metrics.k8s.io/v1beta1/pods", "usage Pod - -"),
            ("/apis/metrics.k8s.io/v1beta1/namespaces/x/pods/p", "usage Pod x p"),
            ("/apis/metrics.k8s.io/v1beta1/pods/p", "404"),
        ] {
            let dash = |s: Option<String>| s.unwrap_or_else(|| "-".to_owned());
            let seen = match parse(path) {
                Err(e) => e.code.to_string(),
                Ok(Target::About(p)) => format!("about {p}"),
                Ok(Target::Bindings { namespace }) => format!("bindings {namespace}"),
                Ok(Target::EndpointSlices { namespace }) => format!("slices {namespace:?}"),
                Ok(Target::Explanation { namespace, name }) => format!("explanation {namespace} {name}"),
                Ok(Target::Foresight(question)) => format!("{:?}", question.subject()),
                Ok(Target::Usage(usage)) => {
                    format!("usage {} {} {}", usage.kind, dash(usage.namespace), dash(usage.name))
                }
                Ok(Target::Review(review)) => format!("review {}", review.plural()),
                Ok(Target::Resource(r)) => {
                    let part = r.subresource.map(|s| format!("{s:?}"));
                    let mut text = format!("{} {} {} {}", r.kind, dash(r.namespace), dash(r.name), dash(part));
                    if !r.rest.is_empty() {
                        text = format!("{text} {}", r.rest);
                    }
                    if r.watch {
                        text.push_str(" watch");
                    }
                    text
                }
            };
            assert_eq!(seen, expected, "{path}");
        }
    }
}
