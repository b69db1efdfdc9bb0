//! The real kubectl, told of a server by the file that `kubarium kubeconfig` writes.

use crate::server::{Directory, Server, run};
use crate::wait::eventually;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// kubectl with a server. Which kubectl, `KUBARIUM_KUBECTL` says.
#[derive(Debug)]
pub struct Kubectl {
    program: String,
    config: String,
}

impl Kubectl {
    /// For a server. The file is kept in `directory`.
    pub fn of(server: &Server, directory: &Directory) -> std::io::Result<Self> {
        Self::told(directory, "kubeconfig", &["--server", &server.url])
    }

    /// With the file that `kubarium kubeconfig` writes when it is told that. It is kept in `directory` by that name.
    pub fn told(directory: &Directory, name: &str, arguments: &[&str]) -> std::io::Result<Self> {
        let config = directory.join(name);
        let written = run(&[&["kubeconfig"], arguments].concat())?;
        if !written.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&written.stderr).into_owned()));
        }
        std::fs::write(&config, written.stdout)?;
        let program = std::env::var("KUBARIUM_KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
        Ok(Self { program, config: config.to_string_lossy().into_owned() })
    }

    /// The same kubectl, and those that speak otherwise on the wire, each with a name: `KUBARIUM_KUBECTL_OLD` and
    /// `KUBARIUM_KUBECTL_NEW` say where they are, if they are there.
    pub fn every(server: &Server, directory: &Directory) -> std::io::Result<Vec<(&'static str, Self)>> {
        Ok(Self::of(server, directory)?.and_others())
    }

    /// This one, and the others with the same server.
    pub fn and_others(self) -> Vec<(&'static str, Self)> {
        let others = [("old", "KUBARIUM_KUBECTL_OLD"), ("new", "KUBARIUM_KUBECTL_NEW")];
        let others = others.into_iter().filter_map(|(name, variable)| {
            Some((name, Self { program: std::env::var(variable).ok()?, config: self.config.clone() }))
        });
        let others: Vec<_> = others.collect();
        [("usual", self)].into_iter().chain(others).collect()
    }

    /// A command line that is still to be completed.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--kubeconfig", &self.config]);
        command
    }

    /// The file that tells of the server.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// The same as a shell takes it.
    pub fn shell(&self) -> String {
        format!("{} --kubeconfig {}", self.program, self.config)
    }

    /// What a command line prints.
    ///
    /// # Panics
    /// With what kubectl said where it fails.
    pub fn says(&self, arguments: &str) -> String {
        self.tries(arguments).unwrap_or_else(|error| panic!("kubectl {arguments}: {error}"))
    }

    /// What a command line prints, or what it said where it failed.
    pub fn tries(&self, arguments: &str) -> Result<String, String> {
        self.reads(arguments, "")
    }

    /// The same with something to read from standard input.
    pub fn reads(&self, arguments: &str, input: &str) -> Result<String, String> {
        let mut child = self
            .command()
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads nothing may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Waits until a command line prints what is looked for.
    ///
    /// # Panics
    /// Where it does not in two minutes.
    pub fn until(&self, what: &str, arguments: &str, holds: impl Fn(&str) -> bool) {
        eventually(&format!("{what}: kubectl {arguments}"), || {
            let said = self.tries(arguments).unwrap_or_else(|e| e);
            (holds(&said), said)
        });
    }
}

/// The words of a table's first line.
pub fn head(table: &str) -> Vec<&str> {
    table.lines().next().unwrap_or_default().split_whitespace().collect()
}
