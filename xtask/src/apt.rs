//! Packages of Debian and Ubuntu, where we may install them.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::step::Screen;
use crate::tool::on_path;

/// A machine that has just started may be busy with its own updates.
const LOCK_WAIT: &str = "-oDPkg::Lock::Timeout=120";

/// How packages can be installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Root,
    Sudo,
}

/// Whether, and how, packages can be installed here; the error says why not.
pub(crate) fn right() -> Result<Right> {
    if on_path("apt-get").is_none() {
        return Err(Failure::new("this machine has no apt-get, so set-up cannot install packages"));
    }
    if quiet(Command::new("sh").args(["-c", "test $(id -u) = 0"])) {
        return Ok(Right::Root);
    }
    if on_path("sudo").is_some() {
        // Someone who sits at the terminal can be asked for the password; nobody else can.
        let terminal = std::io::stdin().is_terminal();
        let asked = if terminal {
            Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success())
        } else {
            quiet(Command::new("sudo").args(["-n", "true"]))
        };
        if asked {
            return Ok(Right::Sudo);
        }
    }
    Err(Failure::new("set-up may not install packages: it is neither root nor may it use sudo"))
}

/// Brings the package lists up to date, where they can be.
pub(crate) fn refresh(screen: &Screen, right: Right) -> Result<()> {
    let step = screen.step("package lists");
    step.run(&mut command(right, &["update"]))?;
    step.ok("");
    Ok(())
}

fn command(right: Right, arguments: &[&str]) -> Command {
    let mut command = match right {
        Right::Root => Command::new("env"),
        Right::Sudo => {
            let mut command = Command::new("sudo");
            command.args(["-n", "env"]);
            command
        }
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", LOCK_WAIT]).args(arguments);
    command
}

/// Installs packages, after bringing the package lists up to date.
pub(crate) fn install(screen: &Screen, right: Right, packages: &[&str]) -> Result<()> {
    let name = match packages {
        [one] => (*one).to_owned(),
        many => format!("{} packages", many.len()),
    };
    let step = screen.step(&name);
    // Lists that cannot be refreshed may still be good enough: let the installation decide.
    let updated = step.run(&mut command(right, &["update"]))?;
    // Nothing that is there is ever removed to make room: that is for the user to decide.
    let mut install = command(right, &["install", "--yes", "--no-install-recommends", "--no-remove"]);
    let installed = step.run(install.args(packages))?;
    if installed.status.success() {
        step.ok(&packages.join(" "));
        return Ok(());
    }
    step.failed(&[updated.lines, installed.lines].concat());
    Err(Failure::new(format!("apt-get could not install {}", packages.join(" ")))
        .remedy(format!("apt-get update\napt-get install --no-install-recommends {}", packages.join(" "))))
}

fn quiet(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
