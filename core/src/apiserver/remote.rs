//! The ways into what runs in a pod: a command in a container, the container itself, a port.

use super::errors;
use super::pods::{container, pod_ref};
use super::query::Query;
use super::request::{ExecQuery, PortForwardQuery};
use crate::api::{ApiError, ContainerState, Kind, Name, Object, PodBody};

/// Finds the container in which a command is to run, or to which somebody wants to be attached.
pub(super) fn exec(object: &Object, query: &Query, attach: bool) -> Result<ExecQuery, ApiError> {
    let pod = pod(object)?;
    let container = container(pod, &object.meta.name, query.text("container"))?;
    let node = node(object, pod)?;
    let command: Vec<String> = query.all("command").map(str::to_owned).collect();
    if !attach && command.is_empty() {
        return Err(errors::bad_request("you must specify at least one command for the container"));
    }
    let own = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    let mut own = own.filter(|c| c.name == container).map(|c| c.tty);
    let mut ephemeral = pod.spec.ephemeral_containers.iter().flatten().filter(|c| c.name == container).map(|c| c.tty);
    let own_terminal = own.next().or_else(|| ephemeral.next()).flatten() == Some(true);
    let tty = query.flag("tty");
    let found = ExecQuery {
        pod: pod_ref(object),
        node,
        attempt: attempt(pod, &container),
        container,
        command: (!attach).then_some(command),
        stdin: query.flag("stdin"),
        stdout: query.flag("stdout"),
        // A terminal shows both as one.
        stderr: query.flag("stderr") && !tty,
        tty,
        // Whether a container has a terminal is settled when it is made; one who attaches finds it so.
        terminal: if attach { own_terminal } else { tty },
    };
    if !found.stdin && !found.stdout && !found.stderr {
        return Err(errors::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    Ok(found)
}

/// Finds the pod whose ports somebody wants to reach.
pub(super) fn port_forward(object: &Object, query: &Query) -> Result<PortForwardQuery, ApiError> {
    let pod = pod(object)?;
    let node = node(object, pod)?;
    let ports = query.all("ports").flat_map(|list| list.split(',')).map(|text| match text.trim().parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(errors::bad_request(format!("unable to parse {} as a port", super::query::quoted(text)))),
    });
    Ok(PortForwardQuery { pod: pod_ref(object), node, ports: ports.collect::<Result<_, _>>()? })
}

fn pod(object: &Object) -> Result<&PodBody, ApiError> {
    object.pod().ok_or_else(|| ApiError::not_found(Kind::Pod, &object.meta.name))
}

fn node(object: &Object, pod: &PodBody) -> Result<Name, ApiError> {
    let unplaced = || errors::bad_request(format!("pod {} does not have a host assigned", object.meta.name));
    pod.node.as_deref().cloned().ok_or_else(unplaced)
}

/// Which start of the container runs now.
fn attempt(pod: &PodBody, container: &Name) -> Option<u32> {
    let status = pod.status.all_containers().find(|s| s.name == *container)?;
    matches!(status.state, ContainerState::Running { .. }).then_some(status.restarts)
}
