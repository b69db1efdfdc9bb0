//! Which pods are bound to which node, whether it exists or not.

use crate::api::{Kind, Name, Object, Uid};
use crate::lookup::Lookup;
use crate::order;
use crate::store::{Change, Store};
use std::sync::Arc;

/// Pods by node. Most are never asked for, so they are put in order when they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    by_node: Lookup<Name, Vec<Uid>>,
}

impl Placement {
    pub(super) fn observe(&mut self, change: &Change) {
        if change.kind != Kind::Pod {
            return;
        }
        let [before, after] = [&change.before, &change.after].map(|o| o.as_ref().and_then(|o| o.pod()?.node.as_ref()));
        let Some(object) = change.object().filter(|_| before != after) else { return };
        let uid = object.meta.uid;
        if let Some(node) = before
            && let Some(pods) = self.by_node.get_mut(node)
        {
            if let Some(at) = pods.iter().position(|pod| *pod == uid) {
                pods.swap_remove(at);
            }
            if pods.is_empty() {
                self.by_node.remove(node);
            }
        }
        if let Some(node) = after {
            self.by_node.get_or_insert_with(node.clone(), Vec::new).push(uid);
        }
    }

    /// The pods bound to a node that there still are, in order of namespace and name.
    pub(super) fn on(&self, node: &str, store: &Store) -> Vec<Arc<Object>> {
        let pods = self.by_node.get(node).into_iter().flatten();
        let mut pods: Vec<Arc<Object>> = pods.filter_map(|uid| store.pod(*uid)).cloned().collect();
        order::sort_by(&mut pods, |a, b| (&a.meta.namespace, &a.meta.name).cmp(&(&b.meta.namespace, &b.meta.name)));
        pods
    }

    /// All nodes that pods are bound to, in order.
    pub(super) fn nodes(&self) -> Vec<&Name> {
        self.by_node.keys()
    }
}
