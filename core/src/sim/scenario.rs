//! A scenario: everything a world begins with, and what is done to it when.

use super::action::{Action, read_port, read_rate};
use super::behaviour::Image;
use super::duration::format_span;
use super::field::{Field, FieldError};
use super::manifest::Manifest;
use super::traffic::ServicePort;
use crate::api::Name;
use crate::config::Config;
use crate::manifest::{self, Document, ManifestError};
use crate::order;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a scenario's documents say in `apiVersion`.
pub(super) const API_VERSION: &str = "kubarium.io/v1";

/// A text in the languages of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// Equal machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Pool {
    /// Their name, followed by `-1`, `-2` and so on; a pool of one without `count` has it as it is.
    pub name: String,
    /// How many; 0 for one of just that name.
    pub count: u32,
    /// Capacity of each; what is not said is 4 cpu, 8Gi memory, 100Gi ephemeral storage and 110 pods.
    pub capacity: BTreeMap<String, String>,
    /// What of it pods may use; the same where empty.
    pub allocatable: BTreeMap<String, String>,
    /// Labels of their nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of their nodes, as Kubernetes writes them.
    pub taints: Vec<Value>,
}

/// Clients of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The port they ask; port 0 stands for the service's first.
    pub to: ServicePort,
    /// Requests per 1,000 seconds.
    pub rate_milli: u64,
}

/// Something done at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How long after the beginning.
    pub at: Span,
    /// What.
    pub action: Action,
}

/// Everything a world begins with, and what is done to it when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// What it is called.
    pub title: Words,
    /// What it shows.
    pub description: Words,
    /// Settings of the cluster, the seed among them.
    pub config: Config,
    /// The machines, in the order in which they join.
    pub nodes: Vec<Pool>,
    /// What is known of images.
    pub images: Vec<Image>,
    /// What is created at the beginning, in order, after the machines.
    pub manifests: Vec<Manifest>,
    /// Clients from the beginning.
    pub traffic: Vec<Client>,
    /// What is done later, by time.
    pub timeline: Vec<Step>,
}

/// Settings that are durations, in a scenario written as such.
const SPANS: [&str; 2] = ["nodeGrace", "nodeMonitorPeriod"];

/// The most machines a pool may have.
const POOL_MAX: i64 = 8_192;

impl Pool {
    /// The names of its machines.
    pub fn names(&self) -> Vec<Name> {
        if self.count == 0 {
            return vec![self.name.as_str().into()];
        }
        (1..=self.count).map(|n| format!("{}-{n}", self.name).into()).collect()
    }

    /// The manifest of one of its nodes.
    pub(super) fn manifest(&self, name: &str) -> Value {
        let usual = [("cpu", "4"), ("memory", "8Gi"), ("ephemeral-storage", "100Gi"), ("pods", "110")];
        let mut capacity = order::map(usual.map(|(k, v)| (k.to_owned(), v.to_owned())));
        capacity.extend(self.capacity.clone());
        let mut allocatable = capacity.clone();
        allocatable.extend(self.allocatable.clone());
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": name, "labels": self.labels },
            "spec": { "taints": self.taints },
            "status": { "capacity": capacity, "allocatable": allocatable },
        })
    }

    fn read(field: &Field<'_>) -> Result<Self, FieldError> {
        let mut fields = field.map()?;
        let pool = Self {
            name: fields.required("name")?.text()?.to_owned(),
            count: fields.read("count", |f| f.integer(1, POOL_MAX))?.unwrap_or(0) as u32,
            capacity: fields.read("capacity", |f| f.entries(Field::quantity))?.unwrap_or_default(),
            allocatable: fields.read("allocatable", |f| f.entries(Field::quantity))?.unwrap_or_default(),
            labels: fields.read("labels", |f| f.entries(Field::word))?.unwrap_or_default(),
            taints: fields.read("taints", |f| f.list()?.iter().map(read_taint).collect())?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok(pool)
    }
}

