//! A fork in which something is tried: it is asked as a client asks, and then lives on for a little while.

use crate::api::{Kind, Object, Uid};
use crate::apiserver::{Answer, Method, Request};
use crate::cluster::{Cluster, Input};
use crate::scheduler::Line;
use crate::time::{Span, Time};
use serde_json::Value;
use std::sync::Arc;

/// How many calls of [`Cluster::handle`] one instant takes at most: each decides on hundreds of pods.
const CALLS_MAX: usize = 10_000;

/// How often a pod's back-off is waited for at most; each is ten seconds at most.
const WAITS_MAX: usize = 3;

/// Within which time a controller tries again, as long as it has not tried often.
const RETRIES: Span = Span::from_secs(3);

/// A fork of a cluster.
pub(super) struct Trial {
    pub(super) cluster: Cluster,
}

impl Trial {
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    /// A fork in which no pod leaves for others, whoever waits.
    pub(super) fn sparing(cluster: &Cluster) -> Self {
        let mut trial = Self::new(cluster);
        trial.cluster.spare();
        trial
    }

    /// Asks the API; the error is its sentence.
    pub(super) fn ask(&mut self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let mut request = Request::new(method, path).with_json(body);
        if method == Method::Patch {
            "application/merge-patch+json".clone_into(&mut request.content_type);
        }
        let now = self.cluster.now();
        let Some(Answer::Done(done)) = self.cluster.handle(now, Input::Request(request)).answer else {
            return Err(String::new());
        };
        let answer: Value = serde_json::from_str(&done.body).unwrap_or_default();
        if done.status < 300 {
            return Ok(answer);
        }
        Err(answer["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Lets all happen that follows at once. No machine does anything meanwhile.
    pub(super) fn settle(&mut self) {
        let now = self.cluster.now();
        for _ in 0..CALLS_MAX {
            if self.cluster.handle(now, Input::Wake).wake != Some(now) {
                break;
            }
        }
    }

    /// Lets all happen that follows at once, and waits until the schedulers have tried the pod that is found: what
    /// was tried in vain a moment ago is left alone for some seconds. Returns the pod as it is then.
    pub(super) fn settle_for(&mut self, find: impl Fn(&Cluster) -> Option<Arc<Object>>) -> Option<Arc<Object>> {
        self.settle();
        for _ in 0..WAITS_MAX {
            let pod = find(&self.cluster)?;
            let wait = self.cluster.schedulers().wait(pod.meta.uid, self.cluster.store());
            let Some(Line::BackingOff(at)) = wait.map(|w| w.line) else { break };
            self.wait(at);
        }
        find(&self.cluster)
    }

    /// Lets time pass. What is due before happens in its turn.
    fn wait(&mut self, until: Time) {
        while self.cluster.now() < until {
            let now = self.cluster.now();
            let next = self.cluster.handle(now, Input::Wake).wake.map_or(until, |wake| wake.min(until));
            self.cluster.handle(next, Input::Wake);
        }
        self.settle();
    }

    /// Lets controllers try again what they tried in vain while pods were on their way out.
    pub(super) fn pause(&mut self) {
        self.wait(self.cluster.now() + RETRIES);
    }

    /// Whether a controller has fewer pods than before.
    pub(super) fn has_fewer(&self, before: &Cluster, owner: Uid) -> bool {
        let its = |o: &&Arc<Object>| o.meta.controller_uid() == Some(owner) && o.meta.deletion.is_none();
        let count = |cluster: &Cluster| cluster.store().list(Kind::Pod, None).filter(its).count();
        count(&self.cluster) < count(before)
    }

    /// Ends such pods that are on their way out: no machine does it here.
    pub(super) fn end(&mut self, which: impl Fn(&Object) -> bool) {
        let leaving = |o: &&Arc<Object>| o.meta.deletion.is_some() && which(o);
        let pods = self.cluster.store().list(Kind::Pod, None).filter(leaving);
        let pods: Vec<_> = pods.map(|o| (o.meta.namespace.to_name(), o.meta.name.clone())).collect();
        for (namespace, name) in pods {
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
            // One that is gone already is as well.
            _ = self.ask(Method::Delete, &path, &serde_json::json!({"gracePeriodSeconds": 0}));
        }
    }

    /// The pods that are new and wait for a node, once the schedulers have tried them.
    pub(super) fn settle_new(&mut self, before: &Cluster) -> Vec<Uid> {
        let waits = |o: &Arc<Object>| o.pod().is_some_and(|pod| pod.node.is_none()) && o.meta.deletion.is_none();
        let new = |o: &&Arc<Object>| waits(o) && before.store().pod(o.meta.uid).is_none();
        let mut new: Vec<Uid> = self.cluster.store().list(Kind::Pod, None).filter(new).map(|o| o.meta.uid).collect();
        new.retain(|uid| self.settle_for(|cluster| cluster.store().pod(*uid).cloned()).is_some_and(|pod| waits(&pod)));
        new
    }

    /// The pods that were on a node and are not, or not for long.
    pub(super) fn gone_from<'a>(&self, before: &'a Cluster, node: &str, but: &[Uid]) -> Vec<&'a Arc<Object>> {
        let was = |o: &&Arc<Object>| {
            let there = o.meta.deletion.is_none() && o.pod().is_some_and(|pod| pod.node_name() == Some(node));
            let now = || self.cluster.store().pod(o.meta.uid);
            there && !but.contains(&o.meta.uid) && now().is_none_or(|now| now.meta.deletion.is_some())
        };
        before.store().list(Kind::Pod, None).filter(was).collect()
    }
}
