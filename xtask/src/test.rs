//! Everything that must hold before a change is taken in, step by step.

use std::process::{Command, ExitCode};

use clap::ValueEnum;
use console::style;

use crate::bundle;
use crate::failure::{Failure, Result};
use crate::setup;
use crate::step::{Screen, shown};
use crate::suites::{self, Need};
use crate::tally::Tally;
use crate::tool::Tool;
use crate::wasm::{self, Compiler};
use crate::workspace;

/// A package of ours that is no member of the workspace.
const OUTSIDE: &str = "tests/clients/rust/Cargo.toml";

/// The steps, in the order in which they run: what is quick to fail comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepName {
    /// Formatting
    Fmt,
    /// Clippy for the host: every package, every target
    Clippy,
    /// Clippy for WebAssembly: the core and the page
    ClippyWasm,
    /// Documentation without a warning
    Rustdoc,
    /// Licences, bans and sources of dependencies. Advisories are left out: they need a download from outside the
    /// package registries
    Deny,
    /// The web bundle, and its size
    Web,
    /// The server's binary
    Server,
    /// Unit, property, scenario and documentation tests
    Tests,
    /// Tests in a real browser
    Browser,
    /// Tests with real Docker engines
    Docker,
    /// Tests with the real kubectl
    Kubectl,
    /// Tests with other people's client libraries
    Clients,
}

impl StepName {
    fn text(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Earlier steps that produce what this one works with.
    fn builds_on(self) -> &'static [Self] {
        match self {
            Self::Browser => &[Self::Web, Self::Server],
            Self::Tests | Self::Docker | Self::Kubectl | Self::Clients => &[Self::Server],
            _ => &[],
        }
    }

    fn need(self) -> Option<Need> {
        match self {
            Self::Browser => Some(Need::Browser),
            Self::Docker => Some(Need::Docker),
            Self::Kubectl => Some(Need::Kubectl),
            Self::Clients => Some(Need::Clients),
            _ => None,
        }
    }

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Deny => &[Tool::CargoDeny],
            Self::Web => Tool::BUNDLE,
            _ => self.need().map_or(&[], Need::tools),
        }
    }

    fn compiles_wasm(self) -> bool {
        matches!(self, Self::ClippyWasm | Self::Web)
    }
}

