//! Sends requests as they were recorded: header by header, whatever the method.

use std::io::Read as _;
use std::time::Duration;
use ureq::http::Request;

/// Longer than any recorded watch lasts; what has come by then counts.
const TIMEOUT: Duration = Duration::from_secs(12);

/// The recorded requests' own name, from which their default field manager comes.
const USER_AGENT: &str = "golden/1.0";

/// A client of one server.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
}

/// What came over the wire.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) warnings: Vec<String>,
    pub(super) body: Vec<u8>,
}

/// With which token a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    Admin,
    Bad,
    None,
}

impl Client {
    pub(super) fn new(url: &str, token: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("")
            .accept("")
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        Self { agent, url: url.to_owned(), token: token.to_owned() }
    }

    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<&str>,
        auth: Auth,
    ) -> Result<Received, String> {
        let mut all = headers.to_vec();
        if !all.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            all.push(("User-Agent".to_owned(), USER_AGENT.to_owned()));
        }
        match auth {
            Auth::Admin if self.token.is_empty() => {}
            Auth::Admin => all.push(("Authorization".to_owned(), format!("Bearer {}", self.token))),
            Auth::Bad => all.push(("Authorization".to_owned(), "Bearer not-a-token".to_owned())),
            Auth::None => {}
        }
        let uri = format!("{}{path}", self.url);
        let answer = match (method, body) {
            // These have a body in Kubernetes though HTTP gives it no meaning.
            ("DELETE", Some(body)) => {
                let request = self.agent.delete(&uri).force_send_body();
                all.iter().fold(request, |request, (name, value)| request.header(name, value)).send(body)
            }
            ("GET", Some(body)) => {
                let request = self.agent.get(&uri).force_send_body();
                all.iter().fold(request, |request, (name, value)| request.header(name, value)).send(body)
            }
            _ => {
                let request = Request::builder().method(method).uri(&uri);
                let request = all.iter().fold(request, |request, (name, value)| request.header(name, value));
                let request = request.body(body.unwrap_or_default()).map_err(|e| e.to_string())?;
                self.agent.run(request)
            }
        };
        let mut answer = answer.map_err(|e| format!("{method} {path}: {e}"))?;
        let header = |name: &str| {
            let values = answer.headers().get_all(name).iter();
            values.filter_map(|v| v.to_str().ok().map(str::to_owned)).collect::<Vec<_>>()
        };
        let content_type = header("content-type").into_iter().next().unwrap_or_default();
        let warnings = header("warning");
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        // A watch that does not end is cut off: what came counts.
        let _ = answer.body_mut().as_reader().read_to_end(&mut body);
        Ok(Received { status, content_type, warnings, body })
    }
}
