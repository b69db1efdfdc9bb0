//! The commands: what each is for, its flags, and where it is done.

use crate::call::Call;
use crate::failure::Failure;
use crate::flags::{Flag, Takes, list, number, optional, switch, text};
use crate::go::quoted;
use crate::host::Pending;
use crate::{about, auth, create, delete, describe, events, get, label, logs, node, patch, scale, wait};
use std::fmt::Write as _;

/// A command.
pub(crate) struct Command {
    /// Such as `get` or `create configmap`.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) help: &'static str,
    /// What follows it.
    pub(crate) usage: &'static str,
    /// What words behind it are, for completion.
    pub(crate) expects: Expects,
    pub(crate) flags: &'static [Flag],
    pub(crate) run: for<'a> fn(&'a Call<'a>) -> Pending<'a, Result<(), Failure>>,
}

/// What the words behind a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Nothing that is known beforehand.
    Nothing,
    /// A resource, then names of its objects.
    Objects,
    /// Names of objects of this resource.
    Names(&'static str),
    /// One of these words.
    Words(&'static [&'static str]),
}

/// What a command line asks for.
pub(crate) enum Found {
    /// A command, and the words behind it.
    Command(&'static Command, Vec<String>),
    /// Words of help.
    Help(String),
}

/// Flags that every command knows.
pub(crate) const GLOBAL: &[Flag] = &[
    text("namespace", 'n', "the namespace it is about"),
    switch("help", 'h', "what the command is for"),
    text("request-timeout", ' ', "how long a request may take, such as 5s").or("0"),
    number("v", 'v', "0", "how much is told"),
    text("as", ' ', "who to be"),
    list("as-group", ' ', "of which group to be"),
    text("context", ' ', "not used here"),
    text("kubeconfig", ' ', "not used here"),
];

pub(crate) const OUTPUT: Flag = text("output", 'o', "json, yaml, name, wide, jsonpath=..., custom-columns=...");
pub(crate) const SELECTOR: Flag = text("selector", 'l', "only objects with these labels");
pub(crate) const FIELD_SELECTOR: Flag = text("field-selector", ' ', "only objects with these fields");
pub(crate) const ALL_NAMESPACES: Flag = switch("all-namespaces", 'A', "in all namespaces");
pub(crate) const FILENAME: Flag = list("filename", 'f', "- for what is typed or pasted");
pub(crate) const DRY_RUN: Flag =
    optional("dry-run", "unchanged", "none", "none, server or client: only say what would happen");
pub(crate) const MANAGER: Flag = text("field-manager", ' ', "who owns the fields that are written");
pub(crate) const VALIDATE: Flag = optional("validate", "strict", "strict", "strict, warn or ignore unknown fields");
pub(crate) const SHOW_MANAGED: Flag = switch("show-managed-fields", ' ', "show who owns which field");
pub(crate) const IGNORE_NOT_FOUND: Flag = switch("ignore-not-found", ' ', "what is not there is no error");
pub(crate) const CHUNK: Flag = number("chunk-size", ' ', "500", "how many objects are asked for at once");
pub(crate) const RECURSIVE: Flag = switch("recursive", 'R', "not used here");

macro_rules! run {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}

/// All commands, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "get",
        help: "Show objects",
        usage: "(TYPE [NAME...] | TYPE/NAME...)",
        expects: Expects::Objects,
        flags: &[
            OUTPUT,
            ALL_NAMESPACES,
            SELECTOR,
            FIELD_SELECTOR,
            FILENAME,
            RECURSIVE,
            CHUNK,
            IGNORE_NOT_FOUND,
            SHOW_MANAGED,
            switch("watch", 'w', "go on with every change"),
            switch("watch-only", ' ', "every change from now on"),
            switch("output-watch-events", ' ', "say what kind of change"),
            switch("show-labels", ' ', "a column of all labels"),
            list("label-columns", 'L', "a column of this label"),
            switch("no-headers", ' ', "no line of column names"),
            switch("show-kind", ' ', "the kind before names"),
            switch("server-print", ' ', "let the server make columns").or("true"),
            text("sort-by", ' ', "order by a field, such as .metadata.name"),
            text("raw", ' ', "what is at a path of the API"),
            text("subresource", ' ', "status or scale"),
            text("template", ' ', "a template for the output"),
            switch("allow-missing-template-keys", ' ', "missing fields are no error").or("true"),
        ],
        run: run!(get::run),
    },
    Command {
        name: "describe",
        help: "Tell all about objects, with their events",
        usage: "(TYPE [NAME_PREFIX] | TYPE/NAME)",
        expects: Expects::Objects,
        flags: &[
            ALL_NAMESPACES,
            SELECTOR,
            FILENAME,
            RECURSIVE,
            CHUNK,
            switch("show-events", ' ', "with events").or("true"),
        ],
        run: run!(describe::run),
    },
    Command {
        name: "create",
        help: "Create what a manifest says",
        usage: "-f -",
        expects: Expects::Nothing,
        flags: create::FLAGS,
        run: run!(create::run),
    },
    Command {
        name: "delete",
        help: "Delete objects",
        usage: "(-f - | TYPE [NAME... | -l label | --all])",
        expects: Expects::Objects,
        flags: delete::FLAGS,
        run: run!(delete::run),
    },
    Command {
        name: "scale",
        help: "Set how many replicas there are",
        usage: "--replicas=COUNT TYPE NAME",
        expects: Expects::Objects,
        flags: scale::FLAGS,
        run: run!(scale::run),
    },
    Command {
        name: "events",
        help: "Tell what happened",
        usage: "[--for TYPE/NAME]",
        expects: Expects::Nothing,
        flags: events::FLAGS,
        run: run!(events::run),
    },
    Command {
        name: "logs",
        help: "Show what containers wrote",
        usage: "(POD | TYPE/NAME) [-c CONTAINER]",
        expects: Expects::Names("pods"),
        flags: logs::FLAGS,
        run: run!(logs::run),
    },
    Command {
        name: "label",
        help: "Set or remove labels",
        usage: "(TYPE NAME | TYPE/NAME) KEY=VALUE... KEY-...",
        expects: Expects::Objects,
        flags: label::FLAGS,
        run: run!(label::label),
    },
    Command {
        name: "annotate",
        help: "Set or remove annotations",
        usage: "(TYPE NAME | TYPE/NAME) KEY=VALUE... KEY-...",
        expects: Expects::Objects,
        flags: label::FLAGS,
        run: run!(label::annotate),
    },
    Command {
        name: "patch",
        help: "Change parts of an object",
        usage: "(TYPE NAME | TYPE/NAME) -p PATCH",
        expects: Expects::Objects,
        flags: patch::FLAGS,
        run: run!(patch::run),
    },
    Command {
        name: "cordon",
        help: "Close a node for new pods",
        usage: "NODE",
        expects: Expects::Names("nodes"),
        flags: node::CORDON,
        run: run!(node::cordon),
    },
    Command {
        name: "uncordon",
        help: "Open a node for new pods",
        usage: "NODE",
        expects: Expects::Names("nodes"),
        flags: node::CORDON,
        run: run!(node::uncordon),
    },
    Command {
        name: "taint",
        help: "Keep pods off nodes unless they tolerate it",
        usage: "NODE NAME KEY=VALUE:EFFECT... KEY:EFFECT-...",
        expects: Expects::Objects,
        flags: node::TAINT,
        run: run!(node::taint),
    },
    Command {
        name: "wait",
        help: "Wait until objects are as you want them",
        usage: "(TYPE NAME | TYPE/NAME) --for=condition=Ready",
        expects: Expects::Objects,
        flags: wait::FLAGS,
        run: run!(wait::run),
    },
    Command {
        name: "auth can-i",
        help: "Tell whether you may do something",
        usage: "VERB (TYPE | TYPE/NAME)",
        expects: Expects::Words(&["get", "list", "watch", "create", "update", "patch", "delete"]),
        flags: auth::CAN_I,
        run: run!(auth::can_i),
    },
    Command {
        name: "auth whoami",
        help: "Tell who you are to the cluster",
        usage: "",
        expects: Expects::Nothing,
        flags: auth::WHOAMI,
        run: run!(auth::whoami),
    },
    Command {
        name: "api-resources",
        help: "List what kinds of objects there are",
        usage: "",
        expects: Expects::Nothing,
        flags: about::RESOURCES_FLAGS,
        run: run!(about::resources),
    },
    Command {
        name: "api-versions",
        help: "List the versions of the API",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(about::versions),
    },
    Command {
        name: "cluster-info",
        help: "Tell where the cluster is",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(about::cluster_info),
    },
    Command {
        name: "version",
        help: "Tell the versions of this console and of the cluster",
        usage: "",
        expects: Expects::Nothing,
        flags: about::VERSION_FLAGS,
        run: run!(about::version),
    },
];

