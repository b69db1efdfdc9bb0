//! The console of the dashboard, in front of a cluster in this process.

use super::kubectl::{Ran, Stand, replay as replay_in};
use super::{Agreement, Case};
use crate::desk::Desk;
use kubarium_core::Config;
use kubarium_kubectl::words::Line;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

/// Replays cases of command lines with the console, as `kubectl` does with a program. Counts are of lines, by command.
pub fn replay(
    cases: &[Case],
    fixture: &Path,
    agreement: Agreement,
    told: impl FnMut(&Case),
) -> Result<Agreement, String> {
    let config = Config {
        allow_host: true,
        service_network: Ipv4Addr::new(10, 0, 0, 0),
        service_prefix: 16,
        ..Config::default()
    };
    replay_in(cases, &Desk::new(config), fixture, true, agreement, told)
}

impl Stand for Desk {
    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<(u16, String), String> {
        let answer = self.ask(method, path, content_type, body)?;
        Ok((answer.status, answer.body))
    }

    fn run(&self, words: &[&str], input: &str, files: &[(String, String)]) -> Result<Ran, String> {
        self.place(files);
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Ok(self.line(&Line { words, input: Some(input.to_owned()) }))
    }

    fn pass(&self, time: Duration) {
        self.pass_millis(time.as_millis() as i64);
    }

    fn url(&self) -> String {
        kubarium_kubectl::Host::server(self)
    }
}
