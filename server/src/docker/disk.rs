//! How large the disk is on which an engine keeps containers. Its API does not say; a container of our own looks.

use super::engine::{CALL_TIMEOUT, EngineError, limited};
use super::own_image::{IMAGE, STATFS, STATFS_BYTES};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{AttachContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt as _;
use std::collections::HashMap;

/// Says which cluster's look it is. Not one of the labels of pods: these containers are nobody's.
const LABEL: &str = "io.kubarium.disk";

/// Bytes of the file system under the containers' root.
pub(super) async fn size(docker: &Docker, cluster: &str) -> Result<u64, EngineError> {
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        entrypoint: Some(vec![STATFS.to_owned()]),
        attach_stdout: Some(true),
        network_disabled: Some(true),
        labels: Some(HashMap::from([(LABEL.to_owned(), cluster.to_owned())])),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            auto_remove: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            readonly_rootfs: Some(true),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let id = limited(CALL_TIMEOUT, docker.create_container(None, body)).await?.id;
    let said = limited(CALL_TIMEOUT, output(docker, &id)).await;
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    // The engine removes it by itself once it has ended; this is for one that never began.
    let _ = limited(CALL_TIMEOUT, docker.remove_container(&id, Some(options))).await;
    bytes(&said?).ok_or_else(|| EngineError { status: None, message: "the disk was not told".to_owned() })
}

/// What a container writes. Attached to, not logged: a log is text.
async fn output(docker: &Docker, id: &str) -> Result<Vec<u8>, bollard::errors::Error> {
    let options = AttachContainerOptionsBuilder::new().stdout(true).stream(true).build();
    let mut stream = docker.attach_container(id, Some(options)).await?.output;
    docker.start_container(id, None).await?;
    let mut said = Vec::new();
    while said.len() < STATFS_BYTES {
        let Some(part) = stream.next().await else { break };
        said.extend_from_slice(part?.as_ref());
    }
    Ok(said)
}

/// Blocks times the size of one, from `struct statfs`.
fn bytes(statfs: &[u8]) -> Option<u64> {
    let word = |at: usize| statfs.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let (size, blocks, fragment) = (word(8)?, word(16)?, word(72)?);
    blocks.checked_mul(if fragment == 0 { size } else { fragment }).filter(|bytes| *bytes > 0)
}
