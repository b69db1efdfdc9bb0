//! Ending what was started, with everything that it started in turn: a test that hangs has engines and browsers of its
//! own, and none of them may outlive us.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Failure, Result};

/// How long processes have to end by themselves once they are asked to.
const GRACE: Duration = Duration::from_secs(10);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on, whoever interrupts or ends us ends everything below us, too.
pub(crate) fn end_with_us() -> Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| Failure::new(format!("signals cannot be waited for: {error}")))?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            end_all(&below(std::process::id()));
            // So that whoever waits for us sees what ended us.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// Waits for our end where we are being ended: that a step broke off then is no news.
pub(crate) fn wait_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// Ends a process and all below it: asks first, and kills what is still there after a while.
pub(crate) fn end(pid: u32) {
    let mut all = below(pid);
    all.push(pid);
    end_all(&all);
}

fn end_all(pids: &[u32]) {
    for signal in ["TERM", "KILL"] {
        let left: Vec<u32> = pids.iter().copied().filter(|pid| runs(*pid)).collect();
        send(signal, &left);
        let sent = Instant::now();
        while sent.elapsed() < GRACE && left.iter().any(|pid| runs(*pid)) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The shell's own `kill`, which every machine has. What has ended meanwhile is no matter.
fn send(signal: &str, pids: &[u32]) {
    if !pids.is_empty() {
        let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let _ = Command::new("sh").args(["-c", &format!("kill -{signal} {pids} 2>/dev/null")]).status();
    }
}

/// Everything that a process started, and what that started, and so on.
fn below(pid: u32) -> Vec<u32> {
    let children: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((state(pid)?.1, pid)))
        .collect();
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        all.extend(children.iter().filter(|(of, _)| *of == parent).map(|(_, child)| *child));
        next += 1;
    }
    all.split_off(1)
}

/// Whether a process is there and has not ended: one that nobody waits for is listed after its end.
fn runs(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// A process's state and its parent, from `/proc/PID/stat`: `PID (NAME) STATE PARENT ...`, where the name may be anything.
fn state(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_ends_with_all_it_started_even_those_that_do_not_want_to() {
        let script = "trap '' TERM; sh -c 'sleep 601 & wait' & sleep 602 & wait";
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        while below(child.id()).len() < 3 {
            thread::yield_now();
        }
        let all = below(child.id());
        assert!(!all.contains(&std::process::id()) && all.iter().all(|pid| runs(*pid)), "{all:?}");
        end(child.id());
        child.wait().unwrap();
        assert!(all.iter().all(|pid| !runs(*pid)), "{all:?}");
    }
}
