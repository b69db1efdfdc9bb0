//! One step of work on the screen: its name, its time, what it is doing now, how it ended.
//!
//! On a terminal a running step is one moving line. Elsewhere (a log file, CI) it prints a sign of life now and then,
//! so that nobody takes a long step for a stuck one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write, pipe};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::{Failure, Result};
use crate::processes;
use crate::workspace;

const NAME_WIDTH: usize = 24;
const SIGN_OF_LIFE: Duration = Duration::from_mins(1);
/// No step takes so long on any machine: one that does hangs.
const STEP_MAX: Duration = Duration::from_hours(1);
/// A failed step shows this much of what it printed; all of it is in its log.
const SHOWN_LINES_MAX: usize = 300;

/// Where steps are shown.
pub(crate) struct Screen {
    verbose: bool,
}

/// How a command ended that could be started.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Everything it printed, both streams in the order of printing.
    pub(crate) lines: Vec<String>,
}

/// One running step.
pub(crate) struct Step {
    name: String,
    started: Instant,
    bar: ProgressBar,
    verbose: bool,
    log: RefCell<Option<File>>,
}

impl Screen {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose }
    }

    /// Begins a step. It must be ended with [`Step::ok`] or [`Step::failed`].
    pub(crate) fn step(&self, name: &str) -> Step {
        let bar = if self.verbose { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner:>7}  {prefix:24} {elapsed:>10}   {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        if self.verbose {
            println!("{:>7}  {name}", style("start").cyan());
        }
        let logs = workspace::target_dir().join("xtask");
        // Without a log the step still works: the log is a convenience.
        let log =
            fs::create_dir_all(&logs).and_then(|()| File::create(logs.join(format!("{}.log", name.replace(' ', "-")))));
        Step { name: name.to_owned(), started: Instant::now(), bar, verbose: self.verbose, log: RefCell::new(log.ok()) }
    }

    /// A step that is one command and fails when the command does.
    pub(crate) fn command(&self, name: &str, command: &mut Command) -> Result<()> {
        let step = self.step(name);
        let ended = step.run(command)?;
        if ended.status.success() {
            step.ok("");
            return Ok(());
        }
        step.failed(&ended.lines);
        Err(Failure::new(format!("{name}: {} ended with {}", shown(command), ended.status)))
    }

    /// A step that was asked to be left out.
    pub(crate) fn skipped(name: &str) {
        println!("{:>7}  {name}", style("skipped").dim());
    }

    /// A step that could not begin.
    pub(crate) fn could_not_start(name: &str, failure: &Failure) {
        println!("{:>7}  {name}\n{}", style("FAILED").red().bold(), indented(&failure.to_string()));
    }
}

