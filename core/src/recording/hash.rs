//! One number for the whole state of a cluster.
//!
//! Made from objects as the core keeps them: to write tens of thousands of pods and events as JSON only to hash them
//! took longer than to simulate them. A field that is added must be added here too, or this does not compile.

use super::digest::Digest;
use crate::api::granted::{Grant, Granted, Share};
use crate::api::{
    Body, Condition, ContainerState, ContainerStatus, Deletion, EventBody, Kind, Labels, ManagedFields, Meta, MetaRest,
    Object, Occasion, PodBody, PodStatus, QosClass, RarerStatus, Referent, Terminated, When,
};
use crate::cluster::Cluster;
use crate::scheduler::{Chosen, Code, Decision, Plan, PluginScore, Preemption, Refusal, Restraint, Setting};
use crate::time::Time;
use serde::Serialize;
use std::sync::Arc;

/// A hash (XXH3, 64 bits) over everything a cluster holds: its revision, every object, field by field, and the
/// schedulers' decisions with all that was weighed in them. Equal states have equal hashes on every machine.
pub fn state_hash(cluster: &Cluster) -> u64 {
    state_hash_of(cluster, Kind::ALL.map(|kind| kind_hash(cluster, kind)))
}

/// The same, from what [`kind_hash`] gives for each kind, in the order of [`Kind::ALL`]: for who makes some of them beside.
pub fn state_hash_of(cluster: &Cluster, kinds: [u64; Kind::COUNT]) -> u64 {
    let mut digest = Digest::default();
    digest.number(cluster.store().revision());
    digest.number(cluster.now().0);
    digest.list(kinds.into_iter(), Digest::number);
    digest.take()
}

/// The part of the state's hash that is made from the objects of one kind and the decisions on them: the sum of the hashes
/// of each, for which nothing has to be brought into an order. No two have the same name.
pub fn kind_hash(cluster: &Cluster, kind: Kind) -> u64 {
    let mut digest = Digest::default();
    let store = cluster.store();
    let hash = |object: &Arc<Object>| {
        add_object(&mut digest, object);
        digest.option(cluster.schedulers().decision(object.meta.uid, store), add_decision);
        digest.take()
    };
    store.seated(kind).map(hash).fold(0, u64::wrapping_add)
}

fn add_object(digest: &mut Digest, object: &Object) {
    let Object { meta, body } = object;
    add_meta(digest, meta);
    match body {
        Body::Namespace { spec, status } => add_parts(digest, spec, status),
        Body::Node { spec, status } => add_parts(digest, spec, status),
        Body::ReplicationController { spec, status } => add_parts(digest, spec, status),
        Body::Service { spec, status } => add_parts(digest, spec, status),
        Body::Endpoints { subsets } => digest.shared(subsets, Digest::structure),
        Body::Pod(pod) => {
            let PodBody { spec, node, status } = &**pod;
            digest.shared(spec, Digest::structure);
            digest.word(node.as_ref().map(|node| node.as_str()));
            add_pod_status(digest, status);
        }
        Body::Event(event) => add_event(digest, event),
        Body::Document(document) => digest.shared(&document.fields, Digest::map),
    }
}

fn add_parts<A: Serialize, B: Serialize>(digest: &mut Digest, spec: &Arc<A>, status: &Arc<B>) {
    digest.shared(spec, Digest::structure);
    digest.shared(status, Digest::structure);
}

fn add_time(digest: &mut Digest, time: Time) {
    digest.number(time.0);
}

fn add_labels(digest: &mut Digest, labels: &Labels) {
    digest.shared(labels, |digest, labels| {
        digest.list(labels.iter(), |digest, (key, value)| {
            digest.text(key);
            digest.text(value);
        });
    });
}

fn add_meta(digest: &mut Digest, meta: &Meta) {
    let Meta {
        name,
        namespace,
        uid,
        resource_version,
        generation,
        created,
        labels,
        annotations,
        owners,
        deletion,
        managed,
        rest,
    } = meta;
    digest.text(name);
    digest.text(namespace);
    digest.number(uid.bits().cast_signed());
    digest.number(*resource_version);
    digest.number(*generation);
    add_time(digest, *created);
    add_labels(digest, labels);
    add_labels(digest, annotations);
    digest.option(owners.as_ref(), |digest, owners| digest.shared(owners, Digest::structure));
    digest.option(deletion.as_deref(), |digest, Deletion { at, grace_seconds }| {
        add_time(digest, *at);
        digest.option(*grace_seconds, Digest::number);
    });
    digest.option(managed.as_ref(), |digest, managed| {
        digest.shared(managed, |digest, managed| add_managed(digest, managed));
    });
    digest.option(rest.as_deref(), |digest, MetaRest { generate_name, finalizers, self_link }| {
        digest.word(generate_name.as_deref());
        digest.list(finalizers.iter(), |digest, finalizer| digest.text(finalizer));
        digest.word(self_link.as_deref());
    });
}

fn add_managed(digest: &mut Digest, managed: &[ManagedFields]) {
    digest.list(managed.iter(), |digest, entry| {
        let ManagedFields { manager, operation, api_version, subresource, at, fields } = entry;
        digest.text(manager);
        digest.text(operation.as_str());
        digest.text(api_version);
        digest.text(subresource);
        match at {
            When::Unsaid => digest.text("unsaid"),
            When::Created => digest.text("created"),
            When::At(at) => add_time(digest, *at),
        }
        digest.text(fields);
    });
}

