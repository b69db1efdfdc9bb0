//! Events, kept small: a busy cluster has more of them than of anything else.

use super::{Name, Typed};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use serde::{Deserialize, Serialize};
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

/// Which object an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectReference {
    /// Its kind.
    pub kind: Name,
    /// Its API version.
    pub api_version: Name,
    /// Its namespace; empty for kinds without.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its uid as text: upstream uses the node's name for nodes.
    pub uid: Name,
    /// Its resource version when it happened.
    pub resource_version: Name,
    /// Which part of it, such as `spec.containers{web}`.
    pub field_path: Name,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBody {
    /// About which object.
    pub involved: ObjectReference,
    /// One word, such as `Scheduled`.
    pub reason: Name,
    /// A sentence.
    pub message: Arc<str>,
    /// Good news or a warning.
    pub kind: EventKind,
    /// How often it happened.
    pub count: u32,
    /// When first.
    pub first: Time,
    /// When last.
    pub last: Time,
    /// Who says so, such as `default-scheduler`.
    pub component: Name,
    /// On which node, where that matters.
    pub host: Name,
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
        let mut body = Self {
            involved: ObjectReference {
                kind: name(involved.kind),
                api_version: name(involved.api_version),
                namespace: name(involved.namespace),
                name: name(involved.name),
                uid: name(involved.uid),
                resource_version: name(involved.resource_version),
                field_path: name(involved.field_path),
            },
            reason: name(event.reason.take()),
            message: event.message.take().unwrap_or_default().into(),
            kind: if event.type_.as_deref() == Some("Warning") { EventKind::Warning } else { EventKind::Normal },
            count: event.count.take().unwrap_or_default().max(0) as u32,
            first: event.first_timestamp.take().as_ref().map(Time::from).unwrap_or_default(),
            last: event.last_timestamp.take().as_ref().map(Time::from).unwrap_or_default(),
            component: name(source.component),
            host: name(source.host),
            rest: None,
        };
        if matches!(event.type_.as_deref(), Some("Normal" | "Warning")) {
            event.type_ = None;
        }
        // The two that Kubernetes always writes: kept where they do not say the same as the source.
        for (field, same) in
            [(&mut event.reporting_component, &body.component), (&mut event.reporting_instance, &body.host)]
        {
            let said = field.take().unwrap_or_default();
            if said != same.as_str() {
                *field = Some(said);
            }
        }
        body.rest = Typed::of(event);
        body
    }

    /// In Kubernetes' form, without metadata.
    pub fn to_k8s(&self) -> k8s::Event {
        let mut event = self.rest.as_deref().cloned().unwrap_or_default().into_inner();
        let time = |t: Time| (t != Time::EPOCH).then(|| t.to_meta());
        event.involved_object = k8s::ObjectReference {
            kind: opt(&self.involved.kind),
            api_version: opt(&self.involved.api_version),
            namespace: opt(&self.involved.namespace),
            name: opt(&self.involved.name),
            uid: opt(&self.involved.uid),
            resource_version: opt(&self.involved.resource_version),
            field_path: opt(&self.involved.field_path),
        };
        event.reason = opt(&self.reason);
        event.message = opt(&self.message);
        event.type_ = event.type_.or_else(|| Some(self.kind.as_str().to_owned()));
        event.count = (self.count != 0).then_some(self.count as i32);
        event.first_timestamp = time(self.first);
        event.last_timestamp = time(self.last);
        event.source = Some(k8s::EventSource { component: opt(&self.component), host: opt(&self.host) });
        event.reporting_component = event.reporting_component.or_else(|| Some(self.component.to_string()));
        event.reporting_instance = event.reporting_instance.or_else(|| Some(self.host.to_string()));
        event
    }
}
