//! `kubarium simulate`: a cluster in virtual time, without a browser.

mod input;
mod page;
mod plot;
mod progress;
mod report;
mod samples;

use crate::config::read_scheduler_config;
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use kubarium_core::Span;
use kubarium_core::sim::{self, Scenario, World};
use progress::Progress;
use samples::Samples;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Flags of `kubarium simulate`.
#[derive(Args, Debug)]
pub struct SimulateArguments {
    /// Manifests (Nodes, Pods, controllers, services; YAML or JSON, several documents) and scenarios; `-` for standard
    /// input. A scenario Kubarium comes with goes by its name, such as `demo`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Seed of every random choice; takes the place of the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// File with a `KubeSchedulerConfiguration` (v1): the schedulers' profiles, their plugins, weights and arguments. Takes
    /// the place of the scenario's.
    #[arg(long, value_name = "FILE")]
    scheduler_config: Option<PathBuf>,
    /// How much virtual time passes, such as 90s or 2h. Without it, until nothing is left to happen (a day at most).
    #[arg(long, value_parser = duration)]
    duration: Option<Span>,
    /// What the report is written as.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Also say which pod is on which node.
    #[arg(long)]
    placements: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// One self-contained page with plots.
    Html,
}

/// A duration as a flag gives it.
pub(crate) fn duration(text: &str) -> Result<Span, String> {
    sim::parse_span(text).ok_or_else(|| "must be a duration such as 90s, 5m or 2h".to_owned())
}

/// How long a simulation without a duration goes on at most.
const SPAN_MAX: Span = Span::from_secs(86_400);

/// How many events pass between two looks at the progress.
const SLICE_EVENTS: u32 = 2_000;

/// How much time passes at most between two samples, for plots.
const SAMPLE_EVERY: Span = Span::from_millis(1_000);

/// A world in which the beginning has happened: `scenario` as the command takes a file. Where the API refuses a manifest,
/// the failure names it.
pub(crate) fn begin(scenario: &str, seed: Option<u64>) -> Result<World, Failure> {
    let start = |scenario| start(scenario, seed, None);
    let (origins, mut world) = input::begin(&[scenario.to_owned()], start, &Progress::hidden())?;
    while !world.advance(sim::BEGINNING, SLICE_EVENTS).reached {}
    match world.rejections().first() {
        Some(rejection) => Err(origins.refused(rejection)),
        None => Ok(world),
    }
}

/// A world as `kubarium simulate` plays it, so much later or when nothing is left to happen. Where the API refuses a
/// manifest, the failure names it.
pub(crate) fn play(files: &[String], seed: Option<u64>, duration: Option<Span>) -> Result<World, Failure> {
    let start = |scenario| start(scenario, seed, None).map(World::unwatched);
    let (origins, mut world) = input::begin(files, start, &Progress::hidden())?;
    let limit = sim::BEGINNING + duration.unwrap_or(SPAN_MAX);
    loop {
        let step =
            if duration.is_none() { world.settle(limit, SLICE_EVENTS) } else { world.advance(limit, SLICE_EVENTS) };
        if let Some(rejection) = world.rejections().first() {
            return Err(origins.refused(rejection));
        }
        if step.reached {
            return Ok(world);
        }
    }
}

/// The world that a scenario begins, with the seed and the scheduler's file that flags name.
fn start(mut scenario: Scenario, seed: Option<u64>, scheduler: Option<&Path>) -> Result<World, Failure> {
    scenario.config.seed = seed.unwrap_or(scenario.config.seed);
    if let Some(path) = scheduler {
        scenario.config.scheduler = Some(read_scheduler_config(path)?);
    }
    Ok(World::new(&scenario))
}

/// Does what the arguments ask for.
pub fn run(arguments: &SimulateArguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let progress = Progress::new();
    let scheduler = arguments.scheduler_config.as_deref();
    let start = |scenario| start(scenario, arguments.seed, scheduler).map(World::unwatched);
    let (origins, mut world) = input::begin(&arguments.files, start, &progress).inspect_err(|_| progress.clear())?;
    let mut samples = Samples::new(arguments.output == Format::Html);
    let limit = sim::BEGINNING + arguments.duration.unwrap_or(SPAN_MAX);
    let settles = arguments.duration.is_none();
    let mut until = if samples.wanted() { sim::BEGINNING } else { limit };
    loop {
        let step = if settles { world.settle(until, SLICE_EVENTS) } else { world.advance(until, SLICE_EVENTS) };
        if let Some(rejection) = world.rejections().first() {
            progress.clear();
            return Err(origins.refused(rejection));
        }
        progress.show(&world);
        if !step.reached {
            continue;
        }
        samples.take(&world);
        if world.now() < until || until >= limit {
            break;
        }
        until = limit.min(world.now() + SAMPLE_EVERY);
    }
    progress.clear();
    let report = report::Report::new(&world, begun);
    let text = match arguments.output {
        Format::Text => report.text(&world, arguments.placements),
        Format::Json => report.json(&world, arguments.placements),
        Format::Html => page::render(&report, &world, &samples)?,
    };
    // The process ends here: to take the world apart would be work for nobody.
    std::mem::forget(world);
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // A closed pipe, as behind `| head`, is the reader's own choice.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::running(format!("the report cannot be written: {e}")))
        }
        _ => Ok(()),
    }
}
