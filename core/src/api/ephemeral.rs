//! Ephemeral containers: they have the fields of containers and one more, in a type of their own.

use super::codec::{decode, encode};
use k8s_openapi::api::core::v1 as k8s;

/// An ephemeral container as a container like any other.
pub fn as_container(ephemeral: &k8s::EphemeralContainer) -> k8s::Container {
    decode(&encode(ephemeral)).unwrap_or_default()
}

/// Changes an ephemeral container as if it were a container like any other.
pub(super) fn change_as_container(ephemeral: &mut k8s::EphemeralContainer, change: impl FnOnce(&mut k8s::Container)) {
    let mut container = as_container(ephemeral);
    change(&mut container);
    let target = ephemeral.target_container_name.take();
    *ephemeral = decode(&encode(&container)).unwrap_or_default();
    ephemeral.target_container_name = target;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_ephemeral_container_keeps_its_target_and_all_else_when_it_is_changed_as_a_container() {
        let said = json!({
            "name": "e", "image": "i", "command": ["sh"], "env": [{"name": "A", "value": "b"}], "stdin": true,
            "tty": true, "targetContainerName": "c", "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        });
        let mut ephemeral: k8s::EphemeralContainer = decode(&said).unwrap();
        change_as_container(&mut ephemeral, |container| container.working_dir = Some("/".to_owned()));
        let mut expected = said;
        expected["workingDir"] = json!("/");
        assert_eq!(encode(&ephemeral), expected);
    }
}
