//! Words of help.

use crate::commands::{COMMANDS, Command, GLOBAL};
use std::fmt::Write as _;

/// All commands.
pub(crate) fn overview() -> String {
    let mut text = "kubectl in this console works on the cluster that the page shows. The commands:\n\n".to_owned();
    let mut before = "";
    for command in COMMANDS {
        let (first, part) = command.name.split_once(' ').unwrap_or((command.name, ""));
        if first != before {
            // Writing to a string does not fail.
            let _ = match part {
                "" => writeln!(text, "  {first:<14} {}", command.help),
                part => writeln!(text, "  {first:<14} {part}: {}", command.help),
            };
        }
        before = first;
    }
    text.push_str(
        "\nMore about one: kubectl COMMAND --help. Tab completes, the arrow keys go through what was typed before.\n",
    );
    text
}

/// One command: its use, its parts, its flags.
pub(crate) fn help(command: &Command) -> String {
    let mut text = format!("{}.\n\nUsage:\n  kubectl {} {}\n", command.help, command.name, command.usage);
    let parts = COMMANDS.iter().filter(|c| c.name.strip_prefix(command.name).is_some_and(|rest| rest.starts_with(' ')));
    for (index, part) in parts.enumerate() {
        if index == 0 {
            text.push_str("\nCommands:\n");
        }
        let _ = writeln!(text, "  {:<28} {}", part.name, part.help);
    }
    text.push_str("\nFlags:\n");
    for flag in command.flags.iter().copied().flatten().chain(&GLOBAL[..2]).filter(|flag| flag.help != "not used here")
    {
        let letter = if flag.letter == ' ' { "   ".to_owned() } else { format!("-{},", flag.letter) };
        let _ = writeln!(text, "  {letter} --{:<24} {}", flag.name, flag.help);
    }
    text
}

/// The parts of a command that is nothing by itself.
pub(crate) fn parts(name: &str) -> Option<String> {
    let inside = |command: &&Command| command.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
    let mut text = String::new();
    for part in COMMANDS.iter().filter(inside) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:<28} {}", part.name, part.help);
    }
    (!text.is_empty()).then(|| format!("Commands:\n{text}"))
}
