//! The configuration file: YAML with the same settings as the flags.

use super::LogFormat;
use crate::failure::Failure;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A Docker host in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DockerEntry {
    pub(crate) name: String,
    pub(crate) endpoint: String,
}

/// What a configuration file may say. A flag goes before the field of the same name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    pub(crate) listen: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) docker: Vec<DockerEntry>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) tls: Option<bool>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) tls_names: Vec<String>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) client_requests_per_second: Option<u32>,
    pub(crate) allow_privileged: Option<bool>,
    pub(crate) allow_host: Option<bool>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) log_level: Option<String>,
    pub(crate) node_port_address: Option<String>,
    pub(crate) node_ports: Option<String>,
    pub(crate) service_network: Option<String>,
    pub(crate) heartbeat_seconds: Option<u32>,
    pub(crate) node_grace_seconds: Option<u32>,
    pub(crate) toleration_seconds: Option<u32>,
    pub(crate) scheduler_config: Option<PathBuf>,
    pub(crate) seed: Option<u64>,
    pub(crate) simulate: Option<String>,
    pub(crate) speed: Option<f64>,
    pub(crate) paused: Option<bool>,
}

impl ConfigFile {
    /// Reads a file. Errors are one line with the file, the place and the field.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::usage(format!("--config: cannot read {}: {e}", path.display())))?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(&text).map_err(|e| {
            let message = e.to_string();
            let first = message.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
            // What the library says after that is for who calls it.
            let first = first.split(", set DuplicateKeyPolicy").next().unwrap_or_default();
            Failure::usage(format!("--config: {}: {first}", path.display()))
        })
    }
}
