//! Rules for what may become of a pod through its parts: who is added to it, and what its containers may have.

use super::errors::Errors;
use super::pod::{self, MIRROR};
use crate::api::defaulting::quality_of_service;
use crate::api::granted::Granted;
use crate::api::{ContainerState, Meta, PodBody};
use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

type Resources = Option<k8s::ResourceRequirements>;
type List = Option<BTreeMap<String, Quantity>>;

/// What containers ask for may change in its amounts of cpu and memory.
pub(super) fn check_resize(new: &PodBody, old: &PodBody, before: &Meta, config: &Config, errors: &mut Errors) {
    pod::check_pod(new, config, errors);
    let windows = old.spec.os.as_ref().is_some_and(|os| os.name == "windows");
    for (what, never) in [("static", before.annotations.contains_key(MIRROR)), ("windows", windows)] {
        if never {
            errors.list.clear();
            return errors.forbidden("", &format!("{what} pods cannot be resized"));
        }
    }
    let class = old.status.qos_class.unwrap_or(quality_of_service(&old.spec));
    if class != quality_of_service(&new.spec) {
        errors.invalid("spec", class.as_str(), "Pod QOS Class may not change as a result of resizing");
    }
    let mut running = old.status.containers.iter().filter(|c| matches!(c.state, ContainerState::Running { .. }));
    if running.next().is_some_and(|status| status.granted == Granted::Unsaid) {
        errors.forbidden("spec", "Pod running on node without support for resize");
    }
    check_whole(&new.spec.resources, &old.spec.resources, errors);
    let none = Vec::new();
    let lists = [
        ("containers", &new.spec.containers, &old.spec.containers),
        (
            "initContainers",
            new.spec.init_containers.as_ref().unwrap_or(&none),
            old.spec.init_containers.as_ref().unwrap_or(&none),
        ),
    ];
    let mut moved = false;
    for (list, now, then) in lists {
        if now.len() != then.len() {
            errors.forbidden(format_args!("spec.{list}"), &format!("{list} may not be added or removed on resize"));
            moved = true;
            continue;
        }
        for (index, _) in now.iter().zip(then).enumerate().filter(|(_, (now, then))| now.name != then.name) {
            let why = format!("{list} may not be renamed or reordered on resize");
            errors.forbidden(format_args!("spec.{list}[{index}].name"), &why);
            moved = true;
        }
    }
    if moved {
        return;
    }
    let [containers, inits] = lists;
    for (list, now, then) in [inits, containers] {
        for (index, (now, then)) in now.iter().zip(then).enumerate() {
            let at = format!("spec.{list}[{index}].resources");
            check_kept(&now.resources, &then.resources, &at, ["resource requests", "resource limits"], errors);
        }
    }
    for (now, then) in containers.1.iter().zip(containers.2) {
        if !differs_in_amounts(now, then) {
            errors.forbidden("spec", "only cpu and memory resources are mutable");
        }
    }
    for (index, (now, then)) in inits.1.iter().zip(inits.2).enumerate() {
        let at = format!("spec.initContainers[{index}]");
        if !differs_in_amounts(now, then) {
            errors.forbidden(&at, "only cpu and memory resources for init or sidecar containers are mutable");
        }
        let restarts = now.resize_policy.iter().flatten().any(|policy| policy.restart_policy == "RestartContainer");
        if restarts && now.restart_policy.as_deref() != Some("Always") && now.resources != then.resources {
            let why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
            errors.forbidden(&at, why);
        }
    }
}

/// What is asked for a pod as a whole may change likewise.
fn check_whole(new: &Resources, old: &Resources, errors: &mut Errors) {
    let at = "spec.resources";
    match (new, old) {
        (None, Some(_)) => errors.forbidden(at, "pod-level resources cannot be removed"),
        (Some(now), _) => {
            check_kept(new, old, at, ["pod-level resource requests", "pod-level resource limits"], errors);
            let none = k8s::ResourceRequirements::default();
            if !differ_in_amounts(now, old.as_ref().unwrap_or(&none)) {
                errors.forbidden("spec", "only cpu and memory resources are mutable at pod-level");
            }
        }
        (None, None) => {}
    }
}

/// Refuses that an amount is no longer said.
fn check_kept(new: &Resources, old: &Resources, at: &str, [requests, limits]: [&str; 2], errors: &mut Errors) {
    let lost = |list: fn(&k8s::ResourceRequirements) -> &List| {
        let mut then = old.iter().filter_map(list_of(list)).flatten();
        then.any(|(name, _)| !new.iter().filter_map(list_of(list)).any(|now| now.contains_key(name)))
    };
    if lost(|resources| &resources.requests) {
        errors.forbidden(format_args!("{at}.requests"), &format!("{requests} cannot be removed"));
    }
    if lost(|resources| &resources.limits) {
        errors.forbidden(format_args!("{at}.limits"), &format!("{limits} cannot be removed"));
    }
}

fn list_of(
    list: fn(&k8s::ResourceRequirements) -> &List,
) -> impl Fn(&k8s::ResourceRequirements) -> Option<&BTreeMap<String, Quantity>> {
    move |resources| list(resources).as_ref()
}

/// Whether two containers of one name, alike in all that a resize keeps, differ at most in amounts of cpu and memory.
fn differs_in_amounts(new: &k8s::Container, old: &k8s::Container) -> bool {
    let policy = |container: &k8s::Container| container.resize_policy.clone().filter(|policy| !policy.is_empty());
    let none = k8s::ResourceRequirements::default();
    policy(new) == policy(old)
        && differ_in_amounts(new.resources.as_ref().unwrap_or(&none), old.resources.as_ref().unwrap_or(&none))
}

fn differ_in_amounts(new: &k8s::ResourceRequirements, old: &k8s::ResourceRequirements) -> bool {
    let rest = |list: &List| {
        let mut rest = list.clone().unwrap_or_default();
        rest.retain(|name, _| !matches!(name.as_str(), "cpu" | "memory"));
        rest
    };
    old.claims.is_none() && rest(&new.requests) == rest(&old.requests) && rest(&new.limits) == rest(&old.limits)
}

/// Ephemeral containers come and stay as they are.
pub(super) fn check_ephemeral(new: &PodBody, old: &PodBody, before: &Meta, config: &Config, errors: &mut Errors) {
    if before.annotations.contains_key(MIRROR) {
        errors.list.clear();
        return errors.forbidden("", "static pods do not support ephemeral containers");
    }
    pod::check_pod(new, config, errors);
    let at = "spec.ephemeralContainers";
    for was in old.spec.ephemeral_containers.iter().flatten() {
        let name = &was.name;
        match new.spec.ephemeral_containers.iter().flatten().find(|is| is.name == *name) {
            None => errors.forbidden(at, &format!("existing ephemeral containers \"{name}\" may not be removed\n")),
            Some(is) if is != was => {
                errors.forbidden(at, &format!("existing ephemeral containers \"{name}\" may not be changed\n"));
            }
            Some(_) => {}
        }
    }
}
