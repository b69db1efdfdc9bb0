//! The `kubarium` binary: what was asked for on the command line, and how it ended.

use kubarium::cli;
use std::process::ExitCode;

/// A control plane makes and drops small things all day: pods, events, answers. With this allocator the scheduler's
/// benchmark takes a sixth less time. Without huge pages, which cost it a quarter more memory and gain nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kubarium: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
