//! What resource quotas leave for pods that are made anew.
//!
//! A pod that is lost with its node stays in the store, on its way out, and counts no more once its grace period has passed
//! for the second time: what it asked for is free then, and replicas that were refused are made. A quota of objects
//! (`count/pods`) goes on counting it, as upstream.

use crate::admission::{Counts, applies, charged, counted, usage};
use crate::api::{Kind, Name, Object};
use crate::cluster::Cluster;
use crate::order;
use crate::time::{Span, Time};
use std::sync::Arc;

/// The quotas of all namespaces, with what is used of them.
#[derive(Clone)]
pub(super) struct Ledger {
    quotas: order::Map<Name, Vec<Arc<Object>>>,
    now: Time,
}

impl Ledger {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let mut quotas: order::Map<Name, Vec<Arc<Object>>> = order::Map::new();
        for quota in cluster.store().list(Kind::ResourceQuota, None) {
            quotas.entry(quota.meta.namespace.to_name()).or_default().push(Arc::clone(quota));
        }
        Self { quotas, now: cluster.now() }
    }

    /// For how long a pod goes on to count after its node was given up; none where no quota counts it.
    pub(super) fn counts_for(&self, pod: &Object) -> Option<Span> {
        let grace = pod.pod()?.spec.termination_grace_period_seconds.unwrap_or_default();
        self.knows(pod).then(|| Span::from_secs(grace.saturating_mul(2)))
    }

    /// Counts a pod out that is lost with its node.
    pub(super) fn lose(&mut self, pod: &Object) {
        if self.knows(pod) {
            self.count_out(pod, self.left_by(pod));
        }
    }

    /// Counts a pod out that goes.
    pub(super) fn remove(&mut self, pod: &Object) {
        if self.knows(pod) {
            self.count_out(pod, usage(pod, self.now));
        }
    }

    /// Counts a new pod in; the error is the sentence on why there is no room for it.
    pub(super) fn charge(&mut self, pod: &Object) -> Result<(), String> {
        if self.knows(pod) { self.count(pod, true, &usage(pod, self.now)) } else { Ok(()) }
    }

    fn knows(&self, pod: &Object) -> bool {
        self.quotas.contains_key(pod.meta.namespace.as_str())
    }

    /// Whether a new pod counts for more than a lost one leaves, by any quota.
    pub(super) fn is_short(&self, lost: &Object, new: &Object) -> bool {
        if !self.knows(new) {
            return false;
        }
        let (left, asked) = (self.left_by(lost), usage(new, self.now));
        let more = |resource: &str| counted(&asked, resource) > counted(&left, resource);
        let quotas =
            self.quotas.get(new.meta.namespace.as_str()).into_iter().flatten().filter_map(|quota| quota.document());
        let mut quotas = quotas.filter(|quota| applies(quota, new));
        quotas
            .any(|quota| !applies(quota, lost) || quota.entries(&["spec", "hard"]).any(|(resource, _)| more(resource)))
    }

    /// What a lost pod counts for no more.
    fn left_by(&self, pod: &Object) -> Counts {
        let mut left = usage(pod, self.now);
        left.retain(|(resource, _)| !resource.starts_with("count/"));
        left
    }

    fn count_out(&mut self, pod: &Object, mut less: Counts) {
        for (_, count) in &mut less {
            *count = -*count;
        }
        // Room is always there to give some back.
        let _ = self.count(pod, false, &less);
    }

    fn count(&mut self, pod: &Object, is_new: bool, more: &Counts) -> Result<(), String> {
        let Some(quotas) = self.quotas.get_mut(pod.meta.namespace.as_str()) else { return Ok(()) };
        for next in charged(quotas, pod, is_new, more)? {
            if let Some(quota) = quotas.iter_mut().find(|quota| quota.meta.uid == next.meta.uid) {
                *quota = Arc::new(next);
            }
        }
        Ok(())
    }
}
