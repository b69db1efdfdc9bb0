//! The web bundle: built by Trunk when something it is made of has changed, and kept small.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::failure::{Failure, Result};
use crate::setup;
use crate::step::Screen;
use crate::tool::Tool;
use crate::wasm::Compiler;
use crate::workspace;

/// A part of the bundle, by when a browser loads it.
struct Part {
    name: &'static str,
    /// What the names of its files begin with.
    files: &'static [&'static str],
    /// How many bytes it may have, compressed as it travels. Not to rise.
    bytes_max: usize,
}

/// What is loaded to start: all that is in none of the others.
const START: Part = Part { name: "the page", files: &[], bytes_max: 1_000_000 };
/// What is loaded when somebody wants it.
const LATER: [Part; 2] = [
    Part { name: "the console", files: &["kubarium-kubectl", "console.js"], bytes_max: 450_000 },
    Part { name: "foresight", files: &["kubarium-foresight", "foresight.js"], bytes_max: 900_000 },
];
const INPUTS: [&str; 12] = [
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "assets",
    "core",
    "foresight",
    "heap",
    "kubectl",
    "timestamp",
    "web",
];

/// Where the bundle lies.
pub(crate) fn dist() -> PathBuf {
    workspace::root().join("dist")
}

/// Brings the tools, then builds.
pub(crate) fn set_up_and_build(screen: &Screen) -> Result<()> {
    setup::install(screen, true, Tool::BUNDLE)?;
    build(screen)
}

/// Builds the bundle unless it is up to date, reports its size, and fails when it is too big.
pub(crate) fn build(screen: &Screen) -> Result<()> {
    let compiler = Compiler::require()?;
    for tool in Tool::BUNDLE {
        tool.require()?;
    }
    let step = screen.step("web bundle");
    let before = fingerprint(&INPUTS.map(|input| workspace::root().join(input)), &format!("{compiler:?}"));
    let stamp = workspace::target_dir().join("xtask/bundle");
    if let (Ok(before), Ok(dist)) = (&before, fingerprint(&[dist()], ""))
        && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == stamped(*before, dist))
    {
        step.ok(&format!("up to date, {}", gzipped().unwrap_or_default().remark()));
        return Ok(());
    }
    let mut trunk = compiler.command("trunk")?;
    trunk.args(["build", "--release", "--skip-version-check", "--color", "never"]);
    let ended = step.run(&mut trunk)?;
    if !ended.status.success() {
        step.failed(&ended.lines);
        return Err(Failure::new("the web bundle could not be built"));
    }
    let size = gzipped().map_err(|error| Failure::new(format!("{}: {error}", dist().display())))?;
    if size.is_too_big() {
        step.failed(&[]);
        return Err(Failure::new(format!("the web bundle is too big: {}", size.remark()))
            .remedy("find what grew, for example with `twiggy top` on an unstripped build"));
    }
    step.ok(&size.remark());
    if let (Ok(before), Ok(dist)) = (before, fingerprint(&[dist()], "")) {
        // Without a stamp the next build is done again, which is right if slow.
        let _ = fs::write(&stamp, stamped(before, dist));
    }
    Ok(())
}

fn stamped(inputs: u64, dist: u64) -> String {
    format!("{inputs:016x} {dist:016x}\n")
}

/// How many bytes each part has, compressed: that with which the page starts, then the others.
#[derive(Clone, Copy, Default)]
struct Size([usize; 1 + LATER.len()]);

impl Size {
    fn parts(&self) -> impl Iterator<Item = (&'static Part, usize)> {
        [&START].into_iter().chain(&LATER).zip(self.0)
    }

    fn is_too_big(&self) -> bool {
        self.parts().any(|(part, bytes)| bytes > part.bytes_max)
    }

    fn remark(&self) -> String {
        let part = |(part, bytes): (&Part, usize)| {
            format!("{} {:.1} KB (at most {:.0})", part.name, bytes as f64 / 1e3, part.bytes_max as f64 / 1e3)
        };
        format!("gzipped: {}", self.parts().map(part).collect::<Vec<_>>().join(", "))
    }
}

fn gzipped() -> io::Result<Size> {
    let mut size = Size::default();
    for file in files(&dist())? {
        let counts = file.extension().is_some_and(|kind| ["wasm", "js", "css", "html"].iter().any(|one| kind == *one));
        if counts {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&fs::read(&file)?)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let later = LATER.iter().position(|part| part.files.iter().any(|start| name.starts_with(start)));
            size.0[later.map_or(0, |at| 1 + at)] += encoder.finish()?.len();
        }
    }
    Ok(size)
}

/// A number that changes with any name or content below `paths`.
fn fingerprint(paths: &[PathBuf], salt: &str) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    salt.hash(&mut hasher);
    for path in paths {
        for file in files(path)? {
            file.hash(&mut hasher);
            fs::read(&file)?.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// All files at or below `path`, in a fixed order. A path that does not exist has none.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(if path.exists() { vec![path.to_path_buf()] } else { Vec::new() });
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_changes_with_contents_names_and_removals() {
        let dir = std::env::temp_dir().join(format!("kubarium-fingerprint-{}", std::process::id()));
        let of = || fingerprint(std::slice::from_ref(&dir), "").unwrap();
        fs::create_dir_all(dir.join("inner")).unwrap();
        fs::write(dir.join("inner/a"), "1").unwrap();
        let first = of();
        assert_eq!(first, of());

        fs::write(dir.join("inner/a"), "2").unwrap();
        let changed = of();
        fs::rename(dir.join("inner/a"), dir.join("inner/b")).unwrap();
        let renamed = of();
        fs::remove_file(dir.join("inner/b")).unwrap();
        let removed = of();
        fs::remove_dir_all(&dir).unwrap();
        let mut all = vec![first, changed, renamed, removed];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
    }
}
