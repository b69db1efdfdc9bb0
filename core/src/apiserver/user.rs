//! Who asks, and what each role may do.

use super::path::{ResourcePath, Subresource, Target};
use super::query::{Query, quoted};
use super::{Method, Request};
use crate::api::{ApiError, Details, Kind, Reason};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing but ask who they are.
    Nobody,
    /// Read everything but secrets. No way into a pod.
    View,
    /// Read everything; write what lives in namespaces, but not the rules of a namespace; ways into pods.
    Edit,
    /// Everything.
    #[default]
    Admin,
}

impl Role {
    /// The role of that name.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "view" => Some(Self::View),
            "edit" => Some(Self::Edit),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// The role that somebody in these groups has.
    pub fn of_groups<'a>(groups: impl IntoIterator<Item = &'a str>) -> Self {
        let role = |group: &str| match group {
            "system:masters" => Self::Admin,
            "kubarium:edit" => Self::Edit,
            "kubarium:view" => Self::View,
            _ => Self::Nobody,
        };
        groups.into_iter().map(role).max().unwrap_or(Self::Nobody)
    }

    /// The group of everybody with that role.
    const fn group(self) -> Option<&'static str> {
        match self {
            Self::Nobody => None,
            Self::View => Some("kubarium:view"),
            Self::Edit => Some("kubarium:edit"),
            Self::Admin => Some("system:masters"),
        }
    }
}

const AUTHENTICATED: &str = "system:authenticated";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Name.
    pub name: String,
    /// Tells users of one name apart; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Groups, in order.
    pub groups: Vec<String>,
    /// What the user may do.
    pub role: Role,
}

impl User {
    /// The administrator, who is meant where nobody is named.
    pub fn administrator() -> Arc<Self> {
        static ADMINISTRATOR: OnceLock<Arc<User>> = OnceLock::new();
        Arc::clone(ADMINISTRATOR.get_or_init(|| Arc::new(Self::named("admin", Role::Admin))))
    }

    /// A known user with a role.
    pub fn named(name: &str, role: Role) -> Self {
        let groups = role.group().into_iter().chain([AUTHENTICATED]).map(str::to_owned).collect();
        Self { name: name.to_owned(), uid: name.to_owned(), groups, role }
    }

    /// Somebody who did not say who they are.
    pub fn anonymous() -> Self {
        let groups = vec!["system:unauthenticated".to_owned()];
        Self { name: "system:anonymous".to_owned(), uid: String::new(), groups, role: Role::Nobody }
    }

    /// Somebody as whom an administrator asks: in these groups, and with their role.
    pub fn impersonated(name: &str, uid: &str, groups: Vec<String>) -> Self {
        let role = Role::of_groups(groups.iter().map(String::as_str));
        let mut groups = groups;
        if name != "system:anonymous" && !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self { name: name.to_owned(), uid: uid.to_owned(), groups, role }
    }

    /// Whether it is the administrator.
    pub(super) fn is_administrator(user: &Arc<Self>) -> bool {
        *user == Self::administrator()
    }

    fn is_known(&self) -> bool {
        self.groups.iter().any(|group| group == AUTHENTICATED)
    }

