//! From a fresh checkout to a running server.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::bundle;
use crate::failure::{Failure, Result};
use crate::step::Screen;
use crate::workspace;

/// Builds what is out of date and becomes `kubarium serve ARGS`. Returns only if that fails.
pub(crate) fn run(screen: &Screen, args: &[String]) -> Result<()> {
    bundle::set_up_and_build(screen)?;
    screen.command("server", workspace::cargo().args(["build", "--release", "--package", "kubarium"]))?;
    let program = workspace::target_dir().join("release/kubarium");
    // In our place, so that signals and the exit status are the server's own.
    let error = Command::new(&program).arg("serve").args(args).exec();
    Err(Failure::new(format!("{} did not start: {error}", program.display())))
}
