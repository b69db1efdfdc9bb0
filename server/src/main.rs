//! The `kubarium` binary: what was asked for on the command line, and how it ended.

use kubarium::cli;
use std::process::ExitCode;

/// Documents are many small pieces of memory: the system's own allocator took a quarter of the time of a request.
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
