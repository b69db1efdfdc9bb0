//! The settings of a simulated cluster: what it begins with, and how its time runs.

use super::file::ConfigFile;
use super::settings::{Field, ServeArguments};
use crate::failure::Failure;
use kubarium_core::sim::{Pace, SPEEDS};

/// Settings of a simulated cluster.
#[derive(Clone, Debug)]
pub struct SimulatedSettings {
    /// A file, `-` for standard input, or the name of a scenario Kubarium comes with.
    pub scenario: String,
    /// How many virtual seconds pass in a real one.
    pub speed: f64,
    /// Whether its time stands at first.
    pub paused: bool,
}

impl SimulatedSettings {
    pub(super) fn gather(
        scenario: String,
        arguments: &ServeArguments,
        file: &ConfigFile,
        field: &Field,
    ) -> Result<Self, Failure> {
        // Named in this order; those after the first would be found next.
        let (a, f) = (arguments, file);
        let elsewhere = [
            ("docker", !a.docker.is_empty() || !f.docker.is_empty(), "the machines are those of the scenario"),
            ("no-docker", a.no_docker, "a simulated cluster has no Docker hosts"),
            (
                "node-port-address",
                a.node_port_address.is_some() || f.node_port_address.is_some(),
                "node ports of a simulated cluster are open in its own world only",
            ),
            (
                "heartbeat-seconds",
                a.heartbeat_seconds.or(f.heartbeat_seconds).is_some(),
                "simulated machines have their own",
            ),
            ("node-grace-seconds", a.node_grace_seconds.or(f.node_grace_seconds).is_some(), SCENARIO_SAYS),
            ("toleration-seconds", a.toleration_seconds.or(f.toleration_seconds).is_some(), SCENARIO_SAYS),
            ("scheduler-config", a.scheduler_config.is_some() || f.scheduler_config.is_some(), SCENARIO_SAYS),
            ("node-ports", a.node_ports.is_some() || f.node_ports.is_some(), SCENARIO_SAYS),
            ("service-network", a.service_network.is_some() || f.service_network.is_some(), SCENARIO_SAYS),
            ("allow-privileged", a.allow_privileged || f.allow_privileged.unwrap_or(false), SCENARIO_SAYS),
            ("allow-host", a.allow_host || f.allow_host.unwrap_or(false), SCENARIO_SAYS),
        ];
        if let Some((flag, _, why)) = elsewhere.into_iter().find(|(_, given, _)| *given) {
            return Err(field.wrong(flag, &format!("does not go with --simulate: {why}")));
        }
        let speed = arguments.speed.or(file.speed).unwrap_or(1.0);
        if !SPEEDS.contains(&speed) {
            return Err(field.wrong(
                "speed",
                &format!(
                    "{speed} is not a speed from {} to {} virtual seconds per real second",
                    SPEEDS.start(),
                    SPEEDS.end()
                ),
            ));
        }
        Ok(Self { scenario, speed, paused: arguments.paused || file.paused.unwrap_or(false) })
    }

    /// How time runs at first.
    pub(crate) fn pace(&self) -> Pace {
        let mut pace = Pace::default();
        pace.set_speed(self.speed, 0.0);
        pace.play(!self.paused, 0.0);
        pace
    }
}

const SCENARIO_SAYS: &str = "the scenario says this in its `config`";
