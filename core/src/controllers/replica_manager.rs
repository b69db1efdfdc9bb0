//! Keeps a number of equal pods: adopts, releases, creates and deletes them, and counts them.
//!
//! Serves every kind that has a selector, a template and a number of replicas. Counts follow the changes, so that
//! a pod that becomes ready costs the same among three and among thirty thousand.

use super::members::{Member, Members};
use super::owned::Owned;
use super::template::Template;
use super::victims::Worth;
use crate::api::{EventKind, Key, Kind, Name, Object, Selector, Uid, same};
use crate::cluster::Context;
#[cfg(feature = "foresight")]
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::deletion::{DeleteOptions, delete_object};
use crate::order;
use crate::store::Change;
#[cfg(feature = "foresight")]
use crate::store::Store;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// How many pods are created or deleted for one owner before others have their turn.
const BURST_PODS_MAX: usize = 500;
/// First and longest wait after a failed creation. Upstream's work queue starts at 5 ms.
const RETRY_FIRST: Span = Span::from_millis(5);
const RETRY_LAST: Span = Span::from_secs(1_000);

/// What an owner wants.
pub(super) struct Wanted<'a> {
    /// Which pods are its own.
    pub(super) selector: Selector,
    /// How many.
    pub(super) replicas: usize,
    /// What they look like.
    pub(super) template: &'a PodTemplateSpec,
    /// How long a pod must be ready before it counts as available.
    pub(super) min_ready: Span,
}

/// How many pods there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// That are not finished and not on their way out.
    pub(super) replicas: usize,
    /// With all labels of the template.
    pub(super) labeled: usize,
    /// Ready ones.
    pub(super) ready: usize,
    /// Ready for long enough.
    pub(super) available: usize,
}

/// Why pods could not be created or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// `FailedCreate` or `FailedDelete`.
    pub(super) reason: &'static str,
    /// What went wrong.
    pub(super) message: String,
}

/// A kind that keeps replicas.
pub(super) trait ReplicaKind {
    /// The kind.
    const KIND: Kind;
    /// Who its events say they are from.
    const COMPONENT: &'static str;
    /// What an object of the kind wants.
    fn wanted(object: &Object) -> Option<Wanted<'_>>;
    /// The object with its status brought up to date.
    fn with_status(object: &Object, tally: Tally, failure: Option<&Failure>, now: Time) -> Object;
}

/// What is known of one owner.
#[derive(Clone, Debug)]
struct Set {
    key: Key,
    selector: Selector,
    labels: BTreeMap<String, String>,
    min_ready: Span,
    members: Members,
    /// The members are to be found anew: what decides on them has changed.
    stale: bool,
    /// Pods that may be to adopt or to release.
    claims: order::Set<Name>,
    template: Option<Arc<Template>>,
    attempts: u32,
}

/// All owners of one kind.
#[derive(Clone, Debug)]
pub(super) struct ReplicaManager<K> {
    sets: order::Map<Uid, Box<Set>>,
    by_namespace: order::Map<Name, order::Set<Uid>>,
    dirty: order::Set<Key>,
    retries: Deadlines<Key>,
    ripening: Deadlines<(Uid, Name)>,
    kind: PhantomData<K>,
}

impl<K> Default for ReplicaManager<K> {
    fn default() -> Self {
        Self {
            sets: order::Map::new(),
            by_namespace: order::Map::new(),
            dirty: order::Set::new(),
            retries: Deadlines::default(),
            ripening: Deadlines::default(),
            kind: PhantomData,
        }
    }
}

/// Whether a pod counts: it is not finished and not on its way out.
fn is_active(object: &Object) -> bool {
    object.meta.deletion.is_none() && object.pod().is_some_and(|pod| !pod.status.phase.is_finished())
}

impl<K: ReplicaKind> ReplicaManager<K> {
    pub(super) fn observe(&mut self, change: &Change, now: Time) {
        match change.kind {
            Kind::Pod => self.observe_pod(change, now),
            kind if kind == K::KIND => self.observe_owner(change),
            _ => {}
        }
    }

