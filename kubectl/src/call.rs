//! One command under way: its flags and words, and what it stands on.

use crate::failure::Failure;
use crate::flags::Given;
use crate::host::{Host, Stream};
use crate::session::Session;

/// One command under way.
pub(crate) struct Call<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) session: &'a Session,
    /// The command, such as `create configmap`.
    pub(crate) command: &'static str,
    pub(crate) given: Given,
    /// What a here-document gave to read.
    pub(crate) input: Option<&'a str>,
}

impl Call<'_> {
    /// Prints what was asked for.
    pub(crate) fn out(&self, text: &str) {
        if !text.is_empty() {
            self.host.print(Stream::Out, text);
        }
    }

    /// Prints a line of what was asked for.
    pub(crate) fn line(&self, text: &str) {
        self.out(&format!("{text}\n"));
    }

    /// Prints what is to be known besides.
    pub(crate) fn note(&self, text: &str) {
        self.host.print(Stream::Err, &format!("{text}\n"));
    }

    /// A failure that points to the command's help.
    pub(crate) fn usage(&self, text: impl Into<String>) -> Failure {
        Failure::Usage(self.command.to_owned(), text.into())
    }

    /// That a flag is missing.
    pub(crate) fn required(flag: &str) -> Failure {
        Failure::error(format!("required flag(s) \"{flag}\" not set"))
    }

    /// The words of the command that are no flags.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.given.arguments
    }

    /// The namespace the command is about.
    pub(crate) fn namespace(&self) -> String {
        let given = self.given.text("namespace");
        if given.is_empty() { self.session.namespace() } else { given.to_owned() }
    }

    /// Whether the namespace was named by the command itself.
    pub(crate) fn enforces_namespace(&self) -> bool {
        !self.given.text("namespace").is_empty()
    }

    /// All namespaces together.
    pub(crate) fn everywhere(&self) -> bool {
        self.given.on("all-namespaces")
    }

    /// Whether nothing shall be changed, and who shall find out what would be.
    pub(crate) fn dry_run(&self) -> Result<DryRun, Failure> {
        match self.given.text("dry-run") {
            "none" | "" | "false" => Ok(DryRun::None),
            "client" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            "unchanged" | "true" => {
                let old = "--dry-run is deprecated and can be replaced with --dry-run=client.";
                self.note(&format!("W0000 00:00:00.000000       1 helpers.go:703] {old}"));
                Ok(DryRun::Client)
            }
            other => Err(Failure::error(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }
}

/// Whether nothing shall be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// It shall be changed.
    None,
    /// The command says what it would send.
    Client,
    /// The API says what would come of it.
    Server,
}

impl DryRun {
    /// What is printed behind what was done.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }

    /// What the query of a request says of it.
    pub(crate) fn query(self) -> &'static [(&'static str, &'static str)] {
        if self == Self::Server { &[("dryRun", "All")] } else { &[] }
    }
}
