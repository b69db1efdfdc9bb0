//! Requests and what can come of them.

use super::{UsageQuery, User};
use crate::api::{ApiError, Kind, Name};
use crate::runtime::PodRef;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// HTTP method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each is HTTP's own word")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request to the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path without query, such as `/api/v1/namespaces/default/pods`; percent-encoded as it came.
    pub path: String,
    /// Query without `?`, percent-encoded as it came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// `Accept` header; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub accept: String,
    /// `Content-Type` header; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// `User-Agent` header; names the default field manager.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// `Prefer: return=minimal` header: where the request is granted, the answer needs no body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
    /// Who asks; the administrator where nobody is named.
    #[serde(default = "User::administrator", skip_serializing_if = "User::is_administrator")]
    pub user: Arc<User>,
    /// Body as text: JSON or YAML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

impl Request {
    /// A request without body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            accept: String::new(),
            content_type: String::new(),
            user_agent: String::new(),
            brief: false,
            user: User::administrator(),
            body: String::new(),
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// With a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &serde_json::Value) -> Self {
        "application/json".clone_into(&mut self.content_type);
        self.body = body.to_string();
        self
    }
}

/// A finished answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type` header.
    pub content_type: String,
    /// Each becomes a `Warning: 299` header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Body.
    pub body: String,
}

impl Response {
    /// A JSON answer.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, content_type: "application/json".to_owned(), warnings: Vec::new(), body: body.to_string() }
    }
}

impl From<&ApiError> for Response {
    fn from(error: &ApiError) -> Self {
        Self::json(error.code, &error.to_status())
    }
}

/// A subscription: which changes, from where on, in what form. [`crate::Cluster::watch`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchQuery {
    /// Which kind.
    pub kind: Kind,
    /// Of which namespace; all where none.
    pub namespace: Option<Name>,
    /// Label selector as it came; checked already.
    pub label_selector: String,
    /// Field selector as it came; checked already.
    pub field_selector: String,
    /// Changes after this revision.
    pub since: u64,
    /// Whether the objects there are now come first, as `ADDED`.
    pub send_initial: bool,
    /// Whether a bookmark says where those end.
    pub announce_initial_end: bool,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
    /// `Accept` header: objects, tables or partial objects.
    pub accept: String,
    /// How much of an object a table's row carries: `None`, `Metadata` (also where empty) or `Object`.
    pub include_object: String,
    /// After how many seconds the watch ends.
    pub timeout_seconds: Option<u32>,
}

impl WatchQuery {
    /// A bookmark that says that everything up to a revision was told, where bookmarks are wanted.
    pub fn bookmark(&self, revision: u64) -> Option<serde_json::Value> {
        self.bookmarks.then(|| super::watch::bookmark(self.kind, revision, false))
    }
}

/// Whose output is wanted, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// The pod.
    pub pod: PodRef,
    /// Its node.
    pub node: Name,
    /// The container's name.
    pub container: Name,
    /// Which start of the container.
    pub attempt: u32,
    /// Keep sending.
    pub follow: bool,
    /// Only the last so many lines.
    pub tail_lines: Option<u64>,
    /// Only what came at that time or later.
    pub since: Option<Time>,
    /// Put the time before each line.
    pub timestamps: bool,
    /// At most so many bytes.
    pub limit_bytes: Option<u64>,
}

/// Into which container somebody wants, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the request")]
pub struct ExecQuery {
    /// The pod.
    pub pod: PodRef,
    /// Its node.
    pub node: Name,
    /// The container's name.
    pub container: Name,
    /// Which start of the container runs; none where it does not run.
    pub attempt: Option<u32>,
    /// The words of the command to run in it; none to be attached to what runs there already.
    pub command: Option<Vec<String>>,
    /// Whether the client has something to say.
    pub stdin: bool,
    /// Whether it wants the output.
    pub stdout: bool,
    /// Whether it wants the errors apart from the output. Never with a terminal that it asked for.
    pub stderr: bool,
    /// Whether the client has a terminal: then it says how large it is.
    pub tty: bool,
    /// Whether the command has, or is to have, one.
    pub terminal: bool,
}

/// The pod whose ports somebody wants to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortForwardQuery {
    /// The pod.
    pub pod: PodRef,
    /// Its node.
    pub node: Name,
    /// Ports in it, where the request names them: older protocols have it so.
    pub ports: Vec<u16>,
}

/// Where a proxied request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyTarget {
    /// The pod that answers; none for an address that is no pod's.
    pub pod: Option<PodRef>,
    /// Its node.
    pub node: Option<Name>,
    /// The address.
    pub ip: Name,
    /// The port at it.
    pub port: u16,
    /// Whether it speaks TLS.
    pub https: bool,
    /// Path and query for it, with a leading `/`.
    pub path: String,
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A finished answer.
    Done(Response),
    /// A subscription to changes.
    Watch(Box<WatchQuery>),
    /// The output of a container, to be had from its node.
    Logs(LogQuery),
    /// A way into a container, over the connection of the request.
    Exec(ExecQuery),
    /// A way to the ports of a pod, over the connection of the request.
    PortForward(PortForwardQuery),
    /// A request that the driver shall pass on.
    Proxy(ProxyTarget),
    /// What is used on the machines, to be had from them: [`UsageQuery::answer`] tells it.
    Usage(UsageQuery),
}
