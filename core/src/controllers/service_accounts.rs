//! Every namespace has a service account `default`.

use crate::api::{Body, Document, Key, Kind, Meta, Name, Object};
use crate::cluster::Context;
use crate::deletion::is_terminating;
use crate::order;
use crate::rng::Rng;
use crate::store::Change;
use std::sync::Arc;

const DEFAULT: &str = "default";

/// Namespaces that may lack theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceAccounts {
    dirty: order::Set<Name>,
}

impl ServiceAccounts {
    pub(super) fn observe(&mut self, change: &Change) {
        match (change.kind, &change.before, &change.after) {
            (Kind::Namespace, None, Some(namespace)) => _ = self.dirty.insert(namespace.meta.name.clone()),
            (Kind::ServiceAccount, Some(gone), None) if gone.meta.name == DEFAULT => {
                self.dirty.insert(gone.meta.namespace.to_name());
            }
            _ => {}
        }
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        for namespace in std::mem::take(&mut self.dirty) {
            let key = Key::new(Kind::ServiceAccount, namespace.clone(), DEFAULT);
            let home = cx.store.get(Kind::Namespace, "", &namespace);
            if home.is_none_or(|home| is_terminating(home)) || cx.store.at(&key).is_some() {
                continue;
            }
            let meta = Meta {
                name: key.name,
                // Of a chance of their own: what the cluster draws is the same however many there are.
                uid: Rng::new(cx.config.seed ^ cx.store.revision(), &namespace).uid(),
                namespace: namespace.into(),
                created: cx.now.floor_secs(),
                ..Meta::default()
            };
            let body = Body::Document(Document { kind: Kind::ServiceAccount, fields: Arc::default() });
            // There is none of that name.
            let _ = cx.store.create(Object { meta, body });
        }
    }
}
