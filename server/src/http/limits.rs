//! How often a client may ask. Who asks too often is told when to come again, and the others are served meanwhile.

use super::problem;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use kubarium_core::api::Reason;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So much of what a client is due may be used at once, after it kept still.
const BURST: Duration = Duration::from_secs(1);

/// How many clients are remembered before those are forgotten that are due nothing less than all.
const CLIENTS_MAX: usize = 1_024;

/// How often each client may ask.
#[derive(Debug)]
pub struct Limits {
    /// The share of a second that a request takes; none where clients may ask as often as they like.
    share: Option<Duration>,
    /// Until when a client has used what it is due.
    used: Mutex<BTreeMap<String, Instant>>,
}

impl Limits {
    /// So many requests a second for each client, or as many as it likes.
    pub fn new(per_second: Option<NonZeroU32>) -> Self {
        Self { share: per_second.map(|n| Duration::from_secs(1) / n.get()), used: Mutex::default() }
    }

    /// Counts a request; false where it is one too many.
    fn take(&self, client: &str, now: Instant) -> bool {
        let Some(share) = self.share else { return true };
        // What is in it is whole at any moment.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= CLIENTS_MAX {
            used.retain(|_, until| *until > now);
        }
        let until = used.get(client).map_or(now, |until| now.max(*until));
        let fits = until + share <= now + BURST;
        if fits {
            used.insert(client.to_owned(), until + share);
        }
        fits
    }

    /// The answer to a request that is one too many. Watches are not counted: they begin rarely and last.
    pub(super) fn refusal(&self, client: &str, uri: &Uri) -> Option<Response> {
        let mut parameters = uri.query().unwrap_or_default().split('&');
        if parameters.any(|p| matches!(p, "watch=true" | "watch=1")) || self.take(client, Instant::now()) {
            return None;
        }
        let message = "too many requests, please try again later; --client-requests-per-second sets the limit";
        let mut response = problem::status(429, Reason::TooManyRequests, message);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_so_many_requests_a_second_and_a_seconds_worth_at_once() {
        let limits = Limits::new(NonZeroU32::new(10));
        let start = Instant::now();
        let taken = |client: &str, at_ms: u64| {
            let now = start + Duration::from_millis(at_ms);
            (0..100).filter(|_| limits.take(client, now)).count()
        };
        assert_eq!(taken("a", 0), 10, "a second's worth");
        assert_eq!(taken("b", 0), 10, "another client has its own");
        assert_eq!(taken("a", 50), 0);
        assert_eq!(taken("a", 300), 3, "what came in since");
        assert_eq!(taken("a", 60_000), 10, "never more than a second's worth");
    }

    #[test]
    fn clients_that_are_gone_are_forgotten() {
        let limits = Limits::new(NonZeroU32::new(10));
        let start = Instant::now();
        for client in 0..10_000 {
            assert!(limits.take(&client.to_string(), start + Duration::from_millis(client)));
        }
        assert!(limits.used.lock().unwrap().len() <= CLIENTS_MAX);
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let limits = Limits::new(None);
        assert!((0..10_000).all(|_| limits.take("a", Instant::now())));
    }
}
