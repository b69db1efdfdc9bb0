//! Verbs that are binaries of the `tests` package: measurements, and comparisons with the real Kubernetes.

use std::os::unix::process::CommandExt;

use crate::failure::{Failure, Result};
use crate::workspace;

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quickly: what it says does not depend on its speed.
    Dev,
    /// To be measured.
    Release,
}

/// Becomes the binary `name` of `kubarium-tests`. Returns only if that fails.
pub(crate) fn to_binary<'a>(name: &str, profile: Profile, args: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.arg("run");
    match profile {
        Profile::Dev => cargo.arg("--quiet"),
        Profile::Release => cargo.arg("--release"),
    };
    cargo.args(["--package", "kubarium-tests", "--bin", name, "--"]).args(args);
    Err(Failure::new(format!("cargo did not start: {}", cargo.exec())))
}
