//! What a host says of itself, as its Node shows it.

use super::engine::Engine;
use k8s_openapi::api::core::v1::NodeSystemInfo;
use kubarium_core::runtime::Machine;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many pods a host takes, as Kubernetes' nodes do.
const PODS_MAX: &str = "110";

/// The machine behind an engine.
pub(super) fn machine(engine: &Engine) -> Machine {
    let info = &engine.info;
    let version = &engine.version;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let disk = engine.disk_bytes.map(|bytes| ("ephemeral-storage", format!("{}Ki", bytes / 1024)));
    let capacity = [
        ("cpu", info.ncpu.unwrap_or_default().to_string()),
        ("memory", format!("{}Ki", info.mem_total.unwrap_or_default() / 1024)),
        ("pods", PODS_MAX.to_owned()),
    ];
    Machine {
        labels: Arc::new(labels(info.labels.as_deref().unwrap_or_default())),
        capacity: Arc::new(capacity.into_iter().chain(disk).map(|(name, amount)| (name.to_owned(), amount)).collect()),
        allocatable: Arc::default(),
        address: Some(engine.host_ip.clone()),
        info: Some(Box::new(NodeSystemInfo {
            architecture: text(&version.arch),
            operating_system: text(&version.os),
            kernel_version: text(&info.kernel_version),
            os_image: text(&info.operating_system),
            container_runtime_version: format!("docker://{}", text(&version.version)),
            kubelet_version: format!("v{}-kubarium", env!("CARGO_PKG_VERSION")),
            kube_proxy_version: String::new(),
            machine_id: text(&info.id),
            system_uuid: text(&info.id),
            boot_id: String::new(),
            swap: None,
        })),
    }
}

/// The engine's own labels (`dockerd --label`) become the node's, where Kubernetes could take them.
fn labels(of_engine: &[String]) -> BTreeMap<String, String> {
    let word = |text: &str, max: usize| {
        text.len() <= max
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && !text.starts_with(['-', '_', '.'])
            && !text.ends_with(['-', '_', '.'])
    };
    let fits = |key: &str, value: &str| {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
        word(prefix, 253) && !name.is_empty() && word(name, 63) && word(value, 63)
    };
    of_engine
        .iter()
        .filter_map(|label| label.split_once('='))
        .filter(|(key, value)| fits(key, value))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