/// What a command line asks for.
pub(crate) fn find(words: &[String]) -> Result<Found, Failure> {
    let (name, mut rest) = split(words);
    let wants_help = words.iter().take_while(|w| *w != "--").any(|word| word == "--help" || word == "-h");
    if name.is_empty() || (name == "help" && rest.is_empty()) {
        return Ok(Found::Help(overview()));
    }
    if name == "help" {
        let (topic, _) = split(&rest);
        return of_group(&topic, &rest[1..]).map(|command| Found::Help(help(command)));
    }
    let command = of_group(&name, &rest)?;
    if command.name != name {
        // The word of the sub-command.
        if let Some(at) = rest.iter().position(|word| command.name.ends_with(word.as_str())) {
            rest.remove(at);
        }
    }
    Ok(if wants_help { Found::Help(help(command)) } else { Found::Command(command, rest) })
}

/// The command of that name, or of that name and the first of these words.
fn of_group(name: &str, rest: &[String]) -> Result<&'static Command, Failure> {
    let (sub, _) = split(rest);
    let full = format!("{name} {sub}");
    let found =
        COMMANDS.iter().find(|command| command.name == full).or_else(|| COMMANDS.iter().find(|c| c.name == name));
    found.ok_or_else(|| Failure::Plain(format!("Error: unknown command {} for \"kubectl\"", quoted(name))))
}

