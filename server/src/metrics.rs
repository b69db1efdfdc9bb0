//! What the server counts about itself, in Prometheus' text form.

use kubarium_core::Cluster;
use kubarium_core::api::{Kind, PodPhase};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OperationLabels {
    node: String,
    operation: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NodeLabels {
    node: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// All counters of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histogram,
    watches: Gauge,
    watches_dropped: Counter,
    revision: Gauge,
    commit_seconds: Histogram,
    commit_objects: Counter,
    pods: Family<PhaseLabels, Gauge>,
    pods_unbound: Gauge,
    docker_operations: Family<OperationLabels, Counter>,
    docker_operation_seconds: Family<NodeLabels, Histogram>,
    docker_up: Family<NodeLabels, Gauge>,
    proxy_connections: Family<OutcomeLabels, Counter>,
}

/// From 0.5 ms to about 16 s.
fn seconds() -> Histogram {
    Histogram::new((0..16).map(|i| 0.0005 * f64::from(1u32 << i)))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("kubarium");
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: seconds(),
            watches: Gauge::default(),
            watches_dropped: Counter::default(),
            revision: Gauge::default(),
            commit_seconds: seconds(),
            commit_objects: Counter::default(),
            pods: Family::default(),
            pods_unbound: Gauge::default(),
            docker_operations: Family::default(),
            docker_operation_seconds: Family::new_with_constructor(seconds),
            docker_up: Family::default(),
            proxy_connections: Family::default(),
        };
        let r = &mut registry;
        r.register("requests", "Requests answered, by method and status code", metrics.requests.clone());
        r.register_with_unit(
            "request",
            "Time to an answer; watches and followed logs are left out",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        r.register("watches", "Open watches", metrics.watches.clone());
        r.register(
            "watches_dropped",
            "Watches ended because their client was too slow",
            metrics.watches_dropped.clone(),
        );
        r.register("store_revision", "Revision of the last durable change", metrics.revision.clone());
        r.register_with_unit(
            "store_commit",
            "Time to make a batch of changes durable",
            Unit::Seconds,
            metrics.commit_seconds.clone(),
        );
        r.register("store_commit_objects", "Objects written to disk", metrics.commit_objects.clone());
        r.register("pods", "Pods by phase", metrics.pods.clone());
        r.register("scheduler_pending_pods", "Pods that have no node yet", metrics.pods_unbound.clone());
        r.register(
            "docker_operations",
            "Operations on Docker hosts, by node, operation and outcome",
            metrics.docker_operations.clone(),
        );
        r.register_with_unit(
            "docker_operation",
            "Time operations on a Docker host took",
            Unit::Seconds,
            metrics.docker_operation_seconds.clone(),
        );
        r.register("docker_up", "Whether a Docker host answers", metrics.docker_up.clone());
        r.register("proxy_connections", "Connections to node ports, by outcome", metrics.proxy_connections.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn request(&self, method: &str, code: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { method: method.to_owned(), code }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// A watch began.
    pub fn watch_opened(&self) {
        self.watches.inc();
    }

    /// A watch ended; `slow` where its client could not keep up.
    pub fn watch_closed(&self, slow: bool) {
        self.watches.dec();
        if slow {
            self.watches_dropped.inc();
        }
    }

    /// A new revision is durable.
    pub fn revision(&self, revision: u64) {
        self.revision.set(i64::try_from(revision).unwrap_or(i64::MAX));
    }

    /// So many objects were made durable.
    pub fn committed(&self, took: Duration, objects: usize) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_objects.inc_by(objects as u64);
    }

    /// An operation on a Docker host has ended.
    pub fn docker_operation(&self, node: &str, operation: &str, ok: bool, took: Duration) {
        let outcome = if ok { "ok" } else { "error" };
        let labels = OperationLabels { node: node.to_owned(), operation: operation.to_owned(), outcome };
        self.docker_operations.get_or_create(&labels).inc();
        self.docker_operation_seconds.get_or_create(&NodeLabels { node: node.to_owned() }).observe(took.as_secs_f64());
    }

    /// A Docker host answers, or does not.
    pub fn docker_up(&self, node: &str, up: bool) {
        self.docker_up.get_or_create(&NodeLabels { node: node.to_owned() }).set(i64::from(up));
    }

    /// A Docker host was removed.
    pub fn docker_forgotten(&self, node: &str) {
        self.docker_up.remove(&NodeLabels { node: node.to_owned() });
        self.docker_operation_seconds.remove(&NodeLabels { node: node.to_owned() });
    }

    /// A connection to a node port was passed on, or nobody could take it.
    pub fn proxy_connection(&self, passed: bool) {
        let outcome = if passed { "passed" } else { "refused" };
        self.proxy_connections.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Everything as text, pods counted now.
    pub fn render(&self, cluster: &Cluster) -> String {
        let phases = [PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed, PodPhase::Unknown];
        let mut counts = [0i64; 5];
        let mut unbound = 0;
        for pod in cluster.store().list(Kind::Pod, None).filter_map(|o| o.pod()) {
            counts[pod.status.phase as usize] += 1;
            unbound += i64::from(pod.node.is_none());
        }
        for phase in phases {
            self.pods.get_or_create(&PhaseLabels { phase: phase.as_str() }).set(counts[phase as usize]);
        }
        self.pods_unbound.set(unbound);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
