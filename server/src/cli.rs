//! The command line: its commands, their flags, and nothing of what they do.

use crate::config::ServeArguments;
use crate::failure::Failure;
use crate::{clock_command, kubeconfig, serve, simulate, token, why};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// A Kubernetes-style cluster: simulated, or on plain Docker hosts.
#[derive(Parser, Debug)]
#[command(name = "kubarium", version, about, propagate_version = true, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the control plane: the Kubernetes API, the dashboard, and pods as containers on Docker hosts, or a simulated
    /// cluster.
    Serve(Box<ServeArguments>),
    /// Play a cluster in virtual time and report what was placed where, what is pending and why.
    Simulate(simulate::SimulateArguments),
    /// Read, hold, run and step the time of a served simulation.
    Clock(clock_command::ClockArguments),
    /// Say why a pod is where it is, or why it is pending: how every node stands to it, plugin by plugin.
    Explain(why::ExplainArguments),
    /// Say how many more replicas there could be, and what would refuse the next one: they are really scheduled, in a
    /// copy of the cluster.
    Fit(why::FitArguments),
    /// Say whether the cluster survives the loss of any one node, or of any two, and which pods would be left without a
    /// home.
    Survive(why::SurviveArguments),
    /// Print a kubeconfig for kubectl and other Kubernetes clients.
    Kubeconfig(kubeconfig::KubeconfigArguments),
    /// Print the access token of a data directory; makes one where there is none.
    Token(token::TokenArguments),
}

/// Does what the arguments ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A closed pipe, as behind `| head`, is the reader's own choice.
            let _ = error.print();
            return Ok(());
        }
        Err(error) => return Err(Failure::usage(one_line(&error.render().to_string()))),
    };
    match arguments.command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Clock(arguments) => clock_command::run(&arguments),
        Command::Explain(arguments) => why::explain(&arguments),
        Command::Fit(arguments) => why::fit(&arguments),
        Command::Survive(arguments) => why::survive(&arguments),
        Command::Kubeconfig(arguments) => kubeconfig::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
    }
}

/// clap's message without its usage block: the lines up to the first empty one, joined.
fn one_line(message: &str) -> String {
    let paragraph: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    format!("{} (see --help)", text.strip_prefix("error: ").unwrap_or(&text))
}