    /// Whether the user may do that.
    pub(super) fn may(&self, action: &Action<'_>) -> bool {
        if self.role == Role::Admin {
            return true;
        }
        match action {
            Action::Path { verb, path } => {
                let public = matches!(*path, "/version" | "/healthz" | "/livez" | "/readyz");
                let about = ["/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz"];
                let described = *path == "/" || about.iter().any(|root| path.starts_with(root));
                *verb == "get" && (public || self.is_known() && described)
            }
            Action::Resource { verb, group, resource, subresource, .. } => {
                if matches!(*group, "authentication.k8s.io" | "authorization.k8s.io")
                    && resource.starts_with("selfsubject")
                {
                    return self.is_known() && *verb == "create";
                }
                let kind = Kind::ALL.into_iter().find(|k| k.info().plural == *resource && k.info().group == *group);
                let own = *group == super::explanation::GROUP
                    || *group == "discovery.k8s.io"
                    || *group == super::usage::GROUP;
                let reads = matches!(*verb, "get" | "list" | "watch") && (kind.is_some() || own);
                let way_in = matches!(*subresource, "exec" | "attach" | "portforward" | "proxy");
                match self.role {
                    Role::Nobody => false,
                    // They get past what was decided when a pod was created; as upstream, whoever shall may is told so.
                    Role::View | Role::Edit if matches!(*subresource, "resize" | "ephemeralcontainers") => false,
                    Role::View => reads && *resource != "secrets" && !way_in,
                    Role::Edit => {
                        let rule = matches!(kind, Some(Kind::ResourceQuota | Kind::LimitRange));
                        let decided_by_others = matches!(*subresource, "status" | "binding" | "finalize");
                        let writes = kind.is_some_and(|k| k.info().namespaced) && !rule && !decided_by_others;
                        reads && !(way_in && *resource == "nodes") || writes
                    }
                    Role::Admin => true,
                }
            }
        }
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// Something with objects.
    Resource {
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        subresource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    /// Something else.
    Path { verb: &'a str, path: &'a str },
}

/// The verb of a method, at a path that names an object or not.
const fn verb(method: Method, named: bool) -> &'static str {
    match (method, named) {
        (Method::Get, true) => "get",
        (Method::Get, false) => "list",
        (Method::Post, _) => "create",
        (Method::Put, _) => "update",
        (Method::Patch, _) => "patch",
        (Method::Delete, true) => "delete",
        (Method::Delete, false) => "deletecollection",
    }
}

const fn word(subresource: Option<Subresource>) -> &'static str {
    match subresource {
        None => "",
        Some(Subresource::Status) => "status",
        Some(Subresource::Scale) => "scale",
        Some(Subresource::Binding) => "binding",
        Some(Subresource::Eviction) => "eviction",
        Some(Subresource::Log) => "log",
        Some(Subresource::Proxy) => "proxy",
        Some(Subresource::Finalize) => "finalize",
        Some(Subresource::Exec) => "exec",
        Some(Subresource::Attach) => "attach",
        Some(Subresource::PortForward) => "portforward",
        Some(Subresource::Resize) => "resize",
        Some(Subresource::EphemeralContainers) => "ephemeralcontainers",
    }
}

/// What a request wants to do.
fn action<'a>(request: &Request, query: &Query, target: &'a Target) -> Action<'a> {
    let resource = |verb, group, resource, subresource, namespace, name| Action::Resource {
        verb,
        group,
        resource,
        subresource,
        namespace,
        name,
    };
    match target {
        Target::Resource(ResourcePath { kind, namespace, name, subresource, watch, .. }) => {
            let watches = request.method == Method::Get && (*watch || (name.is_none() && query.flag("watch")));
            let verb = if watches { "watch" } else { verb(request.method, name.is_some()) };
            let (info, name) = (kind.info(), name.as_deref().unwrap_or_default());
            let namespace = namespace.as_deref().unwrap_or_default();
            resource(verb, info.group, info.plural, word(*subresource), namespace, name)
        }
        Target::Bindings { namespace } => resource("create", "", "pods", "binding", namespace, ""),
        Target::EndpointSlices { namespace } => {
            let namespace = namespace.as_deref().unwrap_or_default();
            resource(verb(request.method, false), "discovery.k8s.io", "endpointslices", "", namespace, "")
        }
        Target::Explanation { namespace, name } => {
            let group = super::explanation::GROUP;
            resource(verb(request.method, true), group, "pods", "explanation", namespace, name)
        }
        // Whoever may read may think ahead, whatever a question is asked with.
        Target::Foresight(question) => {
            let (plural, part, namespace, name) = question.subject();
            resource("get", super::explanation::GROUP, plural, part, namespace, name)
        }
        Target::Usage(usage) => {
            let (namespace, name) = (usage.namespace.as_deref().unwrap_or_default(), usage.name.as_deref());
            let plural = usage.kind.info().plural;
            let verb = verb(request.method, name.is_some());
            resource(verb, super::usage::GROUP, plural, "", namespace, name.unwrap_or_default())
        }
        Target::Review(review) => resource("create", review.group(), review.plural(), "", "", ""),
        Target::About(path) => Action::Path { verb: verb(request.method, true), path },
    }
}

/// Refuses what the user may not do.
pub(super) fn check(request: &Request, query: &Query, target: &Target) -> Result<(), ApiError> {
    let action = action(request, query, target);
    if request.user.may(&action) { Ok(()) } else { Err(refusal(&request.user, &action)) }
}

