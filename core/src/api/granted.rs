//! What of its machine a container has been granted, and what it has: after a change of what is wanted, and while the
//! machine has no room for it or has not given it yet, neither is what the spec asks for.

use super::pod::{ConditionStatus, ContainerStatus, PodBody, PodStatus, SharedSpec};
use super::{ConditionKind, Quantity};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) type List = BTreeMap<String, Written>;

/// The condition of a pod whose new resources its node has not granted.
pub const RESIZE_PENDING: &str = "PodResizePending";
/// The condition of a pod that has been granted other resources than it has.
pub const RESIZE_IN_PROGRESS: &str = "PodResizeInProgress";
/// The reason of a resize for which a node is too small.
pub const INFEASIBLE: &str = "Infeasible";

/// What a container may have, as far as it can be changed while it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// What it has for itself.
    pub requests: Option<List>,
    /// What it has at most.
    pub limits: Option<List>,
}

impl Share {
    /// What a container asks for.
    pub fn wanted(container: &k8s::Container) -> Self {
        Self::of(container.resources.as_ref())
    }

    fn of(resources: Option<&k8s::ResourceRequirements>) -> Self {
        let (requests, limits) = lists(resources);
        Self { requests: requests.cloned(), limits: limits.cloned() }
    }

    /// Whether it has as much of a resource as another.
    pub fn agrees(&self, other: &Self, resource: &str) -> bool {
        let of = |list: &Option<List>| list.as_ref().and_then(|list| list.get(resource)).cloned();
        of(&self.requests) == of(&other.requests) && of(&self.limits) == of(&other.limits)
    }
}

/// Requests and limits, where they say something.
fn lists(resources: Option<&k8s::ResourceRequirements>) -> (Option<&List>, Option<&List>) {
    let (requests, limits) = resources.map_or((None, None), |r| (r.requests.as_ref(), r.limits.as_ref()));
    (requests.filter(|list| !list.is_empty()), limits.filter(|list| !list.is_empty()))
}

/// What a container was granted and what it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// What its node has set aside for it.
    pub allocated: Share,
    /// What it runs with.
    pub actual: Share,
}

/// What is known of what a container has of its machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Granted {
    /// Nothing.
    #[default]
    Unsaid,
    /// It was granted and has what its spec asks for.
    AsWanted,
    /// Not just that.
    Other(Box<Grant>),
}

/// Takes it out of a status of Kubernetes' form.
pub(super) fn take(status: &mut k8s::ContainerStatus, wanted: Option<&k8s::Container>, in_progress: bool) -> Granted {
    let (Some(wanted), Some(actual)) = (wanted.map(Share::wanted), status.resources.take()) else {
        return Granted::Unsaid;
    };
    let (requests, actual) = (status.allocated_resources.take(), Share::of(Some(&actual)));
    if actual == wanted && requests == wanted.requests {
        return Granted::AsWanted;
    }
    // The limits that were granted are not in it: they are what the container has, or is to have.
    let limits = if in_progress { wanted.limits } else { actual.limits.clone() };
    Granted::Other(Box::new(Grant { allocated: Share { requests, limits }, actual }))
}

/// What a status says of it.
pub(super) struct Said<'a> {
    pub(super) allocated: Option<&'a List>,
    pub(super) requests: Option<&'a List>,
    pub(super) limits: Option<&'a List>,
}

/// What the status of a container says of it that is to be as `wanted`.
pub(super) fn said<'a>(granted: &'a Granted, wanted: Option<&'a k8s::Container>) -> Option<Said<'a>> {
    match (granted, wanted) {
        (Granted::AsWanted, Some(wanted)) => {
            let (requests, limits) = lists(wanted.resources.as_ref());
            Some(Said { allocated: requests, requests, limits })
        }
        (Granted::Other(grant), _) => Some(Said {
            allocated: grant.allocated.requests.as_ref(),
            requests: grant.actual.requests.as_ref(),
            limits: grant.actual.limits.as_ref(),
        }),
        _ => None,
    }
}