/// The first word that is neither a global flag nor the value of one, and all the others.
fn split(words: &[String]) -> (String, Vec<String>) {
    let mut rest = words.to_vec();
    let mut at = 0;
    while let Some(word) = rest.get(at) {
        if !word.starts_with('-') || word == "-" {
            return (rest.remove(at), rest);
        }
        let takes = |flag: &&Flag| !matches!(flag.takes, Takes::Switch | Takes::Optional(_));
        let by_name = |flag: &&Flag| {
            word.strip_prefix("--") == Some(flag.name)
                || (word.len() == 2 && word.ends_with(flag.letter) && !word.starts_with("--"))
        };
        at += if GLOBAL.iter().filter(takes).any(|flag| by_name(&flag)) { 2 } else { 1 };
    }
    (String::new(), rest)
}

fn overview() -> String {
    let mut text = "kubectl in this console works on the cluster that the page shows. The commands:\n\n".to_owned();
    for command in COMMANDS.iter().filter(|command| !command.name.contains(' ')) {
        let _ = writeln!(text, "  {:<14} {}", command.name, command.help);
    }
    text.push_str(
        "\nMore about one: kubectl COMMAND --help. Tab completes, the arrow keys go through what was typed before.\n",
    );
    text
}

fn help(command: &Command) -> String {
    let mut text = format!("{}.\n\nUsage:\n  kubectl {} {}\n", command.help, command.name, command.usage);
    let parts = COMMANDS.iter().filter(|c| c.name.strip_prefix(command.name).is_some_and(|rest| rest.starts_with(' ')));
    for (index, part) in parts.enumerate() {
        if index == 0 {
            text.push_str("\nCommands:\n");
        }
        let _ = writeln!(text, "  {:<28} {}", part.name, part.help);
    }
    text.push_str("\nFlags:\n");
    for flag in command.flags.iter().chain(&GLOBAL[..2]).filter(|flag| flag.help != "not used here") {
        let letter = if flag.letter == ' ' { "   ".to_owned() } else { format!("-{},", flag.letter) };
        let _ = writeln!(text, "  {letter} --{:<24} {}", flag.name, flag.help);
    }
    text
}
