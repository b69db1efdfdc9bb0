//! Whoever ends `cargo xtask` ends what it started: nothing is left running behind a person's back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// In place of cargo: starts something that lasts, says which process that is, and waits for it.
const CARGO: &str = "#!/bin/sh\nsleep 604 &\necho $! > \"$PIDFILE.new\"; mv \"$PIDFILE.new\" \"$PIDFILE\"; wait\n";

#[test]
fn a_step_ends_with_xtask_whatever_ends_it() {
    let directory = std::env::temp_dir().join(format!("xtask-interrupt-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let cargo = directory.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let pidfile = directory.join(signal);
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["test", "--only", "fmt"])
            .env("CARGO", &cargo)
            .env("CARGO_TARGET_DIR", &directory)
            .env("PIDFILE", &pidfile)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !pidfile.exists() {
            assert!(xtask.try_wait().unwrap().is_none(), "it ended before its step began");
            thread::sleep(Duration::from_millis(20));
        }
        let pid = fs::read_to_string(&pidfile).unwrap();
        assert!(Path::new("/proc").join(pid.trim()).exists());
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", xtask.id())]).status().unwrap();
        assert!(sent.success());
        assert_eq!(xtask.wait().unwrap().signal(), Some(number), "who waits sees what ended it");
        // Ended, though whoever inherited it may not have looked at its end yet.
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{signal}: what the step started is still there: {stat}");
    }
    fs::remove_dir_all(&directory).unwrap();
}
