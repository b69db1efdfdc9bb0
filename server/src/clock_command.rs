//! `kubarium clock`: the time of a simulated cluster from the command line.

use crate::failure::Failure;
use crate::kubeconfig;
use crate::remote::RemoteArguments;
use clap::{Args, Subcommand};
use kubarium_core::sim;
use serde_json::{Value, json};
use std::path::PathBuf;

const PATH: &str = "/apis/kubarium.io/v1/clock";

/// Flags of `kubarium clock`.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n\n  kubarium clock                 what time it is in the cluster\n  \
kubarium clock pause           time stands; what is asked is still answered\n  \
kubarium clock step 90s        time goes on by 90 seconds, as fast as it can\n  \
kubarium clock step            time goes on until something changes an object\n  \
kubarium clock speed 100       100 virtual seconds in a real one\n\n\
The same over the API: GET and PATCH on /apis/kubarium.io/v1/clock, POST on /apis/kubarium.io/v1/clock/step.")]
pub struct ClockArguments {
    #[command(flatten)]
    remote: RemoteArguments,
    /// File that says where the server is, its authority and the token, as `kubarium kubeconfig` writes it.
    #[arg(long, value_name = "FILE", global = true, conflicts_with_all = ["server", "token_file", "data_dir", "certificate_authority"])]
    kubeconfig: Option<PathBuf>,
    /// Print the Clock object as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<ClockCommand>,
}

#[derive(Subcommand, Debug)]
enum ClockCommand {
    /// Say what time it is, and how it runs. That of a live cluster can be read, too.
    Show,
    /// Hold time. Requests are still answered; machines' work waits.
    Pause,
    /// Let time run.
    Run,
    /// Let time pass as fast as it can, and wait until it has; held before, it is held again.
    Step {
        /// How much, such as 90s, 5m or 2h. Without it, until something changes an object.
        #[arg(value_parser = duration, conflicts_with = "until")]
        duration: Option<String>,
        /// Until an instant of the cluster's time, such as 2026-01-01T00:10:00Z.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Set how many virtual seconds pass in a real one, from 0.01; 1000000 is as fast as it can.
    Speed {
        /// How many.
        #[arg(value_name = "N")]
        speed: f64,
    },
}

fn duration(text: &str) -> Result<String, String> {
    sim::parse_span(text).ok_or("must be a duration such as 90s, 5m or 2h")?;
    Ok(text.to_owned())
}

/// `kubarium clock`.
pub fn run(arguments: &ClockArguments) -> Result<(), Failure> {
    let remote = match &arguments.kubeconfig {
        Some(path) => kubeconfig::read(path)?,
        None => arguments.remote.find()?,
    };
    let patch =
        |spec: Value| remote.ask("PATCH", PATH, "application/merge-patch+json", &json!({ "spec": spec }).to_string());
    let clock = match arguments.command.as_ref().unwrap_or(&ClockCommand::Show) {
        ClockCommand::Show => remote.ask("GET", PATH, "application/json", "")?,
        ClockCommand::Pause => patch(json!({ "paused": true }))?,
        ClockCommand::Run => patch(json!({ "paused": false }))?,
        ClockCommand::Speed { speed } => patch(json!({ "speed": speed }))?,
        ClockCommand::Step { duration, until } => {
            let step = json!({ "duration": duration, "until": until });
            remote.ask("POST", &format!("{PATH}/step"), "application/json", &step.to_string())?
        }
    };
    if arguments.json {
        println!("{clock:#}");
        return Ok(());
    }
    let Some(now) = clock["status"]["now"].as_str() else {
        return Err(Failure::running(format!("what answers at {} is no Kubarium: it has no clock", remote.server)));
    };
    let (speed, reached) = (&clock["spec"]["speed"], &clock["status"]["reachedSpeed"]);
    if clock["spec"]["paused"] == true {
        println!("{now}  paused  speed {speed}");
    } else {
        println!("{now}  running  speed {speed}, reached {reached}");
    }
    Ok(())
}
