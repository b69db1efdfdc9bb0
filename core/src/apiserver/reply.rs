//! What comes of a request, before it is written out.

use super::accept::Form;
use super::present::{self, IncludeObject};
use super::{Answer, Response};
use crate::api::{ApiError, Kind, Object};
use crate::time::Time;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What comes of a request that is not refused.
#[derive(Debug)]
pub(super) enum Reply {
    /// A document with its HTTP status.
    Document(u16, Value),
    /// An object, with its HTTP status.
    Object(u16, Shown),
    /// Objects, granted.
    List(List),
    /// No more than that the request was granted, with its HTTP status.
    Granted(u16),
    /// Anything else.
    Other(Answer),
}

/// An object in the form in which it is to be shown. The store goes on without it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) object: Arc<Object>,
    pub(super) form: Form,
    pub(super) include: IncludeObject,
    pub(super) now: Time,
}

/// Objects in the form in which they are to be shown. The store goes on without them.
#[derive(Debug)]
pub(super) struct List {
    pub(super) kind: Kind,
    pub(super) objects: Vec<Arc<Object>>,
    /// The list's own.
    pub(super) metadata: Map<String, Value>,
    pub(super) form: Form,
    pub(super) include: IncludeObject,
    pub(super) now: Time,
}

/// An answer that is still to be written out. All that it says is settled, and it needs the cluster no more: a long one
/// can be written while the cluster goes on.
#[derive(Debug)]
pub struct Draft {
    pub(super) reply: Result<Reply, ApiError>,
    pub(super) warnings: Vec<String>,
    pub(super) pretty: bool,
}

impl Draft {
    /// Whether writing it out may take long.
    pub const fn is_long(&self) -> bool {
        matches!(self.reply, Ok(Reply::List(_)))
    }

    /// Writes it out.
    pub fn finish(self) -> Answer {
        let (status, text) = match self.reply {
            Ok(Reply::Other(answer)) => return answer,
            // A JSON value can always be written.
            Ok(Reply::Document(status, value)) => (status, value.to_string()),
            Err(error) => (error.code, error.to_status().to_string()),
            Ok(Reply::Granted(status)) => return done(status, String::new(), self.warnings),
            Ok(Reply::Object(status, shown)) => (status, present::one(&shown)),
            Ok(Reply::List(list)) => {
                let List { kind, objects, metadata, form, include, now } = list;
                (200, present::list(kind, &objects, metadata, form, include, now))
            }
        };
        done(status, if self.pretty { pretty(&text) } else { text }, self.warnings)
    }
}

/// JSON, which was written just now, for people to read.
fn pretty(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn done(status: u16, body: String, warnings: Vec<String>) -> Answer {
    Answer::Done(Response { status, content_type: "application/json".to_owned(), warnings, body })
}
