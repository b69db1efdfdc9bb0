//! Clients of services: when they ask, and what comes of it.

use super::World;
use crate::api::Kind;
use crate::sim::manifests;
use crate::sim::queue::Happening;
use crate::sim::traffic::{Flow, Outcome, SAMPLES_MAX, ServicePort};

impl World {
    pub(super) fn set_traffic(&mut self, to: ServicePort, rate_milli: u64) {
        if let Some(flow) = self.traffic.set_rate(to, rate_milli, self.now) {
            let at = self.traffic.next_due(flow, self.now);
            self.queue.push(at, Happening::Traffic(flow));
        }
    }

    /// Clients ask a service.
    pub(super) fn visit(&mut self, n: u32) {
        self.queue.push(self.traffic.next_due(n, self.now), Happening::Traffic(n));
        let Some(flow) = self.traffic.flow_mut(n) else { return };
        let requests = flow.due(self.now);
        if requests == 0 {
            return;
        }
        let samples = requests.min(SAMPLES_MAX);
        let to = flow.to.clone();
        let port = match to.port {
            0 => manifests::first_port(&self.cluster, &to),
            port => port,
        };
        for sample in 0..samples {
            let weight = requests / samples + u64::from(sample < requests % samples);
            let client = self.traffic.flow_mut(n).map(Flow::next_client).unwrap_or_default();
            let backend = self.cluster.route(&to.namespace, &to.service, port, &client);
            let refused = backend.is_none();
            let pod = backend.and_then(|b| b.pod.zip(b.node));
            let outcome = match &pod {
                _ if refused => Outcome::Refused,
                Some((pod, node)) if self.answers(pod, node) => Outcome::Answered,
                _ => Outcome::Lost,
            };
            self.traffic.record(n, self.now, pod, outcome, weight);
        }
        if self.traffic.tracked_pods() > 2 * self.cluster.store().count(Kind::Pod) + 1_000 {
            let store = self.cluster.store();
            self.traffic.forget_pods(|uid| store.pod(uid).is_some());
        }
    }
}
