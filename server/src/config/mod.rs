//! What the server is told: flags and a file, checked completely before anything is opened or bound.

mod endpoint;
mod file;
mod live;
mod scheduler;
mod serving_tls;
mod settings;
mod simulated;
mod tls_files;

pub use endpoint::{ENDPOINT_FORMS, Endpoint};
pub use live::{DockerHost, LiveSettings, check_node_name};
pub(crate) use scheduler::read_scheduler_config;
pub use serving_tls::ServingTls;
pub use settings::{ClusterSettings, LogFormat, ServeArguments, Settings, is_loopback_host};
pub use simulated::SimulatedSettings;
pub use tls_files::TlsFiles;

use crate::failure::Failure;
use std::path::PathBuf;

/// Help of every `--data-dir`.
pub const DATA_DIR_HELP: &str = "Directory that holds the cluster's state, tokens and certificates [default: kubarium in the user's data directory]";

/// Where in a data directory the server's own authority is kept.
pub const TLS_DIRECTORY: &str = "tls";

/// Where state is kept unless told otherwise.
pub fn default_data_dir() -> Result<PathBuf, Failure> {
    directories::ProjectDirs::from("io", "kubarium", "kubarium")
        .map(|dirs| dirs.data_dir().to_owned())
        .ok_or_else(|| Failure::usage("--data-dir: no home directory is known to keep data in; name a directory"))
}
