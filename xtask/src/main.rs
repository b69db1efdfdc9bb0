//! Set-up, run, test, bench: everything a developer types, as one program instead of shell scripts.
//!
//! It knows nothing of Kubarium's insides. It finds tools, calls them in the right order, and says what happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod apt;
mod bundle;
mod failure;
mod forward;
mod processes;
mod run;
mod setup;
mod step;
mod suites;
mod tally;
mod test;
mod tool;
mod wasm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Set up, run, test and measure Kubarium",
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// Show everything the called tools print, as they print it
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what is missing to build, run and test
    Setup {
        /// Install nothing: name what is missing and the command that brings it
        #[arg(long)]
        check: bool,
    },
    /// Build the web bundle and the server, then start `kubarium serve`
    Run {
        /// Arguments for `kubarium serve`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Build the web bundle into dist/
    Web,
    /// Check and test everything
    Test {
        /// Leave this step out (may be repeated)
        #[arg(long, value_name = "STEP", value_enum, value_delimiter = ',')]
        without: Vec<test::StepName>,
        /// Run only this step (may be repeated)
        #[arg(long, value_name = "STEP", value_enum, value_delimiter = ',', conflicts_with = "without")]
        only: Vec<test::StepName>,
    },
    /// Measure in release mode; without a name, list what can be measured
    Bench {
        /// What to measure
        name: Option<String>,
        /// Its own arguments
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Replay records of the real Kubernetes against a fresh server and print how much agrees
    #[command(disable_help_flag = true)]
    Fidelity {
        /// `api [FILE]`, `kubectl [FILE]`, `console [FILE]` or `scheduler [DIRECTORY]`; `--help` says more
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(failure) = processes::end_with_us() {
        report(&failure);
        return ExitCode::FAILURE;
    }
    let screen = step::Screen::new(arguments.verbose);
    let outcome = match arguments.verb {
        Verb::Setup { check: true } => setup::check(),
        Verb::Setup { check: false } => setup::install(&screen, true, tool::Tool::ALL),
        Verb::Run { args } => run::run(&screen, &args),
        Verb::Web => bundle::set_up_and_build(&screen),
        Verb::Test { without, only } => return test::test(&screen, &without, &only),
        Verb::Bench { name, args } => forward::to_binary("bench", forward::Profile::Release, name.iter().chain(&args)),
        Verb::Fidelity { args } => forward::to_binary("fidelity", forward::Profile::Dev, args.iter()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::FAILURE
        }
    }
}

fn report(failure: &Failure) {
    eprintln!("\n{failure}");
}
