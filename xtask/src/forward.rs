//! Verbs that are binaries of the `tests` package: measurements, and comparisons with the real Kubernetes.

use std::os::unix::process::CommandExt;

use crate::failure::{Failure, Result};
use crate::workspace;

/// Becomes the binary `name` of `kubarium-tests`, built in release mode. Returns only if that fails.
pub(crate) fn to_binary<'a>(name: &str, args: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--release", "--package", "kubarium-tests", "--bin", name, "--"]).args(args);
    Err(Failure::new(format!("cargo did not start: {}", cargo.exec())))
}
