//! `KubeSchedulerConfiguration`: which profiles there are, by which plugins with which weights and arguments each decides.

use super::framework::Framework;
use super::plugins::{self, DEFAULTS};
use crate::api::Name;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::RangeInclusive;

/// The version that is read.
const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";

/// Where plugins can be enabled and disabled one by one. A plugin is a whole here but for what it filters, scores, and
/// does once no node will do.
const POINTS: [&str; 13] = [
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
    "multiPoint",
];

/// How many profiles there may be. Schedulers are numbered in a byte.
const PROFILES_MAX: usize = 100;

/// What no profile goes without here.
const FIXED: [&str; 3] = ["SchedulingGates", "PrioritySort", "DefaultBinder"];

/// A `KubeSchedulerConfiguration` (v1) that can be followed, as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Configuration(Value);

impl TryFrom<Value> for Configuration {
    type Error = String;

    /// The error names the place and what is wrong there.
    fn try_from(document: Value) -> Result<Self, String> {
        read(&document)?;
        Ok(Self(document))
    }
}

impl From<Configuration> for Value {
    fn from(configuration: Configuration) -> Self {
        configuration.0
    }
}

/// A scheduler by its name, and what it decides by.
pub(super) struct Profile {
    pub(super) name: Name,
    pub(super) framework: Framework,
}

/// The profiles of a configuration; without one upstream's default.
pub(super) fn profiles(configuration: Option<&Configuration>) -> Vec<Profile> {
    let document = configuration.map_or(&Value::Null, |c| &c.0);
    // It was read before.
    read(document).unwrap_or_default()
}

/// The plugins of upstream's default profile, with its weights.
pub(super) fn default_profile() -> Framework {
    profile(&Value::Null, "").map(|profile| profile.framework).unwrap_or_default()
}

fn read(document: &Value) -> Result<Vec<Profile>, String> {
    let known = [
        "apiVersion",
        "kind",
        "profiles",
        "extenders",
        "parallelism",
        "leaderElection",
        "clientConnection",
        "healthzBindAddress",
        "metricsBindAddress",
        "enableProfiling",
        "enableContentionProfiling",
        "percentageOfNodesToScore",
        "podInitialBackoffSeconds",
        "podMaxBackoffSeconds",
        "delayCacheUntilActive",
    ];
    fields(document, "the configuration", &known)?;
    if !document.is_null() {
        typed(document, "", "KubeSchedulerConfiguration")?;
    }
    of_process(document)?;
    if !items(&document["extenders"], "extenders")?.is_empty() {
        return Err("extenders: nothing outside of the cluster is asked here".to_owned());
    }
    let mut profiles: Vec<Profile> = Vec::new();
    for (index, written) in items(&document["profiles"], "profiles")?.iter().enumerate() {
        let at = format!("profiles[{index}]");
        let profile = profile(written, &at)?;
        if index >= PROFILES_MAX {
            return Err(format!("profiles: there may be at most {PROFILES_MAX}"));
        }
        if profiles.iter().any(|p| p.name == profile.name) {
            return Err(format!("{at}.schedulerName: there are two of the name {}", profile.name));
        }
        profiles.push(profile);
    }
    if profiles.is_empty() {
        profiles.push(profile(&Value::Null, "")?);
    }
    Ok(profiles)
}

/// Checks that an object says of what version and kind it is, and that it is of this kind.
fn typed(object: &Value, at: &str, kind: &str) -> Result<(), String> {
    for (field, word) in [("apiVersion", API_VERSION), ("kind", kind)] {
        match object[field].as_str() {
            Some(said) if said == word => {}
            Some(said) => return Err(format!("{at}{field}: must be {word}, not {said}")),
            None => return Err(format!("{at}{field}: must be {word}")),
        }
    }
    Ok(())
}

/// What has no effect here must be as it should all the same.
fn of_process(document: &Value) -> Result<(), String> {
    for field in ["leaderElection", "clientConnection"] {
        if !document[field].is_null() && !document[field].is_object() {
            return Err(format!("{field}: must be an object"));
        }
    }
    for field in ["enableProfiling", "enableContentionProfiling", "delayCacheUntilActive"] {
        flag(&document[field], field)?;
    }
    for field in ["healthzBindAddress", "metricsBindAddress"] {
        if !document[field].is_null() && !document[field].is_string() {
            return Err(format!("{field}: must be a text"));
        }
    }
    percentage(document, "")?;
    number(&document["parallelism"], 16, 1..=i32::MAX.into(), "parallelism")?;
    let first = number(&document["podInitialBackoffSeconds"], 1, 1..=i64::MAX, "podInitialBackoffSeconds")?;
    number(&document["podMaxBackoffSeconds"], first.max(10), first..=i64::MAX, "podMaxBackoffSeconds")?;
    Ok(())
}