    fn observe_owner(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let uid = object.meta.uid;
        // The same name may have become another object.
        for gone in change.before.iter().filter(|b| change.after.as_ref().is_none_or(|a| a.meta.uid != b.meta.uid)) {
            self.sets.remove(&gone.meta.uid);
            if let Some(uids) = self.by_namespace.get_mut(gone.meta.namespace.as_str()) {
                uids.remove(&gone.meta.uid);
            }
            self.retries.cancel(&gone.key());
        }
        let Some(after) = &change.after else { return };
        let key = after.key();
        self.dirty.insert(key.clone());
        let Some(wanted) = K::wanted(after) else { return };
        let labels = wanted.template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
        let set = self.sets.entry(uid).or_insert_with(|| {
            Box::new(Set {
                key,
                selector: Selector::nothing(),
                labels: BTreeMap::new(),
                min_ready: Span::ZERO,
                members: Members::default(),
                stale: true,
                claims: order::Set::new(),
                template: None,
                attempts: 0,
            })
        });
        let before = change.before.as_deref().and_then(K::wanted);
        if before.is_none_or(|b| !same(b.template, wanted.template)) {
            set.template = None;
        }
        if set.selector != wanted.selector || set.labels != labels || set.min_ready != wanted.min_ready {
            set.stale = true;
        }
        // An owner that is going away lets go of nothing and adopts nothing; one that is back might.
        set.selector = wanted.selector;
        set.labels = labels;
        set.min_ready = wanted.min_ready;
        self.by_namespace.entry(after.meta.namespace.to_name()).or_default().insert(uid);
    }

    fn observe_pod(&mut self, change: &Change, now: Time) {
        let Some(object) = change.object() else { return };
        let name = &object.meta.name;
        let before = change.before.as_deref();
        let after = change.after.as_deref();
        // An owner in another namespace is none.
        let controller = |o: &Object| {
            o.meta.controller_uid().filter(|u| self.sets.get(u).is_none_or(|s| s.key.namespace == o.meta.namespace))
        };
        let owner_before = before.and_then(controller);
        let owner = after.and_then(controller);
        if owner_before != owner
            && let Some(uid) = owner_before
        {
            self.note(uid, name, None, now);
        }
        // Whether it may have become somebody's, or nobody's: by its labels, or because it counts again.
        let news = before
            .is_none_or(|b| after.is_none_or(|a| b.meta.labels != a.meta.labels || is_active(a) && !is_active(b)));
        if let Some(uid) = owner {
            self.note(uid, name, after, now);
            if news && let Some(set) = self.sets.get_mut(&uid) {
                set.claims.insert(name.clone());
            }
        } else if let Some(after) = after.filter(|a| is_active(a))
            && after.meta.controller().is_none()
            && (news || owner_before.is_some())
        {
            for uid in self.by_namespace.get(after.meta.namespace.as_str()).into_iter().flatten() {
                if let Some(set) = self.sets.get_mut(uid)
                    && set.selector.matches(&after.meta.labels)
                {
                    set.claims.insert(name.clone());
                    self.dirty.insert(set.key.clone());
                }
            }
        }
    }

    /// Takes note of a pod of an owner as it is now.
    fn note(&mut self, owner: Uid, name: &Name, pod: Option<&Object>, now: Time) {
        let Some(set) = self.sets.get_mut(&owner) else { return };
        let member = pod.filter(|o| is_active(o)).map(|o| Member::of(o, &set.labels, set.min_ready, now));
        match member.as_ref().and_then(|m| m.ripens) {
            Some(at) => self.ripening.set((owner, name.clone()), at),
            None if set.min_ready > Span::ZERO => self.ripening.cancel(&(owner, name.clone())),
            None => {}
        }
        set.members.set(name, member);
        self.dirty.insert(set.key.clone());
    }

    /// There may be room now for what could not be made in a namespace: it is not to wait for its next attempt.
    pub(super) fn retry(&mut self, namespace: &Name) {
        for uid in self.by_namespace.get(namespace).into_iter().flatten() {
            if let Some(set) = self.sets.get(uid).filter(|set| set.attempts > 0) {
                self.dirty.insert(set.key.clone());
            }
        }
    }

    /// Brings every owner that needs it nearer to what it wants. Returns whether some are left.
    pub(super) fn work(&mut self, cx: &mut Context<'_>, owned: &Owned) -> bool {
        while let Some((uid, name)) = self.ripening.pop_due(cx.now) {
            if let Some(set) = self.sets.get(&uid) {
                let pod = cx.store.get(Kind::Pod, &set.key.namespace, &name).cloned();
                self.note(uid, &name, pod.as_deref(), cx.now);
            }
        }
        while let Some(key) = self.retries.pop_due(cx.now) {
            self.dirty.insert(key);
        }
        for key in std::mem::take(&mut self.dirty) {
            self.sync(cx, owned, &key);
        }
        !self.dirty.is_empty()
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        [self.ripening.next(), self.retries.next()].into_iter().flatten().min()
    }