fn add_pod_status(digest: &mut Digest, status: &PodStatus) {
    let PodStatus { phase, conditions, containers, host_ip, pod_ip, start_time, qos_class, rarer } = status;
    let RarerStatus { init_containers, ephemeral_containers, reason, message, nominated_node, rest } = &**rarer;
    digest.text(phase.as_str());
    digest.list(conditions.iter(), add_condition);
    digest.list(init_containers.iter(), add_container);
    digest.list(containers.iter(), add_container);
    digest.list(ephemeral_containers.iter(), add_container);
    digest.word(reason.as_deref());
    digest.word(message.as_deref());
    digest.word(host_ip.as_ref().map(|ip| ip.as_str()));
    digest.word(pod_ip.as_deref());
    digest.option(*start_time, add_time);
    digest.word(qos_class.map(QosClass::as_str));
    digest.word(nominated_node.as_deref());
    digest.option(rest.as_deref(), Digest::structure);
}

fn add_condition(digest: &mut Digest, condition: &Condition) {
    let Condition { kind, status, since, probed, reason, message, observed_generation } = condition;
    digest.text(kind.as_str());
    digest.text(status.as_str());
    digest.option(*since, add_time);
    digest.option(*probed, add_time);
    digest.word(reason.as_deref());
    digest.word(message.as_deref());
    digest.option(*observed_generation, Digest::number);
}

fn add_container(digest: &mut Digest, container: &ContainerStatus) {
    let ContainerStatus { name, image, state, last, restarts, ready, started, id, image_id, granted, rest } = container;
    digest.text(name);
    digest.text(image);
    match state {
        ContainerState::Unset => digest.text("unset"),
        ContainerState::Waiting { reason, message } => {
            digest.text("waiting");
            digest.word(reason.as_deref());
            digest.word(message.as_deref());
        }
        ContainerState::Running { since } => {
            digest.text("running");
            digest.option(*since, add_time);
        }
        ContainerState::Terminated(terminated) => {
            digest.text("terminated");
            add_terminated(digest, terminated);
        }
    }
    digest.option(last.as_deref(), add_terminated);
    digest.number(*restarts);
    digest.number(u8::from(*ready));
    digest.option(started.map(u8::from), Digest::number);
    digest.word(id.as_deref());
    digest.word(image_id.as_deref());
    match granted {
        Granted::Unsaid => digest.text("unsaid"),
        Granted::AsWanted => digest.text("as wanted"),
        Granted::Other(grant) => {
            let Grant { allocated, actual } = &**grant;
            for Share { requests, limits } in [allocated, actual] {
                digest.option(requests.as_ref(), Digest::structure);
                digest.option(limits.as_ref(), Digest::structure);
            }
        }
    }
    digest.option(rest.as_deref(), Digest::structure);
}

fn add_terminated(digest: &mut Digest, terminated: &Terminated) {
    let Terminated { exit_code, signal, reason, message, started, finished, container_id } = terminated;
    digest.number(*exit_code);
    digest.option(*signal, Digest::number);
    digest.word(reason.as_deref());
    digest.word(message.as_deref());
    digest.option(*started, add_time);
    digest.option(*finished, add_time);
    digest.word(container_id.as_deref());
}

fn add_event(digest: &mut Digest, event: &EventBody) {
    let EventBody { occasion, name, uid, resource_version, message, count, first, last, host, rest } = event;
    digest.shared(occasion, |digest, occasion| {
        let Occasion { of, api_version, namespace, field_path, reason, kind, component } = occasion;
        for text in [of, api_version, namespace, field_path, reason, component] {
            digest.text(text);
        }
        digest.text(kind.as_str());
    });
    digest.text(name);
    match uid {
        Referent::Uid(uid) => digest.number(uid.bits().cast_signed()),
        Referent::Text(text) => digest.text(text),
    }
    digest.number(*resource_version);
    digest.text(message);
    digest.number(*count);
    add_time(digest, *first);
    add_time(digest, *last);
    digest.text(host);
    digest.option(rest.as_deref(), Digest::structure);
}

fn add_decision(digest: &mut Digest, decision: &Decision) {
    let Decision { pod: _, at, setting, chosen, against: _ } = decision;
    let Setting { scheduler, nodes, feasible, scores } = &**setting;
    add_time(digest, *at);
    digest.text(scheduler);
    digest.number(*nodes);
    digest.number(*feasible);
    digest.option(chosen.as_ref(), |digest, Chosen { node, runner_up }| {
        digest.text(node);
        digest.list(scores.iter(), |digest, PluginScore { plugin, normalized, weighted }| {
            digest.text(plugin);
            digest.number(*normalized);
            digest.number(*weighted);
        });
        digest.option(runner_up.as_ref(), |digest, (node, margin)| {
            digest.text(node);
            digest.number(*margin);
        });
    });
    digest.list(decision.refusals().iter(), |digest, Refusal { plugin, code, reasons, nodes }| {
        digest.text(plugin);
        digest.number(u8::from(*code == Code::Unresolvable));
        digest.list(reasons.iter(), |digest, reason| digest.text(&reason.to_string()));
        digest.number(*nodes);
    });
    digest.option(decision.preemption(), |digest, preemption| match preemption {
        Preemption::Planned(Plan { node, victims }) => {
            digest.text("planned");
            digest.text(node);
            digest.list(victims.iter(), |digest, (namespace, name)| {
                digest.text(namespace);
                digest.text(name);
            });
        }
        Preemption::Refrained(restraint) => digest.text(match restraint {
            Restraint::Disabled => "disabled",
            Restraint::Policy => "policy",
            Restraint::Underway => "underway",
        }),
        Preemption::Useless(reasons) => {
            digest.text("useless");
            digest.list(reasons.iter(), |digest, (reason, nodes)| {
                digest.text(&reason.to_string());
                digest.number(*nodes);
            });
        }
    });
}
