//! Measurements: `cargo xtask bench NAME`. Ratios are of runs side by side in one process, so that they mean the
//! same on any machine.
#![allow(clippy::print_stdout)]

mod api;
mod connection;
mod fork;
mod placement;
mod readers;
mod scheduling;
mod wasm;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
Usage: bench openb [--nodes FILE --pods FILE] [--seed N]
       bench fork
       bench world
       bench api
       bench readers
       bench scheduler [PART]
       bench wasm [BUNDLE]

  openb   places 7,064 pods on 1,213 nodes, with the default scheduler and with its reference that remembers nothing.
          Files are manifests, such as those of the OpenB trace; without them the load is generated in the same shape.
  fork    forks a cluster of 1,000 nodes and 30,000 pods, and asks a fork what scaling by 100 would do.
  world   simulates: events per second, what the heartbeats of 1,000 idle nodes cost, bytes per running pod.
  api     what the API of a real server can do, over HTTP, beside its aims and what kube-apiserver did.
  scheduler
          places pods in the cases of kube-scheduler's own benchmark, or those of them whose names have PART in them,
          and 150,000 pods from empty; beside its aims and the reference that remembers nothing.
  readers reads from a real server that keeps 30,000 pods, with and without writers.
          Both build the server, or measure the one that KUBARIUM_BIN names.
  wasm    plays the same recording natively and in the page's WebAssembly, under Node; of the bundle in `dist`, unless
          another directory is named.";

/// How often each side is measured; the fastest counts.
const RUNS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["openb", rest @ ..] => placement::measure(rest),
        ["fork"] => {
            fork::measure();
            Ok(())
        }
        ["world"] => world::measure(),
        ["api"] => api::measure(),
        ["readers"] => readers::measure(),
        ["scheduler"] => scheduling::measure(""),
        ["scheduler", part] => scheduling::measure(part),
        ["wasm"] => wasm::measure("dist"),
        ["wasm", bundle] => wasm::measure(bundle),
        [name, ..] => Err(format!("unknown measurement {name}")),
        [] => Err("name a measurement".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The fastest of several runs.
fn fastest(runs: usize, mut what: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        what();
        start.elapsed()
    };
    (0..runs).map(run).min().unwrap_or_default()
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