fn read_taint(field: &Field<'_>) -> Result<Value, FieldError> {
    let mut fields = field.map()?;
    let key = fields.required("key")?.text()?.to_owned();
    let value = fields.read("value", Field::word)?;
    let effect = fields.required("effect")?;
    let word = effect.text()?;
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&word) {
        return Err(effect.error(format!("must be NoSchedule, PreferNoSchedule or NoExecute, is {word:?}")));
    }
    fields.finish()?;
    let mut taint = json!({ "key": key, "effect": word });
    if let Some(value) = value {
        taint["value"] = value.into();
    }
    Ok(taint)
}

fn read_words(field: &Field<'_>) -> Result<Words, FieldError> {
    if let Some(text) = field.value.as_str() {
        return Ok(Words { en: text.to_owned(), zh: text.to_owned() });
    }
    let mut fields = field.map()?;
    let en = fields.required("en")?.text()?.to_owned();
    let zh = fields.read("zh", |f| Ok(f.text()?.to_owned()))?.unwrap_or_else(|| en.clone());
    fields.finish()?;
    Ok(Words { en, zh })
}

fn read_config(field: &Field<'_>) -> Result<Config, FieldError> {
    let mut settings = serde_json::to_value(Config::default()).unwrap_or_default();
    let known: Vec<String> = settings.as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default();
    for (key, value) in field.value.as_object().into_iter().flatten() {
        let here = Field { path: manifest::join(&field.path, key), value };
        if key == "seed" {
            return Err(here.error("the seed stands at the top of a scenario"));
        }
        if !known.contains(key) {
            return Err(here.error(format!("unknown setting; known: {}", known.join(", "))));
        }
        settings[key] = if SPANS.contains(&key.as_str()) { here.span()?.0.into() } else { value.clone() };
        if let Err(e) = serde_json::from_value::<Config>(settings.clone()) {
            return Err(here.error(e.to_string()));
        }
    }
    // Each setting was tried above.
    serde_json::from_value(settings).map_err(|e| field.error(e.to_string()))
}

fn read_client(field: &Field<'_>) -> Result<Client, FieldError> {
    let mut fields = field.map()?;
    let namespace = fields.read("namespace", |f| Ok(Name::new(f.text()?)))?;
    let service = fields.required("service")?;
    let mut to = read_port(service.text()?, namespace.unwrap_or(Name::new_static("default")))
        .map_err(|e| service.error(e.to_string()))?;
    if let Some(port) = fields.read("port", |f| f.integer(1, 65_535))? {
        to.port = port as u16;
    }
    let rate = fields.required("rate")?;
    let rate_milli = read_rate(&rate.word()?).map_err(|e| rate.error(e.to_string()))?;
    fields.finish()?;
    Ok(Client { to, rate_milli })
}

fn read_step(field: &Field<'_>) -> Result<Step, FieldError> {
    let mut fields = field.map()?;
    let at = fields.required("at")?.span()?;
    let line = fields.optional("do");
    let apply = fields.optional("apply");
    let pool = fields.optional("addNodes");
    let action = match (line, apply, pool) {
        (Some(line), None, None) => {
            // A structured action is what recordings hold.
            if line.value.is_object() {
                serde_json::from_value(line.value.clone()).map_err(|e| line.error(e.to_string()))?
            } else {
                line.text()?.parse().map_err(|e: super::ActionError| line.error(e.to_string()))?
            }
        }
        (None, Some(manifest), None) => Action::Apply { manifest: manifest.value.clone() },
        (None, None, Some(pool)) => Action::AddNodes { pool: Pool::read(&pool)? },
        _ => return Err(field.error("a step has one of do, apply and addNodes")),
    };
    fields.finish()?;
    Ok(Step { at, action })
}

impl Scenario {
    /// Whether a document calls itself a scenario.
    pub fn is_scenario(document: &Value) -> bool {
        document.get("kind").and_then(Value::as_str) == Some("Scenario")
    }

