//! The active pods of one owner, counted as they change.

use super::replica_manager::Tally;
use crate::api::{ConditionKind, Name, Object, PodStatus};
use crate::order;
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// What counts of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    labeled: bool,
    ready: bool,
    available: bool,
    /// When it becomes available if nothing happens.
    pub(super) ripens: Option<Time>,
}

impl Member {
    /// Of an active pod, for an owner whose template has `labels`.
    pub(super) fn of(object: &Object, labels: &BTreeMap<String, String>, min_ready: Span, now: Time) -> Self {
        let status = object.pod().map(|p| &p.status);
        let ready = status.is_some_and(PodStatus::is_ready);
        let since = status.and_then(|s| s.condition(&ConditionKind::Ready)?.since);
        let at = since.filter(|_| ready).map(|since| since + min_ready);
        let available = ready && (min_ready == Span::ZERO || at.is_some_and(|at| at <= now));
        Self {
            labeled: labels.iter().all(|(k, v)| object.meta.labels.get(k) == Some(v)),
            ready,
            available,
            ripens: at.filter(|_| ready && !available),
        }
    }
}

/// The members by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    by_name: order::Map<Name, Box<Member>>,
    labeled: usize,
    ready: usize,
    available: usize,
}

impl Members {
    /// Sets or, with none, removes a member.
    pub(super) fn set(&mut self, name: &Name, member: Option<Member>) {
        let old = match member {
            Some(member) => self.by_name.insert(name.clone(), Box::new(member)),
            None => self.by_name.remove(name),
        };
        if let Some(old) = old {
            self.labeled -= usize::from(old.labeled);
            self.ready -= usize::from(old.ready);
            self.available -= usize::from(old.available);
        }
        if let Some(new) = member {
            self.labeled += usize::from(new.labeled);
            self.ready += usize::from(new.ready);
            self.available += usize::from(new.available);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.by_name.keys()
    }

    /// The counts.
    pub(super) fn tally(&self) -> Tally {
        Tally { replicas: self.len(), labeled: self.labeled, ready: self.ready, available: self.available }
    }
}
