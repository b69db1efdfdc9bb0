//! Decisions of a real kube-scheduler, decided anew: every case is a cluster that grows step by step, and at each pod
//! that was decided on, our scheduler is asked about the same objects. What it says is held against the record, and
//! what upstream chose is bound, so that both see the same cluster at the next pod.

use super::text;
use flate2::read::MultiGzDecoder;
use kubarium_core::api::defaulting::set_defaults;
use kubarium_core::api::{Key, Kind, Object, Uid};
use kubarium_core::scheduler::{Configuration, Explanation, Line, NodeStand, Stand};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

/// What was compared in one theme, and what of it agrees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Its name: that of its file.
    pub name: String,
    /// How many decisions were compared.
    pub decisions: usize,
    /// How many of them agree in everything.
    pub agree: usize,
    /// What differs, one text for each decision.
    pub differences: Vec<String>,
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.agree as f64 / self.decisions.max(1) as f64;
        write!(f, "{:<20} {:>6} {:>6} {percent:>7.2} %", self.name, self.decisions, self.agree)
    }
}

/// The line above and the sum of all themes below a table of them.
pub fn table(themes: &[Theme]) -> String {
    let mut all = Theme { name: "in all".to_owned(), ..Theme::default() };
    let mut lines = vec![format!("{:<20} {:>6} {:>6}", "theme", "cases", "agree").replace("cases", "pods")];
    for theme in themes {
        all.decisions += theme.decisions;
        all.agree += theme.agree;
        lines.push(theme.to_string());
    }
    lines.push(all.to_string());
    lines.join("\n")
}

/// Decides on all cases of a directory, theme by theme: of every file that ends in `.jsonl` or `.jsonl.gz`.
pub fn replay(directory: &Path, mut told: impl FnMut(&Theme)) -> Result<Vec<Theme>, String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", directory.display());
    let mut files: Vec<_> = directory
        .read_dir()
        .map_err(wrong)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    files.sort();
    let mut themes = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(".jsonl") else { continue };
        let theme = replay_theme(&file, name)?;
        told(&theme);
        themes.push(theme);
    }
    if themes.is_empty() { Err(format!("{}: it holds no .jsonl.gz", directory.display())) } else { Ok(themes) }
}

fn replay_theme(file: &Path, name: &str) -> Result<Theme, String> {
    let wrong = |what: String| format!("{}: {what}", file.display());
    let opened = File::open(file).map_err(|e| wrong(e.to_string()))?;
    let reader: Box<dyn std::io::Read> = match file.extension() {
        Some(gz) if gz == "gz" => Box::new(MultiGzDecoder::new(opened)),
        _ => Box::new(opened),
    };
    let mut theme = Theme { name: name.to_owned(), ..Theme::default() };
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let here = |what: String| wrong(format!("line {}: {what}", number + 1));
        let line = line.map_err(|e| here(e.to_string()))?;
        if !line.trim().is_empty() {
            let case: Value = serde_json::from_str(&line).map_err(|e| here(e.to_string()))?;
            replay_case(&case, &mut theme).map_err(here)?;
        }
    }
    Ok(theme)
}

type Objects = BTreeMap<Key, Arc<Object>>;

fn replay_case(case: &Value, theme: &mut Theme) -> Result<(), String> {
    let list = |field: &str| case[field].as_array().ok_or_else(|| format!("the case has no {field}"));
    let mut decisions = list("decisions")?.iter();
    let config = config_of(&case["config"])?;
    let mut objects = Objects::new();
    for (number, step) in list("objects")?.iter().enumerate() {
        let kind = text(step, "kind");
        let kind =
            Kind::ALL.into_iter().find(|k| k.info().kind == kind).ok_or_else(|| format!("an object of kind {kind}"))?;
        if text(step, "op") == "delete" {
            objects.remove(&Key::new(kind, text(step, "namespace"), text(step, "name")));
            continue;
        }
        let mut object = object_of(kind, step)?;
        // Who comes first was created first, and no two are the same.
        object.meta.uid = Uid::new(number as u128 + 1);
        object.meta.created = Time(number as i64 * 1_000_000);
        if !object.meta.namespace.is_empty() {
            let namespace = namespace_of(&object.meta.namespace)?;
            objects.entry(namespace.key()).or_insert_with(|| Arc::new(namespace));
        }
        let key = object.key();
        let undecided = object.pod().is_some_and(|p| p.node.is_none());
        objects.insert(key.clone(), Arc::new(object));
        if undecided {
            let theirs = decisions.next().ok_or("there are more pods than decisions")?;
            if text(theirs, "name") != key.name {
                return Err(format!("{key} comes where upstream decided on {}", text(theirs, "name")));
            }
            theme.decisions += 1;
            match compare(&config, &objects, &key, theirs) {
                Ok(()) => theme.agree += 1,
                Err(why) => theme
                    .differences
                    .push(format!("{} {} {key}: {why}\n    upstream: {theirs}", theme.name, case["case"])),
            }
            carry_out(&mut objects, &key, theirs);
        }
    }
    if decisions.next().is_some() { Err("there are more decisions than pods".to_owned()) } else { Ok(()) }
}

/// What the cluster is to decide by: the case's own `KubeSchedulerConfiguration`, where it has one.
fn config_of(written: &Value) -> Result<Config, String> {
    let scheduler = (!written.is_null()).then(|| Configuration::try_from(written.clone())).transpose()?;
    Ok(Config { scheduler, ..Config::default() })
}

/// An object as the API server keeps it: with the namespace and the defaults that it did not name.
fn object_of(kind: Kind, step: &Value) -> Result<Object, String> {
    let mut object = Object::from_value(kind, step).map_err(|e| e.to_string())?;
    if kind.info().namespaced && object.meta.namespace.is_empty() {
        object.meta.namespace = "default".into();
    }
    set_defaults(&mut object);
    Ok(object)
}

