//! Events, kept small: a busy cluster has more of them than of anything else.

use super::{CommonName, Name, Typed, Uid};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Whether an event is good news or needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// All is as it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventKind {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What many events have in common, and share.
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    /// The kind of the object they are about.
    pub of: Name,
    /// Its API version.
    pub api_version: Name,
    /// Its namespace; empty for kinds without.
    pub namespace: CommonName,
    /// Which part of it, such as `spec.containers{web}`.
    pub field_path: Name,
    /// One word, such as `Scheduled`.
    pub reason: Name,
    /// Good news or a warning.
    pub kind: EventKind,
    /// Who says so, such as `default-scheduler`.
    pub component: Name,
}

/// The uid of an object as an event names it: upstream uses the name for nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referent {
    /// A uid as we write them.
    Uid(Uid),
    /// Anything else.
    Text(Name),
}

impl From<Name> for Referent {
    fn from(text: Name) -> Self {
        match text.parse::<Uid>() {
            Ok(uid) if uid.to_string() == text.as_str() => Self::Uid(uid),
            _ => Self::Text(text),
        }
    }
}

impl fmt::Display for Referent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBody {
    /// To what kind of object, and what: shared.
    pub occasion: Arc<Occasion>,
    /// The name of the object.
    pub name: Name,
    /// Its uid.
    pub uid: Referent,
    /// Its resource version when it happened; 0 for none.
    pub resource_version: u64,
    /// A sentence.
    pub message: Arc<str>,
    /// How often it happened.
    pub count: u32,
    /// When first.
    pub first: Time,
    /// When last.
    pub last: Time,
    /// On which node, where that matters.
    pub host: Box<str>,
    /// What a client wrote beyond that.
    pub rest: Option<Box<Typed<k8s::Event>>>,
}

fn opt(s: &str) -> Option<String> {
    (!s.is_empty()).then(|| s.to_owned())
}

fn name(s: Option<String>) -> Name {
    s.unwrap_or_default().into()
}

impl EventBody {
    /// From Kubernetes' form, whose metadata goes elsewhere.
    pub fn from_k8s(mut event: k8s::Event) -> Self {
        let involved = std::mem::take(&mut event.involved_object);
        let source = event.source.take().unwrap_or_default();
        event.metadata = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta::default();
        let said = involved.resource_version.filter(|said| !said.is_empty());
        let resource_version: u64 = said.as_ref().and_then(|said| said.parse().ok()).unwrap_or_default();
        // One that is no number of ours is kept as it was written.
        event.involved_object.resource_version = said.filter(|said| resource_version.to_string() != *said);
        let occasion = Occasion {
            of: name(involved.kind),
            api_version: name(involved.api_version),
            namespace: name(involved.namespace).into(),
            field_path: name(involved.field_path),
            reason: name(event.reason.take()),
            kind: if event.type_.as_deref() == Some("Warning") { EventKind::Warning } else { EventKind::Normal },
            component: name(source.component),
        };
        let mut body = Self {
            occasion: Arc::new(occasion),
            name: name(involved.name),
            uid: name(involved.uid).into(),
            resource_version,
            message: event.message.take().unwrap_or_default().into(),
            count: event.count.take().unwrap_or_default().max(0) as u32,
            first: event.first_timestamp.take().as_ref().map(Time::from).unwrap_or_default(),
            last: event.last_timestamp.take().as_ref().map(Time::from).unwrap_or_default(),
            host: source.host.unwrap_or_default().into(),
            rest: None,
        };
        if matches!(event.type_.as_deref(), Some("Normal" | "Warning")) {
            event.type_ = None;
        }
        // The two that Kubernetes always writes: kept where they do not say the same as the source.
        let component: &str = &body.occasion.component;
        for (field, same) in [(&mut event.reporting_component, component), (&mut event.reporting_instance, &body.host)]
        {
            let said = field.take().unwrap_or_default();
            if said != same {
                *field = Some(said);
            }
        }
        body.rest = Typed::of(event);
        body
    }

    /// The object's resource version when it happened, as text; empty for none.
    pub fn version_then(&self) -> String {
        let written = self.rest.as_ref().and_then(|rest| rest.involved_object.resource_version.clone());
        let number = || if self.resource_version == 0 { String::new() } else { self.resource_version.to_string() };
        written.unwrap_or_else(number)
    }

    /// In Kubernetes' form, without metadata.
    pub fn to_k8s(&self) -> k8s::Event {
        let mut event = self.rest.as_deref().cloned().unwrap_or_default().into_inner();
        let time = |t: Time| (t != Time::EPOCH).then(|| t.to_meta());
        let Occasion { of, api_version, namespace, field_path, reason, kind, component } = &*self.occasion;
        event.involved_object = k8s::ObjectReference {
            kind: opt(of),
            api_version: opt(api_version),
            namespace: opt(namespace),
            name: opt(&self.name),
            uid: opt(&self.uid.to_string()),
            resource_version: opt(&self.version_then()),
            field_path: opt(field_path),
        };
        event.reason = opt(reason);
        event.message = opt(&self.message);
        event.type_ = event.type_.or_else(|| Some(kind.as_str().to_owned()));
        event.count = (self.count != 0).then_some(self.count as i32);
        event.first_timestamp = time(self.first);
        event.last_timestamp = time(self.last);
        event.source = Some(k8s::EventSource { component: opt(component), host: opt(&self.host) });
        event.reporting_component = event.reporting_component.or_else(|| Some(component.to_string()));
        event.reporting_instance = event.reporting_instance.or_else(|| Some(self.host.to_string()));
        event
    }
}
