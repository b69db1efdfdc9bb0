//! The compiler for WebAssembly, and how it is called: the only place that knows.
//!
//! rustup's target is what most people have. Where rustup's servers are out of reach, Debian's second toolchain
//! (`rustc-web`, which exists to build browsers) compiles the target's standard library from source.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::step::Screen;
use crate::tool::{self, Tool};
use crate::workspace;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
pub(crate) const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];
/// Where rustup's servers are cut off silently, this is how long one waits, once.
const RUSTUP_LIMIT: Duration = Duration::from_mins(1);
/// rustc 1.95 is what the project's code needs at least.
const DEBIAN_MINOR_MIN: u32 = 95;

/// A compiler that can produce WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// The toolchain in use has the target's standard library.
    Own,
    /// Debian's toolchain, with the linker of the toolchain in use.
    Debian { linker: PathBuf },
}

impl Compiler {
    pub(crate) fn find() -> Option<Self> {
        let library = rustc(&["--print", "target-libdir", "--target", TARGET])?;
        let filled = fs::read_dir(library).is_ok_and(|mut entries| entries.next().is_some());
        if filled { Some(Self::Own) } else { Self::debian() }
    }

    /// The compiler, or how to bring one.
    pub(crate) fn require() -> Result<Self> {
        Self::find().ok_or_else(|| Failure::new(format!("no compiler for {TARGET} is installed")).remedy(remedy()))
    }

    /// A command that builds for the target with this compiler and the tools of the bundle.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let mut path = Vec::new();
        for tool in Tool::BUNDLE {
            // Clippy is called before (or without) the bundle's tools being there.
            path.extend(tool.find()?.and_then(|program| program.parent().map(Path::to_path_buf)));
        }
        if matches!(self, Self::Debian { .. }) {
            path.push("/usr/bin".into());
        }
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let path = env::join_paths(path).map_err(|error| Failure::new(format!("PATH: {error}")))?;

        let mut command = Command::new(program);
        // Two compilers in one directory would rebuild each other's work.
        command.current_dir(workspace::root()).env("CARGO_TARGET_DIR", workspace::target_dir().join("wasm"));
        command.env("PATH", path).env_remove("CARGO");
        if let Self::Debian { linker } = self {
            command
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTDOC", "/usr/bin/rustdoc")
                // Building the standard library is an unstable feature of a compiler that calls itself stable.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(command)
    }

    fn debian() -> Option<Self> {
        let said = printed(Command::new("/usr/bin/rustc").arg("--version"))?;
        let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
        let programs = ["/usr/bin/cargo", "/usr/bin/cargo-clippy"];
        let complete = sources.exists() && programs.iter().all(|program| Path::new(program).is_file());
        if !complete || minor_version(&said)? < DEBIAN_MINOR_MIN {
            return None;
        }
        let linker = tool_of_own_toolchain("rust-lld")?;
        Some(Self::Debian { linker })
    }
}

/// Asks rustup for the target, unless there is a compiler already. That it has none to give is not a failure.
pub(crate) fn try_rustup(screen: &Screen) {
    if Compiler::find().is_some() || tool::on_path("rustup").is_none() {
        return;
    }
    let step = screen.step("rustup target");
    let ended = step.run_within(Command::new("rustup").args(["target", "add", TARGET]), RUSTUP_LIMIT);
    if Compiler::find().is_some() {
        step.ok("");
    } else {
        let said = ended.map_or_else(|failure| failure.to_string(), |ended| complaint(&ended.lines));
        step.ok(&format!("not to be had: {said}"));
    }
}

/// The commands that bring a compiler.
pub(crate) fn remedy() -> String {
    format!(
        "rustup target add {TARGET}\nor, on Debian, where rustup's servers are out of reach:\n\
         apt-get install --no-install-recommends {}",
        DEBIAN_PACKAGES.join(" ")
    )
}

fn tool_of_own_toolchain(program: &str) -> Option<PathBuf> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?);
    let host = rustc(&["--print", "host-tuple"])?;
    Some(sysroot.join("lib/rustlib").join(host).join("bin").join(program)).filter(|path| path.is_file())
}

fn rustc(arguments: &[&str]) -> Option<String> {
    printed(Command::new("rustc").args(arguments).current_dir(workspace::root()))
}

fn printed(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The 96 of "rustc 1.96.0 (...)".
fn minor_version(said: &str) -> Option<u32> {
    said.split_whitespace().nth(1)?.split('.').nth(1)?.parse().ok()
}

/// What rustup complains of, without the chain of causes: the log has that.
fn complaint(lines: &[String]) -> String {
    let line = lines.iter().rev().find_map(|line| line.strip_prefix("error: "));
    let line = line.or(lines.last().map(String::as_str)).unwrap_or("no answer");
    line.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_read_from_what_rustc_says() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor_version("rustc"), None);
    }

    #[test]
    fn a_complaint_is_short() {
        let lines = ["info: downloading component rust-std", "error: component download failed for x: no route: url"];
        assert_eq!(complaint(&lines.map(String::from)), "component download failed for x");
        assert_eq!(complaint(&[]), "no answer");
    }
}