fn namespace_of(name: &str) -> Result<Object, String> {
    let labels = json!({"kubernetes.io/metadata.name": name});
    object_of(Kind::Namespace, &json!({"metadata": {"name": name, "labels": labels}}))
}

/// Does what upstream did: removes its victims, and binds the pod.
fn carry_out(objects: &mut Objects, key: &Key, theirs: &Value) {
    for victim in theirs["victims"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some((namespace, name)) = victim.split_once('/') {
            objects.remove(&Key::new(Kind::Pod, namespace, name));
        }
    }
    if let Some(pod) = objects.get_mut(key).and_then(|o| Arc::make_mut(o).pod_mut()) {
        pod.node = theirs["nodeName"].as_str().map(Into::into);
    }
}

/// Compares one decision; says what differs.
fn compare(config: &Config, objects: &Objects, key: &Key, theirs: &Value) -> Result<(), String> {
    let now = Time(1_800_000_000_000_000);
    let mut cluster = Cluster::restore(config.clone(), now, 1, objects.values().cloned());
    if text(theirs, "reason") == "SchedulingGated" {
        while cluster.handle(now, Input::Wake).wake == Some(now) {}
        return compare_gated(&cluster, key, text(theirs, "message"));
    }
    let ours = cluster.schedulers().explain(key, cluster.store()).ok_or("we do not know the pod")?;
    if theirs["victims"].as_array().is_some_and(|victims| !victims.is_empty()) {
        return compare_victims(objects, &ours, theirs);
    }
    let feasible: BTreeSet<&str> = ours.nodes.iter().filter(|n| n.total().is_some()).map(|n| n.node.as_str()).collect();
    if theirs["nodeName"].is_null() {
        let message = ours.message.as_deref().unwrap_or_default();
        return if message == text(theirs, "message") {
            Ok(())
        } else {
            Err(format!("we say {message:?} with {feasible:?}"))
        };
    }
    compare_scores(&ours, &feasible, theirs)
}

fn compare_gated(cluster: &Cluster, key: &Key, message: &str) -> Result<(), String> {
    let wait = cluster.store().at(key).and_then(|pod| cluster.schedulers().wait(pod.meta.uid, cluster.store()));
    if wait.map(|w| w.line) != Some(Line::Gated) {
        return Err("we do not take it for gated".to_owned());
    }
    let object = cluster.store().at(key).map(|o| o.to_value()).unwrap_or_default();
    let ours = object["status"]["conditions"][0]["message"].as_str().unwrap_or_default();
    if ours == message { Ok(()) } else { Err(format!("we say {ours:?}")) }
}

/// Which of equal candidates is preempted is chance for upstream, and so is which of pods that are equally important and have
/// not started. That they are equal shows in how many victims of which priorities there are. Where the record has all
/// candidates that upstream took by turns, our node must be one of them.
fn compare_victims(objects: &Objects, ours: &Explanation, theirs: &Value) -> Result<(), String> {
    let priority = |namespace: &str, name: &str| {
        let pod = objects.get(&Key::new(Kind::Pod, namespace, name)).and_then(|o| o.pod());
        pod.and_then(|p| p.spec.priority).unwrap_or_default()
    };
    let Some(plan) = &ours.preemption else { return Err(format!("we preempt nothing: {:?}", ours.message)) };
    let mut own: Vec<i32> = plan.victims.iter().map(|(namespace, name)| priority(namespace, name)).collect();
    own.sort_unstable();
    let victims = match theirs["candidates"].as_object() {
        Some(candidates) => candidates.get(plan.node.as_str()),
        None => theirs.get("victims"),
    };
    let victims = victims.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut theirs: Vec<i32> =
        victims.filter_map(|v| v.split_once('/')).map(|(namespace, name)| priority(namespace, name)).collect();
    theirs.sort_unstable();
    if own == theirs {
        Ok(())
    } else {
        Err(format!("we preempt {:?} on {}, of priorities {own:?}", plan.victims, plan.node))
    }
}

fn compare_scores(ours: &Explanation, feasible: &BTreeSet<&str>, theirs: &Value) -> Result<(), String> {
    let best: BTreeSet<&str> = theirs["best"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let scores = theirs["pluginScores"].as_object().ok_or("upstream gives no scores")?;
    // The only feasible node is not scored.
    let expected = if scores.is_empty() { best.clone() } else { scores.keys().map(String::as_str).collect() };
    if *feasible != expected {
        return Err(format!("feasible for us: {feasible:?}"));
    }
    if scores.is_empty() {
        return Ok(());
    }
    for node in &ours.nodes {
        let Stand::Feasible { scores: list } = &node.stand else { continue };
        let own: BTreeMap<&str, i64> = list.iter().map(|s| (s.plugin, i64::from(s.weighted))).collect();
        let mut given: BTreeMap<&str, i64> = scores[node.node.as_str()]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(plugin, score)| Some((plugin.as_str(), score.as_i64()?)))
            .collect();
        // Upstream asks it always. Without claims of devices, which do not exist here, it gives every node nothing.
        if given.get("DynamicResources") == Some(&0) {
            given.remove("DynamicResources");
        }
        if own != given {
            return Err(format!("we give {} {own:?}", node.node));
        }
    }
    let highest = ours.nodes.iter().filter_map(NodeStand::total).max();
    let own: BTreeSet<&str> =
        ours.nodes.iter().filter(|n| n.total().is_some() && n.total() == highest).map(|n| n.node.as_str()).collect();
    if own == best { Ok(()) } else { Err(format!("best for us: {own:?}")) }
}
