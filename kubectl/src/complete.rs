//! What could stand where the cursor is: commands, flags, kinds, names.

use crate::call::Call;
use crate::commands::{COMMANDS, Command, Expects, GLOBAL};
use crate::flags::{Flag, Takes};
use crate::go::{items, text};
use crate::host::Host;
use crate::lookup;
use crate::session::Session;
use crate::words;

const METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// How many names are looked at.
const NAMES_MAX: &str = "500";

/// What could stand at the end of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// How much of the line's end a word replaces, in UTF-16 units, as browsers count.
    pub length: usize,
    /// The words, in order.
    pub words: Vec<String>,
}

impl Session {
    /// What could stand at the end of what is typed so far.
    pub async fn complete(&self, host: &dyn Host, typed: &str) -> Completion {
        let Ok(mut all) = words::split(typed) else { return Completion::default() };
        let open = if typed.ends_with(char::is_whitespace) { None } else { all.pop() };
        if all.first().is_some_and(|word| word.text == "kubectl" || word.text == "k") {
            all.remove(0);
        }
        let before: Vec<String> = all.into_iter().map(|word| word.text).collect();
        let (current, start) = open.map_or((String::new(), typed.len()), |word| (word.text, word.start));
        let mut found = Completer { session: self, host, before: &before, current: &current }.words().await;
        found.retain(|word| word.starts_with(&current) && *word != current);
        found.sort_unstable();
        found.dedup();
        Completion { length: typed[start..].encode_utf16().count(), words: found }
    }
}

struct Completer<'a> {
    session: &'a Session,
    host: &'a dyn Host,
    before: &'a [String],
    current: &'a str,
}

impl Completer<'_> {
    async fn words(&self) -> Vec<String> {
        let (name, rest) = lookup::split(self.before);
        if name.is_empty() || name == "help" {
            let firsts = COMMANDS.iter().filter_map(|command| command.name.split(' ').next());
            let globals = GLOBAL.iter().map(|flag| format!("--{}", flag.name));
            let words = firsts.chain(["help"]).map(str::to_owned);
            return if self.current.starts_with('-') { globals.collect() } else { words.collect() };
        }
        let Ok(command) = lookup::of_group(&name, &rest) else { return Vec::new() };
        let flags = || command.flags.iter().copied().flatten().chain(GLOBAL);
        let takes = |flag: &&Flag| !matches!(flag.takes, Takes::Switch | Takes::Optional(_));
        let is = |word: &str, flag: &Flag| {
            word.strip_prefix("--") == Some(flag.name)
                || (!word.starts_with("--")
                    && word.starts_with('-')
                    && word.ends_with(flag.letter)
                    && flag.letter != ' ')
        };
        if let Some((flag, _)) = self.current.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
            let values = self.values(command, flag).await;
            return values.into_iter().map(|value| format!("--{flag}={value}")).collect();
        }
        if let Some(flag) = rest.last().and_then(|word| flags().filter(takes).find(|flag| is(word, flag))) {
            return self.values(command, flag.name).await;
        }
        if self.current.starts_with('-') {
            let shown = flags().filter(|flag| flag.help != "not used here");
            return shown.map(|flag| format!("--{}{}", flag.name, if takes(&flag) { "=" } else { "" })).collect();
        }
        let mut arguments: Vec<&str> = Vec::new();
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            if word.starts_with('-') && word != "-" {
                if !word.contains('=') && flags().filter(takes).any(|flag| is(word, flag)) {
                    words.next();
                }
            } else {
                arguments.push(word);
            }
        }
        let mut found = Vec::new();
        if command.name.contains(' ') {
            // The word of the sub-command itself.
            arguments.remove(0);
        } else if arguments.is_empty() {
            let parts = COMMANDS.iter().filter_map(|c| c.name.strip_prefix(command.name)?.strip_prefix(' '));
            found.extend(parts.map(str::to_owned));
        }
        found.extend(self.arguments(command, &arguments).await);
        found
    }

    async fn arguments(&self, command: &Command, arguments: &[&str]) -> Vec<String> {
        match command.expects {
            Expects::Words(words) if arguments.is_empty() => words.iter().map(|word| (*word).to_owned()).collect(),
            Expects::Words(_) if command.name == "auth can-i" => self.kinds().await,
            Expects::Nothing | Expects::Words(_) => Vec::new(),
            Expects::Names(kind) if !self.current.contains('/') => self.names(kind).await,
            Expects::Objects | Expects::Names(_) => {
                if let Some((kind, _)) = self.current.split_once('/') {
                    let names = self.names(kind).await;
                    return names.into_iter().map(|name| format!("{kind}/{name}")).collect();
                }
                match arguments.first() {
                    None => self.kinds().await,
                    Some(first) if first.contains('/') => Vec::new(),
                    Some(kind) => {
                        let mut names = self.names(kind).await;
                        names.retain(|name| !arguments.contains(&name.as_str()));
                        names
                    }
                }
            }
        }
    }

    async fn values(&self, command: &Command, flag: &str) -> Vec<String> {
        let fixed: &[&str] = match flag {
            "namespace" => return self.names("namespaces").await,
            "output" if command.name == "get" => &["custom-columns=", "json", "jsonpath=", "name", "wide", "yaml"],
            "output" => &["json", "jsonpath=", "name", "yaml"],
            "dry-run" => &["client", "none", "server"],
            "cascade" => &["background", "foreground", "orphan"],
            "validate" => &["ignore", "strict", "warn"],
            "type" if command.name == "patch" => &["json", "merge", "strategic"],
            "types" => &["Normal", "Warning"],
            "for" if command.name == "wait" => &["condition=Ready", "create", "delete", "jsonpath="],
            "restart" => &["Always", "Never", "OnFailure"],
            "subresource" => &["resize", "scale", "status"],
            _ => &[],
        };
        fixed.iter().map(|word| (*word).to_owned()).collect()
    }

    fn call(&self) -> Call<'_> {
        let mut namespace = None;
        let mut words = self.before.iter();
        while let Some(word) = words.next() {
            namespace = match word.as_str() {
                "-n" | "--namespace" => words.next().cloned(),
                word => word.strip_prefix("--namespace=").map(str::to_owned).or(namespace),
            };
        }
        let words = namespace.map(|namespace| vec!["--namespace".to_owned(), namespace]).unwrap_or_default();
        // A flag and its value can always be read.
        let given = crate::flags::parse("", &[GLOBAL], &words).unwrap_or_default();
        Call { host: self.host, session: self.session, command: "complete", given, input: None }
    }

    async fn kinds(&self) -> Vec<String> {
        let Ok(resources) = self.session.resources(&self.call()).await else { return Vec::new() };
        let listed = resources.0.iter().filter(|resource| resource.verbs.iter().any(|verb| verb == "list"));
        let mut kinds: Vec<String> = listed.map(|resource| resource.plural.clone()).collect();
        kinds.push("all".to_owned());
        kinds
    }

    async fn names(&self, kind: &str) -> Vec<String> {
        let call = self.call();
        let Ok(resources) = self.session.resources(&call).await else { return Vec::new() };
        let Some(resource) = resources.find(kind) else { return Vec::new() };
        let path = resource.collection(&call.namespace());
        // Where nothing can be listed there is nothing to offer.
        let list = call.get(&path, &[("limit", NAMES_MAX)], METADATA).await.unwrap_or_default();
        items(&list, "/items").iter().map(|item| text(item, "/metadata/name").to_owned()).collect()
    }
}