    fn sync(&mut self, cx: &mut Context<'_>, owned: &Owned, key: &Key) {
        let Some(object) = cx.store.at(key).cloned() else { return };
        let Some(wanted) = K::wanted(&object) else { return };
        let uid = object.meta.uid;
        if !self.sets.contains_key(&uid) {
            return;
        }
        let deleting = object.meta.deletion.is_some();
        self.refresh(cx, owned, uid);
        self.claim(cx, &object, deleting);
        let failure = if deleting { Ok(()) } else { self.manage(cx, owned, &object, &wanted) }.err();
        let Some(set) = self.sets.get_mut(&uid) else { return };
        if failure.is_some() {
            let wait = Span(RETRY_FIRST.0 << set.attempts.min(20)).min(RETRY_LAST);
            set.attempts += 1;
            self.retries.set(key.clone(), cx.now + wait);
        } else {
            set.attempts = 0;
            self.retries.cancel(key);
        }
        // What was done to the owner in between is seen in the next round.
        let Some(object) = cx.store.at(key) else { return };
        let next = K::with_status(object, set.members.tally(), failure.as_ref(), cx.now);
        // It was there a line above.
        let _ = cx.store.update(next, None);
    }

    /// Finds the members anew where what decides on them has changed.
    fn refresh(&mut self, cx: &Context<'_>, owned: &Owned, uid: Uid) {
        let Some(set) = self.sets.get_mut(&uid).filter(|s| s.stale) else { return };
        set.stale = false;
        set.members = Members::default();
        let key = set.key.clone();
        let orphans = cx.store.list(Kind::Pod, Some(&key.namespace)).filter(|o| o.meta.controller().is_none());
        set.claims.extend(orphans.map(|o| o.meta.name.clone()));
        let own: Vec<_> = owned
            .of(uid)
            .filter(|k| k.kind == Kind::Pod && k.namespace == key.namespace)
            .filter_map(|k| cx.store.at(k))
            .filter(|o| o.meta.controller_uid() == Some(uid))
            .cloned()
            .collect();
        set.claims.extend(own.iter().map(|o| o.meta.name.clone()));
        for pod in own {
            self.note(uid, &pod.meta.name, Some(&pod), cx.now);
        }
    }

    /// Adopts pods without controller that match, and releases own ones that no longer do.
    fn claim(&mut self, cx: &mut Context<'_>, owner: &Object, deleting: bool) {
        let uid = owner.meta.uid;
        let Some(set) = self.sets.get_mut(&uid) else { return };
        let selector = set.selector.clone();
        for name in std::mem::take(&mut set.claims) {
            let Some(pod) = cx.store.get(Kind::Pod, &owner.meta.namespace, &name) else { continue };
            if deleting || !is_active(pod) {
                continue;
            }
            let matches = selector.matches(&pod.meta.labels);
            let mut next = Object::clone(pod);
            match pod.meta.controller_uid() {
                Some(controller) if controller == uid && !matches => {
                    let text = uid.to_string();
                    let rest = pod.meta.owners.iter().flat_map(|o| o.iter()).filter(|o| o.uid != text);
                    let rest: Vec<_> = rest.cloned().collect();
                    next.meta.owners = (!rest.is_empty()).then(|| Arc::new(rest));
                }
                None if matches && pod.meta.controller().is_none() => {
                    let mut owners = pod.meta.owners.as_deref().cloned().unwrap_or_default();
                    owners.retain(|o| o.uid != uid.to_string());
                    owners.push(reference::<K>(owner));
                    next.meta.owners = Some(Arc::new(owners));
                }
                _ => continue,
            }
            if let Ok(written) = cx.store.update(next, None) {
                let own = (written.meta.controller_uid() == Some(uid)).then_some(&*written);
                self.note(uid, &name, own, cx.now);
            }
        }
    }

