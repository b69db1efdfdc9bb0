//! Which pods are bound to which node, whether it exists or not.

use crate::api::{CommonName, Name, Object, Uid};
use crate::lookup::Lookup;

/// Pods by node. Most are never asked for, so they are put in order when they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    by_node: Lookup<CommonName, Vec<Uid>>,
}

fn node(object: Option<&Object>) -> Option<&CommonName> {
    object?.pod()?.node.as_ref()
}

impl Placement {
    /// Takes note of what became of a pod.
    pub(super) fn update(&mut self, before: Option<&Object>, after: Option<&Object>) {
        let Some(object) = after.or(before) else { return };
        let (uid, before, after) = (object.meta.uid, node(before), node(after));
        if before == after {
            return;
        }
        if let Some(node) = before
            && let Some(pods) = self.by_node.get_mut(node.as_str())
        {
            if let Some(at) = pods.iter().position(|pod| *pod == uid) {
                pods.swap_remove(at);
            }
            if pods.is_empty() {
                self.by_node.remove(node.as_str());
            }
        }
        if let Some(node) = after {
            self.by_node.get_or_insert_with(node.clone(), Vec::new).push(uid);
        }
    }

    /// The pods bound to a node, in no order that meant anything.
    pub(super) fn on(&self, node: &str) -> &[Uid] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// All nodes that pods are bound to, in order.
    pub(super) fn nodes(&self) -> Vec<&Name> {
        self.by_node.keys().into_iter().map(|node| &**node).collect()
    }
}