fn refusal(user: &User, action: &Action<'_>) -> ApiError {
    let who = quoted(&user.name);
    let (message, details) = match action {
        Action::Path { verb, path } => (format!("forbidden: User {who} cannot {verb} path {}", quoted(path)), None),
        Action::Resource { verb, group, resource, subresource, namespace, name } => {
            let dot = if group.is_empty() { "" } else { "." };
            let named = if name.is_empty() { String::new() } else { format!(" {}", quoted(name)) };
            let slash = if subresource.is_empty() { "" } else { "/" };
            let place = match *namespace {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {}", quoted(namespace)),
            };
            let message = format!(
                "{resource}{dot}{group}{named} is forbidden: User {who} cannot {verb} resource {} in API group {} {place}",
                quoted(&format!("{resource}{slash}{subresource}")),
                quoted(group)
            );
            let details = Details {
                name: (*name).to_owned(),
                group: (*group).to_owned(),
                kind: (*resource).to_owned(),
                ..Details::default()
            };
            (message, Some(details))
        }
    };
    ApiError::about(403, Reason::Forbidden, message, details.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::path;

    /// For each request: who may make it, of nobody, viewer, editor and administrator.
    #[test]
    fn roles_may_do_what_they_are_for() {
        let pods = "/api/v1/namespaces/x/pods";
        for (method, path, may) in [
            (Method::Get, pods, "-VEA"),
            (Method::Get, "/api/v1/nodes", "-VEA"),
            (Method::Get, "/api/v1/namespaces/x/secrets", "--EA"),
            (Method::Get, "/api/v1/namespaces/x/pods/p/log", "-VEA"),
            (Method::Get, "/api/v1/namespaces/x/pods/p/exec", "--EA"),
            (Method::Post, "/api/v1/namespaces/x/pods/p/exec", "--EA"),
            (Method::Post, "/api/v1/namespaces/x/pods/p/eviction", "--EA"),
            (Method::Get, "/api/v1/nodes/n/proxy/x", "---A"),
            (Method::Post, pods, "--EA"),
            (Method::Delete, "/api/v1/namespaces/x/configmaps/c", "--EA"),
            (Method::Patch, "/api/v1/namespaces/x/replicationcontrollers/r/scale", "--EA"),
            (Method::Post, "/api/v1/namespaces/x/resourcequotas", "---A"),
            (Method::Put, "/api/v1/namespaces/x/pods/p/status", "---A"),
            (Method::Patch, "/api/v1/namespaces/x/pods/p/resize", "---A"),
            (Method::Patch, "/api/v1/namespaces/x/pods/p/ephemeralcontainers", "---A"),
            (Method::Post, "/api/v1/namespaces", "---A"),
            (Method::Patch, "/api/v1/nodes/n", "---A"),
            (Method::Post, "/apis/scheduling.k8s.io/v1/priorityclasses", "---A"),
            (Method::Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "NVEA"),
            (Method::Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "NVEA"),
            (Method::Get, "/apis/kubarium.io/v1/namespaces/x/pods/p/explanation", "-VEA"),
            (Method::Get, "/apis/kubarium.io/v1/namespaces/x/pods/p/remedies", "-VEA"),
            (Method::Post, "/apis/kubarium.io/v1/namespaces/x/fits", "-VEA"),
            (Method::Get, "/apis/metrics.k8s.io/v1beta1/nodes", "-VEA"),
            (Method::Get, "/apis", "NVEA"),
            (Method::Get, "/openapi/v3", "NVEA"),
        ] {
            let request = Request::new(method, path);
            let target = path::parse(path).unwrap();
            let users = [('N', Role::Nobody), ('V', Role::View), ('E', Role::Edit), ('A', Role::Admin)];
            let seen: String = users
                .into_iter()
                .map(|(letter, role)| {
                    let request = Request { user: Arc::new(User::named("u", role)), ..request.clone() };
                    if check(&request, &Query::parse(""), &target).is_ok() { letter } else { '-' }
                })
                .collect();
            assert_eq!(seen, may, "{method:?} {path}");
        }
        for (path, may) in [("/version", true), ("/api", false), ("/api/v1/pods", false)] {
            let request = Request { user: Arc::new(User::anonymous()), ..Request::get(path) };
            assert_eq!(check(&request, &Query::parse(""), &path::parse(path).unwrap()).is_ok(), may, "{path}");
        }
    }

    #[test]
    fn a_refusal_says_who_may_not_do_what_where() {
        for (path, message) in [
            (
                "/api/v1/namespaces/fx/pods",
                "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"fx\"",
            ),
            (
                "/api/v1/nodes/node-a",
                "nodes \"node-a\" is forbidden: User \"bob\" cannot get resource \"nodes\" in API group \"\" at the cluster scope",
            ),
            (
                "/apis/policy/v1/namespaces/fx/poddisruptionbudgets/p/status",
                "poddisruptionbudgets.policy \"p\" is forbidden: User \"bob\" cannot get resource \"poddisruptionbudgets/status\" in API group \"policy\" in the namespace \"fx\"",
            ),
            ("/nope", "forbidden: User \"bob\" cannot get path \"/nope\""),
        ] {
            let request = Request { user: Arc::new(User::impersonated("bob", "", Vec::new())), ..Request::get(path) };
            let error = check(&request, &Query::parse(""), &path::parse(path).unwrap()).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (403, message));
        }
    }
}