fn percentage(object: &Value, at: &str) -> Result<(), String> {
    let field = "percentageOfNodesToScore";
    number(&object[field], 0, 0..=100, &format!("{at}{field}")).map(drop)
}

/// Plugins that are enabled, with their weights (0 where none is given), and those that are disabled.
#[derive(Default)]
struct Set<'a> {
    enabled: Vec<(&'static str, i32)>,
    disabled: Vec<&'a str>,
}

impl Set<'_> {
    fn disables(&self, name: &str) -> bool {
        self.disabled.iter().any(|d| *d == name || *d == "*")
    }
}

fn profile(written: &Value, at: &str) -> Result<Profile, String> {
    fields(written, at, &["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"])?;
    percentage(written, &format!("{at}."))?;
    let name = match &written["schedulerName"] {
        Value::Null => "default-scheduler",
        name => text(name, &format!("{at}.schedulerName"))?,
    };
    let plugins = &written["plugins"];
    fields(plugins, &format!("{at}.plugins"), &POINTS)?;
    for point in POINTS {
        set(&plugins[point], &format!("{at}.plugins.{point}"))?;
    }
    let set = |point: &str| set(&plugins[point], &format!("{at}.plugins.{point}"));
    let all = everywhere(&set("multiPoint")?);
    let arguments = arguments(&written["pluginConfig"], &format!("{at}.pluginConfig"))?;
    let of = |name: &str| arguments.iter().find(|(n, _)| *n == name).map_or(&Value::Null, |(_, args)| *args);
    let (mut early, mut filters) = (Vec::new(), Vec::new());
    for (name, _) in at_point(&all, &set("filter")?) {
        let own = plugins::filters(name, of(name))?.into_iter();
        own.for_each(|f| if plugins::is_early(&f) { early.push(f) } else { filters.push(f) });
    }
    early.append(&mut filters);
    let mut scores = Vec::new();
    for (name, weight) in at_point(&all, &set("score")?) {
        scores.extend(plugins::scorer(name, of(name))?.map(|score| (score, weight.max(1))));
    }
    let preempts = at_point(&all, &set("postFilter")?).iter().any(|(name, _)| *name == "DefaultPreemption");
    Ok(Profile { name: name.into(), framework: Framework { filters: early, scores, preempts } })
}

/// The plugins that are enabled wherever they have something to do: the default ones, as far as they are left, and more.
fn everywhere(set: &Set<'_>) -> Vec<(&'static str, i32)> {
    let weight = |name: &str| set.enabled.iter().find(|(n, _)| *n == name).map(|(_, weight)| *weight);
    let kept = DEFAULTS.into_iter().filter(|(name, _)| !set.disables(name));
    let mut all: Vec<_> = kept.map(|(name, own)| (name, weight(name).unwrap_or(own))).collect();
    for (name, weight) in &set.enabled {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name, *weight));
        }
    }
    all
}

/// The plugins of one point, in upstream's order: those that were enabled everywhere and here, in the order given
/// here; those that were enabled everywhere; those that were enabled here alone.
fn at_point(all: &[(&'static str, i32)], here: &Set<'_>) -> Vec<(&'static str, i32)> {
    let has = |list: &[(&str, i32)], name: &str| list.iter().any(|(n, _)| *n == name);
    let (mut first, last): (Vec<_>, Vec<_>) = here.enabled.iter().copied().partition(|(name, _)| has(all, name));
    first.extend(all.iter().filter(|(name, _)| !has(&here.enabled, name) && !here.disables(name)));
    first.extend(last);
    first
}

fn set<'a>(written: &'a Value, at: &str) -> Result<Set<'a>, String> {
    fields(written, at, &["enabled", "disabled"])?;
    let mut set = Set::default();
    for (index, plugin) in items(&written["enabled"], &format!("{at}.enabled"))?.iter().enumerate() {
        let at = format!("{at}.enabled[{index}]");
        fields(plugin, &at, &["name", "weight"])?;
        let name = known(text(&plugin["name"], &at)?, &at)?;
        if set.enabled.iter().any(|(other, _)| *other == name) {
            return Err(format!("{at}: {name} is enabled twice"));
        }
        let weight = number(&plugin["weight"], 0, 0..=1_000_000, &format!("{at}.weight"))?;
        let fits = !at.contains(".filter.") || plugins::is_filter(name);
        let fits = fits && (!at.contains(".score.") || plugins::scorer(name, &Value::Null)?.is_some());
        if !fits {
            return Err(format!("{at}: {name} does nothing there"));
        }
        set.enabled.push((name, weight as i32));
    }
    for (index, plugin) in items(&written["disabled"], &format!("{at}.disabled"))?.iter().enumerate() {
        let at = format!("{at}.disabled[{index}]");
        fields(plugin, &at, &["name", "weight"])?;
        let name = text(&plugin["name"], &at)?;
        if FIXED.contains(&name) {
            return Err(format!("{at}: no profile goes without {name} here"));
        }
        if name != "*" {
            known(name, &at)?;
        }
        set.disabled.push(name);
    }
    Ok(set)
}