/// Sets up, runs the steps, and prints the summary as the last line.
pub(crate) fn test(screen: &Screen, without: &[StepName], only: &[StepName]) -> ExitCode {
    let chosen = chosen(without, only);
    set_up(screen, &chosen, without);

    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for name in StepName::value_variants().iter().copied() {
        if !chosen.contains(&name) {
            if without.contains(&name) {
                Screen::skipped(&name.text());
                tally += Tally::SKIPPED;
            }
            continue;
        }
        let base = name.builds_on().iter().find(|base| broken.contains(*base));
        let outcome = match base {
            Some(base) => Err(Failure::new(format!("it builds on the step {}, which failed", base.text()))),
            None => run(screen, name, without),
        };
        let counted = outcome.unwrap_or_else(|failure| {
            Screen::could_not_start(&name.text(), &failure);
            Tally::FAILED
        });
        if counted.failed > 0 {
            broken.push(name);
        }
        tally += counted;
    }
    if !broken.is_empty() {
        let names = broken.iter().map(|name| name.text()).collect::<Vec<_>>().join(",");
        println!("\nTo run again what failed: {}", style(format!("cargo xtask test --only {names}")).bold());
    }
    println!("\n{tally}");
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What to run: all, all but, or only these and what they build on.
fn chosen(without: &[StepName], only: &[StepName]) -> Vec<StepName> {
    let wanted = |name: &StepName| match only {
        [] => !without.contains(name),
        only => only.contains(name) || only.iter().any(|one| one.builds_on().contains(name)),
    };
    StepName::value_variants().iter().copied().filter(wanted).collect()
}

/// Brings what the chosen steps need. What cannot be brought fails the steps that need it, and only those.
fn set_up(screen: &Screen, chosen: &[StepName], without: &[StepName]) {
    let mut tools = chosen.iter().flat_map(|name| name.tools()).copied().collect::<Vec<_>>();
    // A suite may need more than its step. Where cargo cannot say which there are, each step fails and says so itself.
    let (all, left_out) = (suites::all().unwrap_or_default(), left_out(without));
    for need in chosen.iter().filter_map(|name| name.need()) {
        let (_, run) = suites::of(&all, need, &left_out).unwrap_or_default();
        tools.extend(run.iter().flat_map(|suite| &suite.needs).flat_map(|need| need.tools()).copied());
    }
    let mut once = Vec::new();
    tools.retain(|tool| {
        !once.contains(tool) && {
            once.push(*tool);
            true
        }
    });
    let compiler = chosen.iter().any(|name| name.compiles_wasm());
    if let Err(failure) = setup::install(screen, compiler, &tools) {
        println!("\n{failure}\n");
    }
}

/// The needs that were left out by name.
fn left_out(without: &[StepName]) -> Vec<Need> {
    without.iter().filter_map(|name| name.need()).collect()
}

/// Runs one step. The error is why it could not begin; a step that began has shown its own failure.
fn run(screen: &Screen, name: StepName, without: &[StepName]) -> Result<Tally> {
    for tool in name.tools() {
        tool.require()?;
    }
    let text = name.text();
    let mut cargo = workspace::cargo();
    match name {
        StepName::Fmt => {
            let mut outside = workspace::cargo();
            outside.args(["fmt", "--manifest-path", OUTSIDE, "--check"]);
            Ok(both(screen, &text, cargo.args(["fmt", "--all", "--check"]), &mut outside))
        }
        StepName::Clippy => {
            // With the suites, though they are otherwise only built when asked for.
            cargo.args(["clippy", "--workspace", "--all-targets"]).args(suites::features(&suites::all()?));
            Ok(one(screen, &text, cargo.args(["--", "--deny", "warnings"])))
        }
        StepName::ClippyWasm => {
            let mut cargo = Compiler::require()?.command("cargo")?;
            // The bundle's profile, so that both steps share procedural macros and build scripts.
            cargo.args(["clippy", "--profile", "wasm"]);
            for package in ["core", "foresight", "heap", "kubectl", "web"] {
                cargo.args(["--package", &format!("kubarium-{package}")]);
            }
            cargo.args(["--features", "kubarium-kubectl/worker,kubarium-foresight/worker", "--target", wasm::TARGET]);
            Ok(one(screen, &text, cargo.args(["--", "--deny", "warnings"])))
        }
        StepName::Rustdoc => {
            // With private items: a module's first words lead its reader to the parts within.
            cargo
                .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
                .env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links");
            Ok(one(screen, &text, &mut cargo))
        }
        StepName::Deny => {
            let mut deny = Command::new(Tool::CargoDeny.require()?);
            deny.current_dir(workspace::root()).args(["--color", "never", "check", "licenses", "bans", "sources"]);
            let mut outside = Command::new(Tool::CargoDeny.require()?);
            outside.current_dir(workspace::root()).args(["--color", "never", "--config", "deny.toml"]);
            // It is for tests, and they run here only.
            outside.args(["--manifest-path", OUTSIDE, "--target", "x86_64-unknown-linux-gnu"]);
            outside.args(["check", "licenses", "bans", "sources"]);
            Ok(both(screen, &text, &mut deny, &mut outside))
        }
        StepName::Web => Ok(bundle::build(screen).map_or(Tally::FAILED, |()| Tally::PASSED)),
        StepName::Server => Ok(one(screen, &text, cargo.args(["build", "--package", "kubarium"]))),
        StepName::Tests => tests(screen, &text, cargo.args(["test", "--workspace", "--no-fail-fast"]), 0),
        StepName::Browser | StepName::Docker | StepName::Kubectl | StepName::Clients => suite(screen, name, without),
    }
}

/// The same for the workspace and for what is [`OUTSIDE`] of it.
fn both(screen: &Screen, name: &str, own: &mut Command, outside: &mut Command) -> Tally {
    let mut tally = one(screen, name, own);
    tally += one(screen, &format!("{name} outside"), outside);
    tally
}

fn one(screen: &Screen, name: &str, command: &mut Command) -> Tally {
    screen.command(name, command).map_or(Tally::FAILED, |()| Tally::PASSED)
}

/// The suites of one need, without those that also need something that was left out by name.
fn suite(screen: &Screen, name: StepName, without: &[StepName]) -> Result<Tally> {
    let left_out = left_out(without);
    let all = suites::all()?;
    let Some(need) = name.need() else { return Ok(Tally::default()) };
    let (skipped, run) = suites::of(&all, need, &left_out)?;
    let mut tally = Tally { skipped: skipped.len(), ..Tally::default() };
    for suite in skipped {
        Screen::skipped(&format!("{} ({})", name.text(), suite.name));
    }
    for need in run.iter().flat_map(|suite| &suite.needs) {
        need.tools().iter().try_for_each(|tool| tool.require().map(|_| ()))?;
    }
    if !run.is_empty() {
        tally += tests(screen, &name.text(), &mut suites::command(&all, &run), run.len())?;
    }
    Ok(tally)
}

/// What tests have to tell though they passed.
fn reported(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().filter_map(|line| line.strip_prefix("report: "))
}

/// Runs tests; of `suites` that were asked for by name, each must run one.
fn tests(screen: &Screen, name: &str, command: &mut Command, suites: usize) -> Result<Tally> {
    command.envs(suites::environment()?);
    let step = screen.step(name);
    let Ok(ended) = step.run(command) else { return Ok(Tally::FAILED) };
    let tally = Tally::of_suites(&ended.lines, ended.status.success(), suites);
    if tally.failed == 0 {
        step.ok(&tally.to_string());
        reported(&ended.lines).for_each(|line| println!("         {line}"));
    } else {
        step.failed(&ended.lines);
        println!("         {tally}   ({})", shown(command));
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_brings_along_what_it_builds_on() {
        assert_eq!(chosen(&[], &[StepName::Browser]), [StepName::Web, StepName::Server, StepName::Browser]);
        assert_eq!(chosen(&[], &[StepName::Fmt]), [StepName::Fmt]);
    }

    #[test]
    fn what_a_passing_test_reports_is_shown() {
        let lines = ["test a ... ok", "report: 7 of 9", "a report: none"].map(String::from);
        assert_eq!(reported(&lines).collect::<Vec<_>>(), ["7 of 9"]);
    }

    #[test]
    fn everything_runs_that_is_not_left_out() {
        let chosen = chosen(&[StepName::Docker], &[]);
        assert_eq!(chosen.len(), StepName::value_variants().len() - 1);
        assert!(!chosen.contains(&StepName::Docker));
    }

    #[test]
    fn what_a_step_builds_on_comes_before_it() {
        let order = StepName::value_variants();
        let place = |name: &StepName| order.iter().position(|one| one == name);
        for name in order {
            assert!(name.builds_on().iter().all(|base| place(base) < place(name)), "{name:?}");
        }
    }
}
