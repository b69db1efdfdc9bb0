//! Programs with other people's client libraries, in `clients`: started with what set-up brought, in front of a server.

use crate::kubectl::Kubectl;
use crate::server::{Directory, Server};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program's path.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// What set-up brought, as a variable names it.
fn brought(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} is not set; `cargo xtask test --only clients` sets it")).into()
}

/// A program in Python.
///
/// # Panics
/// Where its libraries are not there.
pub fn python(name: &str) -> Command {
    let mut python = Command::new("python3");
    python.arg(program("python").join(name)).env("PYTHONPATH", brought("KUBARIUM_PYTHON_CLIENT"));
    python
}

/// A program for Node, copied to a directory: Node looks for libraries beside it.
///
/// # Panics
/// Where its libraries are not there.
pub fn node(name: &str, directory: &Directory) -> std::io::Result<Command> {
    let libraries = brought("KUBARIUM_NODE_CLIENT").join("node_modules");
    std::os::unix::fs::symlink(libraries, directory.join("node_modules"))?;
    std::fs::copy(program("node").join(name), directory.join(name))?;
    let mut node = Command::new("node");
    node.arg(directory.join(name));
    Ok(node)
}

/// Lets a program have a server that speaks TLS, as an editor whose token is in the directory; returns what it says as
/// JSON.
///
/// # Panics
/// With what the program said where it fails.
pub fn report(server: &Server, directory: &Directory, mut program: Command) -> Value {
    let data = directory.path().to_string_lossy();
    let told = ["--server", &server.url, "--data-dir", &data, "--role", "edit"];
    let kubectl = Kubectl::told(directory, "kubeconfig", &told).unwrap_or_else(|e| panic!("kubeconfig: {e}"));
    // Libraries keep what they discovered among temporary files.
    program.env("KUBECONFIG", kubectl.config()).env("TMPDIR", directory.path()).current_dir(directory.path());
    let output = program.output().unwrap_or_else(|e| panic!("{program:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
}