    /// Reads a scenario of one YAML document. An error names line and field.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let documents = manifest::parse(text)?;
        let [document] = documents.as_slice() else {
            let place = manifest::Place { line: documents.get(1).map_or(1, |d| d.line), column: 1 };
            let message = format!("a scenario is one document, here are {}", documents.len());
            return Err(ManifestError { place, field: String::new(), message });
        };
        Self::from_document(text, document)
    }

    /// Reads a scenario of a document of a text.
    pub fn from_document(text: &str, document: &Document) -> Result<Self, ManifestError> {
        Self::from_value(&document.value).map_err(|e| manifest::error_at(text, document, &e.field, e.message))
    }

    /// Reads a scenario of a JSON value.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let mut fields = Field::root(value).map()?;
        let version = fields.required("apiVersion")?;
        if version.text()? != API_VERSION {
            return Err(version.error(format!("must be {API_VERSION}")));
        }
        let kind = fields.required("kind")?;
        if kind.text()? != "Scenario" {
            return Err(kind.error("must be Scenario"));
        }
        let title = fields.read("title", read_words)?.unwrap_or_default();
        let description = fields.read("description", read_words)?.unwrap_or_default();
        let seed = fields.read("seed", Field::seed)?;
        let mut config = fields.read("config", read_config)?.unwrap_or_default();
        config.seed = seed.unwrap_or(config.seed);
        let nodes = fields
            .read("nodes", |f| f.list()?.iter().map(Pool::read).collect::<Result<Vec<_>, _>>())?
            .unwrap_or_default();
        let images = fields
            .read("images", |f| f.list()?.iter().map(Image::read).collect::<Result<Vec<_>, _>>())?
            .unwrap_or_default();
        let manifests = fields
            .read("manifests", |f| {
                f.list()?.iter().map(|m| m.map().map(|_| Manifest::from(m.value))).collect::<Result<Vec<_>, _>>()
            })?
            .unwrap_or_default();
        let traffic = fields
            .read("traffic", |f| f.list()?.iter().map(read_client).collect::<Result<Vec<_>, _>>())?
            .unwrap_or_default();
        let mut timeline = fields
            .read("timeline", |f| f.list()?.iter().map(read_step).collect::<Result<Vec<_>, _>>())?
            .unwrap_or_default();
        fields.finish()?;
        order::sort_by(&mut timeline, |a, b| a.at.cmp(&b.at));
        Ok(Self { title, description, config, nodes, images, manifests, traffic, timeline })
    }

    /// As [`Self::from_value`] reads it.
    pub fn to_value(&self) -> Value {
        let words = |w: &Words| json!({ "en": w.en, "zh": w.zh });
        let mut config = serde_json::to_value(&self.config).unwrap_or_default();
        if let Some(map) = config.as_object_mut() {
            map.remove("seed");
            for name in SPANS {
                if let Some(micros) = map.get(name).and_then(Value::as_i64) {
                    map.insert(name.to_owned(), format_span(Span(micros)).into());
                }
            }
        }
        let pool = |p: &Pool| {
            let mut value = serde_json::to_value(p).unwrap_or_default();
            if p.count == 0
                && let Some(map) = value.as_object_mut()
            {
                map.remove("count");
            }
            value
        };
        let client = |c: &Client| {
            let mut value = json!({
                "namespace": c.to.namespace, "service": c.to.service,
                "rate": format!("{}.{:03}", c.rate_milli / 1_000, c.rate_milli % 1_000),
            });
            if c.to.port != 0 {
                value["port"] = c.to.port.into();
            }
            value
        };
        json!({
            "apiVersion": API_VERSION, "kind": "Scenario",
            "title": words(&self.title), "description": words(&self.description),
            "seed": self.config.seed, "config": config,
            "nodes": self.nodes.iter().map(pool).collect::<Vec<_>>(),
            "images": self.images.iter().map(Image::to_value).collect::<Vec<_>>(),
            "manifests": self.manifests.iter().map(Manifest::value).collect::<Vec<_>>(),
            "traffic": self.traffic.iter().map(client).collect::<Vec<_>>(),
            "timeline": self.timeline.iter()
                .map(|s| json!({ "at": format_span(s.at), "do": s.action }))
                .collect::<Vec<_>>(),
        })
    }
}