/// The plugin of that name.
fn known(name: &str, at: &str) -> Result<&'static str, String> {
    plugins::names().find(|known| *known == name).ok_or_else(|| {
        let all: Vec<&str> = plugins::names().collect();
        format!("{at}: unknown plugin \"{name}\"; known are {}", all.join(", "))
    })
}

/// The arguments of plugins.
fn arguments<'a>(written: &'a Value, at: &str) -> Result<Vec<(&'static str, &'a Value)>, String> {
    let mut arguments: Vec<(&'static str, &Value)> = Vec::new();
    for (index, entry) in items(written, at)?.iter().enumerate() {
        let at = format!("{at}[{index}]");
        fields(entry, &at, &["name", "args"])?;
        let name = known(text(&entry["name"], &at)?, &at)?;
        if arguments.iter().any(|(other, _)| *other == name) {
            return Err(format!("{at}: there are arguments for {name} twice"));
        }
        let args = &entry["args"];
        if !args["apiVersion"].is_null() || !args["kind"].is_null() {
            typed(args, &format!("{at}.args."), &format!("{name}Args"))?;
        }
        plugins::arguments::check(name, args).map_err(|why| {
            format!("{at}.args{}", why.strip_prefix("args").map_or_else(|| format!(": {why}"), str::to_owned))
        })?;
        arguments.push((name, args));
    }
    Ok(arguments)
}

/// Checks that a value is an object, or nothing, that has no other fields than these (and what every object has).
pub(super) fn fields(value: &Value, at: &str, known: &[&str]) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return if value.is_null() { Ok(()) } else { Err(format!("{at}: must be an object")) };
    };
    match object.keys().find(|key| !known.contains(&key.as_str()) && *key != "apiVersion" && *key != "kind") {
        Some(key) => Err(format!("{at}: unknown field \"{key}\"; known are {}", known.join(", "))),
        None => Ok(()),
    }
}

/// The items of a list; none where there is none.
pub(super) fn items<'a>(value: &'a Value, at: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(format!("{at}: must be a list")),
    }
}

/// A text that says something.
pub(super) fn text<'a>(value: &'a Value, at: &str) -> Result<&'a str, String> {
    value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| format!("{at}: must be a text, and not empty"))
}

/// Yes or no; no where it is not given.
pub(super) fn flag(value: &Value, at: &str) -> Result<bool, String> {
    let flag = if value.is_null() { Some(false) } else { value.as_bool() };
    flag.ok_or_else(|| format!("{at}: must be true or false"))
}

/// One of these words, by its place among them; the first where it is not given.
pub(super) fn word(value: &Value, known: &[&str], what: &str, at: &str) -> Result<usize, String> {
    if value.is_null() {
        return Ok(0);
    }
    let found = value.as_str().and_then(|word| known.iter().position(|known| *known == word));
    found.ok_or_else(|| format!("{at}: unknown {what} {value}; known are {}", known.join(", ")))
}

/// A whole number within bounds, or what it is where it is not given.
pub(super) fn number(value: &Value, default: i64, bounds: RangeInclusive<i64>, at: &str) -> Result<i64, String> {
    let number = if value.is_null() { Some(default) } else { value.as_i64() };
    let fits = number.filter(|n| value.is_null() || bounds.contains(n));
    fits.ok_or_else(|| format!("{at}: must be a whole number from {} to {}", bounds.start(), bounds.end()))
}
