//! What is done to the world from outside, by its timeline or by an [`Action`], and the journal of it.

use super::World;
use crate::api::{Kind, Name, Object, Selector};
use crate::apiserver::{Answer, Method, Request};
use crate::cluster::Input;
use crate::order;
use crate::recording::Entry;
use crate::runtime::RuntimeEvent;
use crate::sim::action::{Action, ActionError, PodChoice, Target};
use crate::sim::manifests;
use crate::sim::refusal;
use crate::time::Time;
use serde_json::{Value, json};
use std::sync::Arc;

/// Something that was done to the world from outside, by its timeline or by an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When.
    pub at: Time,
    /// What, as a timeline writes it.
    pub what: String,
    /// Why it did not happen, if so.
    pub error: Option<String>,
}

/// How many entries the journal keeps.
const JOURNAL_ENTRIES_MAX: usize = 1_000;

impl World {
    /// Does something to the world now. The answer is there where the API was asked, refusals included.
    ///
    /// Everything done this way is in the [`Self::recording`].
    pub fn apply(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        self.recorded.push(Entry { at: self.now, events: self.events, action: action.clone() });
        self.act(action)
    }

    /// As [`Self::apply`], but it is not in the recording: for a world that runs for long and is not had again.
    pub fn act(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        // Reading changes nothing, and is not worth telling.
        let told = !matches!(&action, Action::Request { request } if request.method == Method::Get);
        let what = if told { action.to_string() } else { String::new() };
        let outcome = self.carry_out(action);
        if told {
            let error = match &outcome {
                Err(e) => Some(e.to_string()),
                Ok(Some(Answer::Done(response))) => refusal::refusal(response, "").map(|e| e.to_string()),
                Ok(_) => None,
            };
            self.note(what, error);
        }
        outcome
    }

    fn carry_out(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        match action {
            Action::FailNode { node } => {
                let machine = self.find(&node)?;
                let now = self.now;
                self.at_machine(machine, |m, _| m.switch_off(now));
            }
            Action::RestoreNode { node } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, site| {
                    if !m.is_on() {
                        m.switch_on(site);
                    }
                });
            }
            Action::PartitionNode { node } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, _| m.partition());
            }
            Action::HealNode { node } => {
                let machine = self.find(&node)?;
                let reports = self.at_machine(machine, |m, _| m.heal()).unwrap_or_default();
                self.report(machine, reports);
            }
            Action::FillDisk { node } => self.set_disk_full(&node, true)?,
            Action::FreeDisk { node } => self.set_disk_full(&node, false)?,
            Action::SlowPulls { node: Some(node), factor } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, _| m.set_slow_pulls(factor));
            }
            Action::SlowPulls { node: None, factor } => self.slow_pulls = factor.max(1),
            Action::Crash { pod, container, code } => self.crash(&pod, container, code)?,
            Action::AddNodes { pool } => self.add_pool(&pool),
            Action::RemoveNode { node } => {
                let machine = self.find(&node)?;
                self.handle(Input::Runtime { node: node.clone(), event: RuntimeEvent::Left });
                let now = self.now;
                self.at_machine(machine, |m, _| m.take_away(now));
                return Ok(self.request(Request::new(Method::Delete, format!("/api/v1/nodes/{node}"))));
            }
            Action::Traffic { to, rate_milli } => self.set_traffic(to, rate_milli),
            Action::SampleTraffic { every } => self.traffic.set_every(every),
            Action::Scale { target, replicas } => {
                let patch = json!({ "spec": { "replicas": replicas } });
                return self.patch(&target, &patch);
            }
            Action::Label { target, labels } => {
                let patch = json!({ "metadata": { "labels": labels } });
                return self.patch(&target, &patch);
            }
            Action::Cordon { node, closed } => {
                let target = Target { kind: Kind::Node, namespace: Name::default(), which: PodChoice::Name(node) };
                // A merge patch removes what is null.
                let patch =
                    json!({ "spec": { "unschedulable": if closed { Value::Bool(true) } else { Value::Null } } });
                return self.patch(&target, &patch);
            }
            Action::Delete { target } => {
                let path = manifests::path_of(&*self.resolve(&target)?);
                return Ok(self.request(Request::new(Method::Delete, path)));
            }
            Action::Apply { manifest } => self.apply_manifest(&manifest.into())?,
            Action::Request { request } => return Ok(self.request(request)),
        }
        Ok(None)
    }

    fn find(&self, node: &Name) -> Result<u32, ActionError> {
        let found = self.by_name.get(node).copied();
        found
            .filter(|n| self.machines.get(*n as usize).is_some_and(|m| !m.is_gone()))
            .ok_or_else(|| ActionError::NoMachine(node.clone()))
    }

    fn set_disk_full(&mut self, node: &Name, full: bool) -> Result<(), ActionError> {
        let machine = self.find(node)?;
        let report = self.at_machine(machine, |m, _| m.set_disk_full(full));
        self.report(machine, report.into_iter().collect());
        Ok(())
    }

    fn crash(&mut self, target: &Target, container: Option<Name>, code: i32) -> Result<(), ActionError> {
        let object = self.resolve(target)?;
        let not_running = || ActionError::NotNow(format!("{target} has no container running"));
        let node = object.pod().and_then(|p| p.node.clone()).ok_or_else(not_running)?;
        let machine = self.find(&node)?;
        let (uid, now) = (object.meta.uid, self.now);
        let report = self.at_machine(machine, |m, _| {
            let container = container.or_else(|| m.running_container(uid))?;
            m.end(uid, &container, None, code, now)
        });
        let report = report.flatten().ok_or_else(not_running)?;
        self.report(machine, vec![report]);
        Ok(())
    }

    /// The object an action means.
    fn resolve(&self, target: &Target) -> Result<Arc<Object>, ActionError> {
        let store = self.cluster.store();
        let missing = || ActionError::NoTarget(target.to_string());
        match &target.which {
            PodChoice::Name(name) => store.get(target.kind, &target.namespace, name).cloned().ok_or_else(missing),
            PodChoice::Nth { selector, n } => {
                let selector = Selector::parse(selector).map_err(|_| missing())?;
                let namespace = target.kind.info().namespaced.then_some(target.namespace.as_str());
                let mut matching: Vec<_> = store
                    .list(target.kind, namespace)
                    .filter(|o| o.meta.deletion.is_none() && selector.matches(&o.meta.labels))
                    .collect();
                order::sort_by(&mut matching, |a, b| {
                    (a.meta.created, &a.meta.name).cmp(&(b.meta.created, &b.meta.name))
                });
                matching.get(*n as usize).map(|o| Arc::clone(o)).ok_or_else(missing)
            }
        }
    }

    fn patch(&mut self, target: &Target, patch: &Value) -> Result<Option<Answer>, ActionError> {
        let mut request = Request::new(Method::Patch, manifests::path_of(&*self.resolve(target)?)).with_json(patch);
        "application/merge-patch+json".clone_into(&mut request.content_type);
        Ok(self.request(request))
    }

    /// Notes in the journal what was done, and why it did not happen if so.
    pub(super) fn note(&mut self, what: String, error: Option<String>) {
        if self.journal.len() == JOURNAL_ENTRIES_MAX {
            self.journal.pop_front();
        }
        self.journal.push_back(JournalEntry { at: self.now, what, error });
    }
}