impl Step {
    /// Runs `command` to its end. A command that fails is no error here: the caller knows what its status means. One
    /// that cannot be started is, and has then already ended the step.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Ended> {
        self.run_within(command, STEP_MAX).inspect_err(|failure| self.failed(&[failure.to_string()]))
    }

    /// Runs `command` to its end, at most for `limit`. That it could not be started, or ran out of time, is an error;
    /// the step goes on.
    pub(crate) fn run_within(&self, command: &mut Command, limit: Duration) -> Result<Ended> {
        let started = Instant::now();
        self.record(&format!("$ {}", shown(command)));
        let (reader, writer) = pipe().map_err(|error| Failure::new(format!("no pipe: {error}")))?;
        let second = writer.try_clone().map_err(|error| Failure::new(format!("no pipe: {error}")))?;
        let spawned = command.stdin(Stdio::null()).stdout(writer).stderr(second).spawn();
        let mut child = spawned.map_err(|error| Failure::new(format!("{} did not start: {error}", shown(command))))?;
        // The command holds our ends of the pipe; while they are open, reading would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());

        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(std::result::Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });

        let mut lines = Vec::new();
        let mut sign_of_life = self.started.elapsed() + SIGN_OF_LIFE;
        let mut exited: Option<(ExitStatus, Instant)> = None;
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    self.record(&line);
                    self.show(&line);
                    lines.push(line);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = child.wait().map_err(|error| Failure::new(format!("{}: {error}", shown(command))))?;
                    processes::wait_if_interrupted();
                    return Ok(Ended { status, lines });
                }
                Err(RecvTimeoutError::Timeout) => {
                    // A daemon left behind may keep the pipe open: the command's own end is what counts.
                    if let Some((status, at)) = exited
                        && at.elapsed() > Duration::from_secs(1)
                    {
                        processes::wait_if_interrupted();
                        return Ok(Ended { status, lines });
                    }
                    if exited.is_none() {
                        exited = child.try_wait().ok().flatten().map(|status| (status, Instant::now()));
                    }
                }
            }
            if started.elapsed() > limit && exited.is_none() {
                processes::end(child.id());
                // It has ended; nobody wants to know how.
                let _ = child.wait();
                let last = lines.last().map_or("nothing", String::as_str).trim();
                let what = format!("{} did not end within {} and was ended", shown(command), lasting(limit));
                return Err(Failure::new(format!("{what}; it said at last: {last}")));
            }
            if self.started.elapsed() > sign_of_life {
                sign_of_life += SIGN_OF_LIFE;
                self.sign_of_life(lines.last().map_or("", String::as_str));
            }
        }
    }

    /// Ends the step well, with a remark such as a size or a count.
    pub(crate) fn ok(&self, remark: &str) {
        self.end(&style("ok").green().to_string(), 5, remark);
    }

    /// Ends the step badly and shows what was printed, without the lines that are about what went well.
    pub(crate) fn failed(&self, lines: &[String]) {
        self.end(&style("FAILED").red().bold().to_string(), 1, "");
        let told = telling(lines);
        let left_out = told.len().saturating_sub(SHOWN_LINES_MAX);
        if left_out > 0 {
            println!("         ({left_out} earlier lines are in {})", self.log_path().display());
        }
        for line in told.iter().skip(left_out) {
            println!("         {line}");
        }
    }

    fn log_path(&self) -> std::path::PathBuf {
        workspace::target_dir().join("xtask").join(format!("{}.log", self.name.replace(' ', "-")))
    }

    fn end(&self, word: &str, indent: usize, remark: &str) {
        self.bar.finish_and_clear();
        let line = format!(
            "{:indent$}{word}  {:NAME_WIDTH$} {:>10}   {remark}",
            "",
            self.name,
            lasting(self.started.elapsed())
        );
        println!("{}", line.trim_end());
    }

    fn record(&self, line: &str) {
        if let Some(log) = self.log.borrow_mut().as_mut() {
            // See `Screen::step`: a log that cannot be written must not fail the step.
            let _ = writeln!(log, "{line}");
        }
    }

    fn show(&self, line: &str) {
        if self.verbose {
            println!("         {line}");
        } else if !line.trim().is_empty() {
            self.bar.set_message(line.trim().to_owned());
        }
    }

    fn sign_of_life(&self, line: &str) {
        if self.bar.is_hidden() && !self.verbose {
            println!("         {:NAME_WIDTH$} {:>10}   {}", self.name, lasting(self.started.elapsed()), line.trim());
        }
    }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

/// A duration for people: tenths of a second below a minute, whole seconds above.
fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("         {line}")).collect::<Vec<_>>().join("\n")
}

/// The lines that say something about a failure: not the progress of compiling, not the tests that passed.
fn telling(lines: &[String]) -> VecDeque<&str> {
    const PROGRESS: [&str; 7] =
        ["Compiling ", "Checking ", "Downloading ", "Downloaded ", "Documenting ", "Running ", "Fresh "];
    lines
        .iter()
        .map(String::as_str)
        .filter(|line| !(line.starts_with("test ") && line.ends_with(" ... ok")))
        .filter(|line| !PROGRESS.iter().any(|word| line.trim_start().starts_with(word)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_for_people() {
        assert_eq!(lasting(Duration::from_millis(840)), "0.8 s");
        assert_eq!(lasting(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn a_failed_step_tells_only_what_went_wrong() {
        let lines = ["   Compiling a v1", "test x ... ok", "test y ... FAILED", "panicked"].map(String::from);
        assert_eq!(telling(&lines), ["test y ... FAILED", "panicked"]);
    }

    #[test]
    fn a_command_is_run_to_its_end_and_its_output_kept_in_order() {
        let step = Screen::new(false).step("unit test");
        let ended = step.run(Command::new("sh").args(["-c", "echo a; echo b >&2; echo c; exit 3"])).unwrap();
        assert_eq!((ended.status.code(), ended.lines.join(" ").as_str()), (Some(3), "a b c"));
    }

    #[test]
    fn a_command_that_hangs_is_stopped() {
        let step = Screen::new(false).step("unit test");
        let hang = "echo begun; sleep 603 & wait";
        let failure = step.run_within(Command::new("sh").args(["-c", hang]), Duration::from_millis(300)).err().unwrap();
        let said = failure.to_string();
        assert!(said.contains("did not end within 0.3 s and was ended; it said at last: begun"), "{said}");
    }
}