    /// Creates what is missing or deletes what is too much, a bounded number of pods.
    fn manage(
        &mut self,
        cx: &mut Context<'_>,
        owned: &Owned,
        owner: &Arc<Object>,
        wanted: &Wanted<'_>,
    ) -> Result<(), Failure> {
        let uid = owner.meta.uid;
        let Some(set) = self.sets.get_mut(&uid) else { return Ok(()) };
        let active = set.members.len();
        if active < wanted.replicas {
            let namespace = cx.store.get(Kind::Namespace, "", &owner.meta.namespace);
            if namespace.is_none_or(|n| crate::deletion::is_terminating(n)) {
                // Nothing can be created there any more, and nobody need be told.
                return Ok(());
            }
            if set.template.as_ref().is_some_and(|t| t.is_stale(cx)) {
                set.template = None;
            }
            let template = Arc::clone(set.template.get_or_insert_with(|| {
                Arc::new(Template::new(owner, wanted.template, reference::<K>(owner), cx.store, cx.config))
            }));
            for _ in 0..(wanted.replicas - active).min(BURST_PODS_MAX) {
                match template.create(cx) {
                    Ok(pod) => {
                        let message = format!("Created pod: {}", pod.meta.name);
                        cx.event(owner, EventKind::Normal, K::COMPONENT, "SuccessfulCreate", &message);
                        self.note(uid, &pod.meta.name, Some(&pod), cx.now);
                    }
                    Err(message) => {
                        let told = format!("Error creating: {message}");
                        cx.event(owner, EventKind::Warning, K::COMPONENT, "FailedCreate", &told);
                        return Err(Failure { reason: "FailedCreate", message });
                    }
                }
            }
        } else if active > wanted.replicas {
            let too_many = (active - wanted.replicas).min(BURST_PODS_MAX);
            for name in self.victims(cx, owned, owner, too_many) {
                let key = Key::new(Kind::Pod, owner.meta.namespace.to_name(), name.clone());
                match delete_object(cx, &key, &DeleteOptions::default()) {
                    Ok(_) => {
                        let message = format!("Deleted pod: {name}");
                        cx.event(owner, EventKind::Normal, K::COMPONENT, "SuccessfulDelete", &message);
                        self.note(uid, &name, None, cx.now);
                    }
                    // Somebody was faster.
                    Err(error) if error.code == 404 => self.note(uid, &name, None, cx.now),
                    Err(error) => {
                        let told = format!("Error deleting: {error}");
                        cx.event(owner, EventKind::Warning, K::COMPONENT, "FailedDelete", &told);
                        return Err(Failure { reason: "FailedDelete", message: error.message });
                    }
                }
            }
        }
        Ok(())
    }

    /// The names of the `count` pods that go first.
    fn victims(&self, cx: &Context<'_>, owned: &Owned, owner: &Object, count: usize) -> Vec<Name> {
        let Some(set) = self.sets.get(&owner.meta.uid) else { return Vec::new() };
        let pod = |name: &Name| cx.store.get(Kind::Pod, &owner.meta.namespace, name);
        if count == set.members.len() {
            return set.members.names().cloned().collect();
        }
        // Pods are doubled up where another of the same owner's owner is on their node.
        let mut per_node: order::Map<&Name, usize> = order::Map::new();
        if let Some(above) = owner.meta.controller_uid() {
            let siblings = owned.of(above).filter(|k| k.kind == K::KIND).filter_map(|k| cx.store.at(k));
            let sets = siblings.filter_map(|o| self.sets.get(&o.meta.uid));
            for node in sets.flat_map(|s| s.members.names()).filter_map(|n| pod(n)?.pod()?.node.as_deref()) {
                *per_node.entry(node).or_default() += 1;
            }
        }
        let mut worth: Vec<(Worth, &Name)> = set
            .members
            .names()
            .filter_map(|name| {
                let object = pod(name)?;
                let body = object.pod()?;
                let neighbours = body.node.as_deref().and_then(|n| per_node.get(n)).copied().unwrap_or_default();
                Some((Worth::of(object, body, neighbours, cx.now), name))
            })
            .collect();
        order::sort(&mut worth);
        worth.into_iter().take(count).map(|(_, name)| name.clone()).collect()
    }
}

/// A pod as an owner would make it now, but for name, uid and time; none where it can make none.
#[cfg(feature = "foresight")]
pub(super) fn replica<K: ReplicaKind>(owner: &Object, store: &Store, config: &Config) -> Option<Object> {
    let wanted = K::wanted(owner)?;
    Template::new(owner, wanted.template, reference::<K>(owner), store, config).sample().cloned()
}

/// The owner reference its pods carry.
fn reference<K: ReplicaKind>(owner: &Object) -> OwnerReference {
    OwnerReference {
        api_version: K::KIND.api_version().to_owned(),
        kind: K::KIND.info().kind.to_owned(),
        name: owner.meta.name.to_string(),
        uid: owner.meta.uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
