//! The `kubarium` binary: what was asked for on the command line, and how it ended.

use kubarium::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kubarium: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
