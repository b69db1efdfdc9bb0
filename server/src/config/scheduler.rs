//! The file with the schedulers' profiles: one `KubeSchedulerConfiguration`, in YAML or JSON.

use crate::failure::Failure;
use kubarium_core::manifest;
use kubarium_core::scheduler::Configuration;
use std::path::Path;

/// Reads the file that `--scheduler-config` names. The error names the file, and the place in it.
pub(crate) fn read_scheduler_config(path: &Path) -> Result<Configuration, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("--scheduler-config: {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
    let mut documents = manifest::parse(&text).map_err(|e| wrong(&e))?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Configuration::try_from(document.value).map_err(|why| wrong(&why)),
        _ => Err(wrong(&"must hold one KubeSchedulerConfiguration")),
    }
}