/// Writes it into a status of Kubernetes' form.
pub(super) fn put(granted: &Granted, status: &mut k8s::ContainerStatus, wanted: Option<&k8s::Container>) {
    let Some(Said { allocated, requests, limits }) = said(granted, wanted) else { return };
    status.allocated_resources = allocated.cloned();
    status.resources =
        Some(k8s::ResourceRequirements { requests: requests.cloned(), limits: limits.cloned(), claims: None });
}

/// The container of that name that may be granted something.
pub(crate) fn container<'a>(spec: &'a k8s::PodSpec, name: &str) -> Option<&'a k8s::Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).find(|c| c.name == name)
}

impl PodStatus {
    fn granted_mut(&mut self) -> impl Iterator<Item = &mut ContainerStatus> {
        let inits = self.rarer.get_mut().map(|rarer| &mut rarer.init_containers);
        self.containers.iter_mut().chain(inits.into_iter().flatten())
    }

    /// Says of the containers that have what `old` asked for that this is what they have, where `new` asks for something
    /// else.
    pub(crate) fn keep_granted(&mut self, old: &k8s::PodSpec, new: &k8s::PodSpec) {
        for status in self.granted_mut().filter(|status| status.granted == Granted::AsWanted) {
            let wanted = |spec| container(spec, &status.name).map(Share::wanted).unwrap_or_default();
            let before = wanted(old);
            if before != wanted(new) {
                status.granted = Granted::Other(Box::new(Grant { allocated: before.clone(), actual: before }));
            }
        }
    }

    /// Whether some container was granted or has something else than its spec asks for.
    pub(crate) fn is_resizing(&self) -> bool {
        let mut all = self.containers.iter().chain(&self.rarer.init_containers);
        all.any(|status| matches!(status.granted, Granted::Other(_)))
    }
}

impl PodBody {
    /// Its spec with `change` made to what those of its containers ask for that have something else.
    fn resized(&self, change: impl Fn(Share, &Grant) -> Share) -> SharedSpec {
        let mut spec = Arc::clone(&self.spec);
        for status in self.status.containers.iter().chain(&self.status.rarer.init_containers) {
            let Granted::Other(grant) = &status.granted else { continue };
            let own = &mut **Arc::make_mut(&mut spec);
            let mut all = own.containers.iter_mut().chain(own.init_containers.iter_mut().flatten());
            if let Some(container) = all.find(|c| c.name == status.name.as_str()) {
                let Share { requests, limits } = change(Share::wanted(container), grant);
                let resources = container.resources.get_or_insert_default();
                (resources.requests, resources.limits) = (requests, limits);
            }
        }
        spec
    }

    /// Its spec with what its node has granted in the place of what is wanted.
    pub(crate) fn allocated(&self) -> SharedSpec {
        self.resized(|_, grant| grant.allocated.clone())
    }

    /// Its spec with what has to be reckoned with in the place of what is wanted: of each resource the most of what is
    /// wanted, granted and there. What a node is too small for is not reckoned with.
    pub(crate) fn reckoned(&self) -> SharedSpec {
        let pending = self.status.condition(&ConditionKind::Other(RESIZE_PENDING.into()));
        let infeasible =
            pending.is_some_and(|c| c.status == ConditionStatus::True && c.reason.as_deref() == Some(INFEASIBLE));
        self.resized(|wanted, grant| {
            let mut most = grant.allocated.requests.clone().unwrap_or_default();
            let other = wanted.requests.filter(|_| !infeasible);
            for (name, amount) in [&grant.actual.requests, &other].into_iter().flatten().flatten() {
                let parse = |written: &Written| Quantity::parse(&written.0).ok();
                let there = most.get(name).and_then(parse);
                if parse(amount).is_some_and(|amount| there.is_none_or(|there| amount.compare(there).is_gt())) {
                    most.insert(name.clone(), amount.clone());
                }
            }
            Share { requests: Some(most), limits: wanted.limits }
        })
    }
}
