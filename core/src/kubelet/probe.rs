//! Probes: when each runs next, and what its results add up to.

use crate::runtime::ProbeKind;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The runs of one probe.
#[derive(Clone, Debug)]
struct Run {
    next: Time,
    /// Whether an answer is due.
    asked: bool,
    passed: u16,
    failed: u16,
    good: bool,
}

/// The runs of a container's probes, from its start to its end.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    runs: [Option<Run>; 3],
}

/// What a result changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet.
    Same,
    /// The startup probe passed: the container counts as started.
    Started,
    /// The container may or may not be sent traffic.
    Ready(bool),
    /// The container is to be restarted.
    Kill,
}

const KINDS: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];

/// A probe of a container.
pub(super) const fn of(container: &k8s::Container, kind: ProbeKind) -> Option<&k8s::Probe> {
    match kind {
        ProbeKind::Startup => container.startup_probe.as_ref(),
        ProbeKind::Readiness => container.readiness_probe.as_ref(),
        ProbeKind::Liveness => container.liveness_probe.as_ref(),
    }
}

fn secs(value: Option<i32>, default: i32, min: i32) -> Span {
    Span::from_secs(i64::from(value.unwrap_or(default).max(min)))
}

fn count(value: Option<i32>, default: i32) -> u16 {
    value.unwrap_or(default).clamp(1, i32::from(u16::MAX)) as u16
}

impl Probes {
    /// For a container that started at `since`; none where it has no probes. `ready` and `up` say what is known
    /// already of one that ran before.
    pub(super) fn new(container: &k8s::Container, since: Time, ready: bool, up: bool) -> Option<Box<Self>> {
        let runs = KINDS.map(|kind| {
            let probe = of(container, kind)?;
            let good = match kind {
                ProbeKind::Startup => up,
                ProbeKind::Readiness => ready,
                ProbeKind::Liveness => true,
            };
            let next = since + secs(probe.initial_delay_seconds, 0, 0);
            Some(Run { next, asked: false, passed: 0, failed: 0, good })
        });
        runs.iter().any(Option::is_some).then(|| Box::new(Self { runs }))
    }

    /// Whether the container counts as started.
    pub(super) fn is_up(&self) -> bool {
        self.runs[0].as_ref().is_none_or(|r| r.good)
    }

    fn is_active(&self, kind: ProbeKind) -> bool {
        // The startup probe holds the others off until it has passed, and then rests.
        (kind == ProbeKind::Startup) != self.is_up()
    }

    /// When the next one runs.
    pub(super) fn due(&self) -> Option<Time> {
        KINDS
            .into_iter()
            .zip(&self.runs)
            .filter(|(kind, _)| self.is_active(*kind))
            .filter_map(|(_, run)| run.as_ref().map(|r| r.next))
            .min()
    }

    /// The probes to run now. An answer that never comes is waited for no longer than the probe's timeout and one
    /// more period.
    pub(super) fn run_due(&mut self, container: &k8s::Container, now: Time) -> Vec<ProbeKind> {
        let mut due = Vec::new();
        for kind in KINDS {
            if !self.is_active(kind) {
                continue;
            }
            let (Some(probe), Some(run)) = (of(container, kind), &mut self.runs[kind as usize]) else { continue };
            if run.next <= now {
                run.asked = true;
                run.next = now + secs(probe.period_seconds, 10, 1) + secs(probe.timeout_seconds, 1, 1);
                due.push(kind);
            }
        }
        due
    }

    /// Takes a result.
    pub(super) fn result(
        &mut self,
        container: &k8s::Container,
        kind: ProbeKind,
        passed: bool,
        now: Time,
    ) -> Option<Outcome> {
        let active = self.is_active(kind);
        let (Some(probe), Some(run)) = (of(container, kind), &mut self.runs[kind as usize]) else { return None };
        // A late or repeated answer counts for nothing.
        if !std::mem::take(&mut run.asked) || !active {
            return None;
        }
        run.next = (run.next - secs(probe.timeout_seconds, 1, 1)).max(now);
        let was = run.good;
        if passed {
            run.failed = 0;
            run.passed = run.passed.saturating_add(1);
            run.good |= run.passed >= count(probe.success_threshold, 1);
        } else {
            run.passed = 0;
            run.failed = run.failed.saturating_add(1);
            if run.failed >= count(probe.failure_threshold, 3) {
                run.good = false;
                if kind != ProbeKind::Readiness {
                    return Some(Outcome::Kill);
                }
            }
        }
        let good = run.good;
        Some(match kind {
            ProbeKind::Startup if good => Outcome::Started,
            ProbeKind::Readiness if good != was => Outcome::Ready(good),
            _ => Outcome::Same,
        })
    }

    /// Lets the probes that waited for the startup probe begin, not before `now`.
    pub(super) fn release(&mut self, now: Time) {
        for run in self.runs[1..].iter_mut().flatten() {
            run.next = run.next.max(now);
        }
    }
}
/// A probe with the names of ports replaced by their numbers: a runtime knows only those. A name the container does
/// not have stays, and fails there.
pub(super) fn with_port_numbers(probe: &k8s::Probe, container: &k8s::Container) -> k8s::Probe {
    let mut probe = probe.clone();
    let http = probe.http_get.as_mut().map(|get| &mut get.port);
    let tcp = probe.tcp_socket.as_mut().map(|tcp| &mut tcp.port);
    for port in http.into_iter().chain(tcp) {
        if let IntOrString::String(name) = port
            && let Some(found) = container.ports.iter().flatten().find(|p| p.name.as_ref() == Some(name))
        {
            *port = IntOrString::Int(found.container_port);
        }
    }
    probe
}
