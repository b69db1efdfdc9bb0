//! Which pods are bound to which node, whether it exists or not.

use crate::api::{Key, Kind, Name};
use crate::lookup::Lookup;
use crate::order;
use crate::store::Change;

/// Pods by node, in order of namespace and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    by_node: Lookup<Name, order::Set<(Name, Name)>>,
}

impl Placement {
    pub(super) fn observe(&mut self, change: &Change) {
        if change.kind() != Some(Kind::Pod) {
            return;
        }
        let node = |o: &Option<std::sync::Arc<crate::api::Object>>| o.as_ref().and_then(|o| o.pod()?.node.clone());
        let (before, after) = (node(&change.before), node(&change.after));
        let Some(object) = change.object().filter(|_| before != after) else { return };
        let pod = (object.meta.namespace.clone(), object.meta.name.clone());
        if let Some(node) = before
            && let Some(pods) = self.by_node.get_mut(&node)
        {
            pods.remove(&pod);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
        if let Some(node) = after {
            self.by_node.get_or_insert_with(node, order::Set::new).insert(pod);
        }
    }

    /// The pods bound to a node, in order.
    pub(super) fn on(&self, node: &str) -> impl Iterator<Item = Key> {
        let pods = self.by_node.get(node).into_iter().flatten();
        pods.map(|(namespace, name)| Key::new(Kind::Pod, namespace.clone(), name.clone()))
    }

    /// All nodes that pods are bound to, in order.
    pub(super) fn nodes(&self) -> Vec<&Name> {
        self.by_node.keys()
    }
}
