//! Requests to the API, and their answers.

use crate::call::Call;
use crate::discovery::Resource;
use crate::failure::Failure;
use kubarium_core::apiserver::{Method, Request, Response};
use serde_json::Value;
use std::fmt::Write as _;

/// What a list of objects is asked for as, to be shown in columns.
pub(crate) const TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// The form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    Strategic,
    Merge,
    Json,
    Apply,
}

impl Patch {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// A query string of names and values.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// A text as it stands in a path or query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl Resource {
    /// The path of its objects in a namespace; of all where the namespace is empty.
    pub(crate) fn collection(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{}/{}", encoded(namespace), self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// The path of one object.
    pub(crate) fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), encoded(name))
    }
}

impl Call<'_> {
    /// Sends a request; what the API warns of is printed. A refusal is a failure.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, Failure> {
        "kubectl/v1.32.0 (kubarium) kubernetes/console".clone_into(&mut request.user_agent);
        let response = self.host.request(request).await.map_err(Failure::error)?;
        for warning in &response.warnings {
            self.note(&format!("Warning: {warning}"));
        }
        if response.status < 400 {
            return Ok(response);
        }
        let status: Value = serde_json::from_str(&response.body).unwrap_or_default();
        if status["kind"] == "Status" || status["message"].is_string() {
            return Err(Failure::Status(status));
        }
        let message = if response.status == 404 {
            "the server could not find the requested resource".to_owned()
        } else {
            response.body.trim().to_owned()
        };
        let reason = if response.status == 404 { "NotFound" } else { "" };
        Err(Failure::Status(serde_json::json!({"reason": reason, "message": message, "code": response.status})))
    }

    async fn value(&self, request: Request) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        serde_json::from_str(&response.body).map_err(|error| Failure::error(error.to_string()))
    }

    /// Gets what is at a path.
    pub(crate) async fn get(&self, path: &str, pairs: &[(&str, &str)], accept: &str) -> Result<Value, Failure> {
        let mut request = Request::get(path);
        request.query = query(pairs);
        accept.clone_into(&mut request.accept);
        self.value(request).await
    }

    /// Sends a body to a path.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        pairs: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, Failure> {
        let mut request = Request::new(method, path).with_json(body);
        request.query = query(pairs);
        "application/json".clone_into(&mut request.accept);
        self.value(request).await
    }

    /// Sends a patch to a path.
    pub(crate) async fn patch(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        form: Patch,
        body: String,
    ) -> Result<Value, Failure> {
        let mut request = Request::new(Method::Patch, path);
        request.query = query(pairs);
        form.content_type().clone_into(&mut request.content_type);
        "application/json".clone_into(&mut request.accept);
        request.body = body;
        self.value(request).await
    }
}
