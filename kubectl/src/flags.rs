//! The flags of a command line: anywhere in it, in all forms that kubectl takes.

use crate::failure::Failure;
use std::collections::BTreeMap;

/// What a flag is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing, or `=true` or `=false`.
    Switch,
    /// A text.
    Text,
    /// A text; the flag may be repeated.
    List,
    /// A whole number.
    Number,
    /// Nothing, which means this, or `=` and a text.
    Optional(&'static str),
}

/// A flag that a command knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// The letter behind a single dash; a space for none.
    pub(crate) letter: char,
    pub(crate) takes: Takes,
    /// What it is where it is not given.
    pub(crate) default: &'static str,
    /// What it is for, in a few words.
    pub(crate) help: &'static str,
}

/// A switch.
pub(crate) const fn switch(name: &'static str, letter: char, help: &'static str) -> Flag {
    Flag { name, letter, takes: Takes::Switch, default: "false", help }
}

/// A flag with a text.
pub(crate) const fn text(name: &'static str, letter: char, help: &'static str) -> Flag {
    Flag { name, letter, takes: Takes::Text, default: "", help }
}

/// A flag with a text that may be repeated.
pub(crate) const fn list(name: &'static str, letter: char, help: &'static str) -> Flag {
    Flag { name, letter, takes: Takes::List, default: "", help }
}

/// A flag with a number.
pub(crate) const fn number(name: &'static str, letter: char, default: &'static str, help: &'static str) -> Flag {
    Flag { name, letter, takes: Takes::Number, default, help }
}

/// A flag that means something by itself.
pub(crate) const fn optional(
    name: &'static str,
    alone: &'static str,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, letter: ' ', takes: Takes::Optional(alone), default, help }
}

impl Flag {
    /// The same with a default.
    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// Flags as they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    values: BTreeMap<&'static str, Vec<String>>,
    defaults: BTreeMap<&'static str, &'static str>,
    /// All words that are no flags.
    pub(crate) arguments: Vec<String>,
    /// How many of them stand before `--`, where there is one.
    pub(crate) dash: Option<usize>,
}

impl Given {
    /// Whether a flag was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The last value of a flag, or its default.
    pub(crate) fn text(&self, name: &str) -> &str {
        let given = self.values.get(name).and_then(|values| values.last()).map(String::as_str);
        given.or_else(|| self.defaults.get(name).copied()).unwrap_or_default()
    }

    /// All values of a flag that may be repeated.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a switch is on.
    pub(crate) fn on(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// The number of a flag. They were checked when they were read.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }
}

/// Reads the words behind a command by the flags that it knows. `command` is the command itself, such as
/// `create configmap`.
pub(crate) fn parse(command: &str, known: &[&[Flag]], words: &[String]) -> Result<Given, Failure> {
    let mut given = Given::default();
    let all = || known.iter().flat_map(|flags| flags.iter());
    given.defaults = all().map(|flag| (flag.name, flag.default)).collect();
    let wrong = |what: String| {
        let see = format!("kubectl {command}");
        Failure::Plain(format!("Error: {what}\nSee '{} --help' for usage.", see.trim_end()))
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            given.dash = Some(given.arguments.len());
            given.arguments.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let flag = all().find(|flag| flag.name == name).ok_or_else(|| wrong(format!("unknown flag: --{name}")))?;
            let value = match (flag.takes, value) {
                (_, Some(value)) => value.to_owned(),
                (Takes::Switch, None) => "true".to_owned(),
                (Takes::Optional(alone), None) => alone.to_owned(),
                (_, None) => words.next().cloned().ok_or_else(|| wrong(format!("flag needs an argument: --{name}")))?,
            };
            set(&mut given, command, flag, value)?;
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word[1..].chars();
            while let Some(letter) = letters.next() {
                let unknown = || wrong(format!("unknown shorthand flag: '{letter}' in {word}"));
                let flag = all().find(|flag| flag.letter == letter && letter != ' ').ok_or_else(unknown)?;
                let rest = letters.as_str();
                let value = if let Some(value) = rest.strip_prefix('=') {
                    letters = "".chars();
                    value.to_owned()
                } else if flag.takes == Takes::Switch {
                    "true".to_owned()
                } else if let Takes::Optional(alone) = flag.takes {
                    alone.to_owned()
                } else if rest.is_empty() {
                    let missing = || wrong(format!("flag needs an argument: '{letter}' in {word}"));
                    words.next().cloned().ok_or_else(missing)?
                } else {
                    letters = "".chars();
                    rest.to_owned()
                };
                set(&mut given, command, flag, value)?;
            }
        } else {
            given.arguments.push(word.clone());
        }
    }
    Ok(given)
}

fn set(given: &mut Given, command: &str, flag: &Flag, value: String) -> Result<(), Failure> {
    let refused = |what: String| {
        let name = match flag.letter {
            ' ' => format!("--{}", flag.name),
            letter => format!("-{letter}, --{}", flag.name),
        };
        let sentence =
            format!("invalid argument {} for {} flag: {what}", crate::go::quoted(&value), crate::go::quoted(&name));
        Failure::Plain(format!("error: {sentence}\nSee 'kubectl {command} --help' for usage."))
    };
    let parsing = |function: &str| format!("{function}: parsing {}: invalid syntax", crate::go::quoted(&value));
    match flag.takes {
        Takes::Switch
            if !["true", "false", "1", "0", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False"]
                .contains(&value.as_str()) =>
        {
            Err(refused(parsing("strconv.ParseBool")))
        }
        Takes::Number if value.parse::<i64>().is_err() => Err(refused(parsing("strconv.ParseInt"))),
        Takes::List => {
            given.values.entry(flag.name).or_default().push(value);
            Ok(())
        }
        _ => {
            given.values.insert(flag.name, vec![value]);
            Ok(())
        }
    }
}
