//! Which command a line asks for.

use crate::commands::{COMMANDS, Command, GLOBAL};
use crate::failure::Failure;
use crate::flags::{Flag, Takes};
use crate::go::quoted;
use crate::help::{help, overview, parts};

/// What a command line asks for.
pub(crate) enum Found {
    /// A command, and the words behind it.
    Command(&'static Command, Vec<String>),
    /// Words of help.
    Help(String),
}

/// Other names of words of commands.
const ALIASES: &[(&str, &str)] = &[
    ("ns", "namespace"),
    ("cm", "configmap"),
    ("svc", "service"),
    ("sa", "serviceaccount"),
    ("resourcequota", "quota"),
    ("pdb", "poddisruptionbudget"),
    ("pc", "priorityclass"),
    ("nodes", "node"),
    ("no", "node"),
    ("pods", "pod"),
    ("po", "pod"),
];

/// What kubectl can do and this console cannot, and what to do instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("exec", "a command in a container needs a terminal"),
    ("attach", "to be attached to a container needs a terminal; kubectl logs -f shows what it writes"),
    ("port-forward", "a page cannot listen at a port"),
    ("proxy", "a page cannot listen at a port; kubectl get --raw PATH asks the API"),
    ("cp", "a page has no files to copy"),
    ("debug", "a container to look around with needs a terminal; kubectl describe and kubectl logs tell much"),
    ("rollout", "replication controllers have none; kubectl set image and kubectl scale change them"),
    ("autoscale", "nothing scales by itself here; kubectl scale does it by hand"),
    ("kustomize", "a page has no directories; kubectl apply -f - takes the result"),
];

/// What a command line asks for.
pub(crate) fn find(words: &[String]) -> Result<Found, Failure> {
    let (name, mut rest) = split(words);
    let wants_help = words.iter().take_while(|w| *w != "--").any(|word| word == "--help" || word == "-h");
    if name.is_empty() || (name == "help" && rest.is_empty()) {
        return Ok(Found::Help(overview()));
    }
    if name == "help" {
        let (topic, rest) = split(&rest);
        return Ok(Found::Help(match of_group(&topic, &rest) {
            Ok(command) => help(command),
            Err(failure) => parts(&topic).ok_or(failure)?,
        }));
    }
    let command = match of_group(&name, &rest) {
        Ok(command) => command,
        Err(failure) => return parts(&name).map(Found::Help).ok_or(failure),
    };
    for part in command.name.split(' ').skip(1) {
        if let Some(at) = rest.iter().position(|word| canonical(word) == part) {
            rest.remove(at);
        }
    }
    Ok(if wants_help { Found::Help(help(command)) } else { Found::Command(command, rest) })
}

fn canonical(word: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word, |(_, word)| word)
}

/// The command of that name and as many of the words behind it as belong to its name.
pub(crate) fn of_group(name: &str, rest: &[String]) -> Result<&'static Command, Failure> {
    let mut full = name.to_owned();
    let mut found = COMMANDS.iter().find(|command| command.name == full);
    let mut rest = rest.to_vec();
    for _ in 0..2 {
        let (word, left) = split(&rest);
        full = format!("{full} {}", canonical(&word));
        found = COMMANDS.iter().find(|command| command.name == full).or(found);
        rest = left;
    }
    if let Some(found) = found {
        return Ok(found);
    }
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(command, _)| *command == name) {
        let file = "kubarium kubeconfig writes what kubectl in a terminal needs for the server's cluster";
        return Err(Failure::error(format!("{name} is not in this console: {instead}. ({file}.)")));
    }
    let mut text = format!("Error: unknown command {} for \"kubectl\"", quoted(name));
    let near = nearest(name);
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n\t");
        text.push_str(&near.join("\n\t"));
    }
    Err(Failure::Plain(text))
}

/// Commands whose names are a letter or two away.
fn nearest(name: &str) -> Vec<&'static str> {
    let mut near: Vec<&str> = COMMANDS.iter().filter_map(|command| command.name.split(' ').next()).collect();
    near.dedup();
    near.retain(|command| distance(command, name) <= 2 || command.starts_with(name));
    near.sort_unstable();
    near
}

/// How many letters must be changed, added or left out to make one word of another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (before + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            before = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The first word that is neither a global flag nor the value of one, and all the others.
pub(crate) fn split(words: &[String]) -> (String, Vec<String>) {
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
