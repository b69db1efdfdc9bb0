//! Replays records of the real Kubernetes against a fresh server, and prints how much agrees and what does not.
//! Started by `cargo xtask fidelity`.

use clap::{Parser, Subcommand};
use kubarium_tests::replay::{self, Agreement, Case, scheduler};
use regex::Regex;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/upstream-api");

const DECISIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/upstream-scheduler");

#[derive(Parser)]
#[command(name = "cargo xtask fidelity", about = "Hold Kubarium against records of the real Kubernetes")]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Only cases whose name matches
    #[arg(long, global = true, value_name = "REGEX")]
    only: Option<Regex>,
    /// Only cases of this group
    #[arg(long, global = true, value_name = "NAME")]
    group: Option<String>,
    /// Leave fields of this name out of the comparison of whole bodies (may be repeated)
    #[arg(long, global = true, value_name = "FIELD")]
    ignore: Vec<String>,
    /// How many differences to show
    #[arg(long, global = true, value_name = "N", default_value_t = 20)]
    show: usize,
}

#[derive(Subcommand)]
enum What {
    /// Requests to the API
    Api {
        /// Records, one JSON case a line, gzipped or not [default: those of the project]
        file: Option<PathBuf>,
    },
    /// Command lines of kubectl
    Kubectl {
        /// Records, one JSON case a line, gzipped or not [default: those of the project]
        file: Option<PathBuf>,
        /// The requests that make what the command lines look at [default: the one beside FILE, or the project's]
        #[arg(long, value_name = "FILE")]
        fixture: Option<PathBuf>,
        /// The kubectl to run; records are of 1.32
        #[arg(long, value_name = "PROGRAM", env = "KUBARIUM_KUBECTL", default_value = "kubectl")]
        kubectl: PathBuf,
    },
    /// The same command lines, typed into the dashboard's console; counted line by line
    Console {
        /// Records, one JSON case a line, gzipped or not [default: those of the project]
        file: Option<PathBuf>,
        /// As for kubectl
        #[arg(long, value_name = "FILE")]
        fixture: Option<PathBuf>,
    },
    /// Decisions of kube-scheduler
    Scheduler {
        /// A directory of records, a file a theme, one JSON case a line, gzipped or not [default: that of the project]
        directory: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let cases = |file: &Option<PathBuf>, name: &str| {
        let file = file.clone().unwrap_or_else(|| Path::new(DATA).join(name));
        let mut cases = replay::read(&file)?;
        cases.retain(|case| arguments.only.as_ref().is_none_or(|only| only.is_match(&case.name)));
        cases.retain(|case| arguments.group.as_ref().is_none_or(|group| *group == case.group));
        if cases.is_empty() { Err("no case is left to replay".to_owned()) } else { Ok(cases) }
    };
    let agreement = Agreement::ignoring(&arguments.ignore);
    let agreement = match &arguments.what {
        What::Api { file } => replay::api(&cases(file, "api.jsonl.gz")?, agreement, told)?,
        What::Kubectl { file, fixture, kubectl } => {
            let cases = cases(file, "kubectl.jsonl.gz")?;
            replay::kubectl(&cases, kubectl, &fixture_of(file.as_deref(), fixture.as_deref()), agreement, told)?
        }
        What::Console { file, fixture } => {
            let cases = cases(file, "kubectl.jsonl.gz")?;
            replay::console(&cases, &fixture_of(file.as_deref(), fixture.as_deref()), agreement, told)?
        }
        What::Scheduler { directory } => {
            return decisions(directory.as_deref().unwrap_or(Path::new(DECISIONS)), arguments.show);
        }
    };
    report(&agreement, arguments.show);
    Ok(())
}

/// The requests that make what command lines look at: as named, or those beside the records, or the project's.
fn fixture_of(records: Option<&Path>, named: Option<&Path>) -> PathBuf {
    let beside = records.map(|file| file.with_file_name("kubectl-fixture.json")).filter(|file| file.is_file());
    named.map(Path::to_path_buf).or(beside).unwrap_or_else(|| Path::new(DATA).join("kubectl-fixture.json"))
}

/// Prints the first differences of each theme in full, and per theme what was compared and what agrees.
fn decisions(directory: &Path, show: usize) -> Result<(), String> {
    let themes = scheduler::replay(directory, |theme| {
        for difference in theme.differences.iter().take(show) {
            println!("{difference}");
        }
    })?;
    println!("{}", scheduler::table(&themes));
    Ok(())
}

fn told(case: &Case) {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{} {}", case.group, case.name);
    }
}

fn report(agreement: &Agreement, show: usize) {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    let differences = agreement.differences();
    for difference in differences.iter().take(show) {
        println!("{difference}");
    }
    if differences.len() > show {
        println!("... and {} more; --show {} shows all", differences.len() - show, differences.len());
    }
    println!("{agreement}");
}
