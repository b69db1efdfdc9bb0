//! What images are like, and how their containers behave.

use super::duration::{format_span, parse_span};
use super::field::{Field, FieldError};
use crate::api::{Name, Quantity};
use crate::order;
use crate::time::Span;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How containers of an image behave. The default starts at once, is ready, runs for ever and stops when asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// It ends by itself after so long.
    pub runs_for: Option<Span>,
    /// With this exit code.
    pub exit_code: i32,
    /// It passes readiness and startup probes so long after its start.
    pub ready_after: Span,
    /// It never passes readiness and startup probes.
    pub never_ready: bool,
    /// It fails liveness probes from so long after its start on.
    pub unhealthy_after: Option<Span>,
    /// So long after it is asked to stop it does; by default within a second.
    pub stops_in: Option<Span>,
    /// Thousandths of a cpu that each uses; by default as many as it asks for.
    pub cpu_milli: Option<i64>,
    /// Bytes of memory that each uses; by default as many as it asks for.
    pub memory_bytes: Option<i64>,
}

/// An image as the world's registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name, with or without tag; without, it stands for all tags.
    pub name: String,
    /// How many bytes a pull takes; by default a few to a few hundred million, by its name.
    pub size_bytes: Option<u64>,
    /// The registry does not have it: pulls fail.
    pub missing: bool,
    /// How its containers behave.
    pub behaviour: Behaviour,
}

/// The annotations by which one pod's containers behave unlike their image says: `kubarium.io/runs-for`,
/// `kubarium.io/exit-code`, `kubarium.io/ready-after` (a duration or `never`), `kubarium.io/unhealthy-after`,
/// `kubarium.io/stops-in`, `kubarium.io/cpu` and `kubarium.io/memory` (what each uses).
const PREFIX: &str = "kubarium.io/";

impl Behaviour {
    /// This behaviour as a pod's annotations change it. What they say wrongly is passed over.
    #[must_use]
    pub(super) fn with_annotations(&self, annotations: &BTreeMap<String, String>) -> Self {
        let mut changed = self.clone();
        if !annotations.keys().any(|name| name.starts_with(PREFIX)) {
            return changed;
        }
        let get = |name: &str| annotations.get(&format!("{PREFIX}{name}")).map(String::as_str);
        if let Some(span) = get("runs-for").and_then(parse_span) {
            changed.runs_for = Some(span);
        }
        if let Some(code) = get("exit-code").and_then(|c| c.parse().ok()) {
            changed.exit_code = code;
        }
        match get("ready-after") {
            Some("never") => changed.never_ready = true,
            other => {
                if let Some(span) = other.and_then(parse_span) {
                    changed.ready_after = span;
                    changed.never_ready = false;
                }
            }
        }
        if let Some(span) = get("unhealthy-after").and_then(parse_span) {
            changed.unhealthy_after = Some(span);
        }
        if let Some(span) = get("stops-in").and_then(parse_span) {
            changed.stops_in = Some(span);
        }
        let quantity = |name: &str| get(name).and_then(|text| Quantity::parse(text).ok());
        if let Some(cpu) = quantity("cpu") {
            changed.cpu_milli = Some(cpu.milli());
        }
        if let Some(memory) = quantity("memory") {
            changed.memory_bytes = Some(memory.value());
        }
        changed
    }
}

impl Image {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, FieldError> {
        let mut fields = field.map()?;
        let name = fields.required("name")?.text()?.to_owned();
        let size_bytes = fields.read("size", Field::amount)?;
        let missing = fields.read("missing", Field::boolean)?.unwrap_or_default();
        let mut behaviour = Behaviour {
            runs_for: fields.read("runsFor", Field::span)?,
            exit_code: fields.read("exitCode", |f| f.integer(0, 255))?.unwrap_or_default() as i32,
            ..Behaviour::default()
        };
        if let Some(ready) = fields.optional("readyAfter") {
            if ready.value == "never" {
                behaviour.never_ready = true;
            } else {
                behaviour.ready_after = ready.span()?;
            }
        }
        behaviour.unhealthy_after = fields.read("unhealthyAfter", Field::span)?;
        behaviour.stops_in = fields.read("stopsIn", Field::span)?;
        behaviour.cpu_milli = fields.read("cpu", Field::amount)?.map(Quantity::milli);
        behaviour.memory_bytes = fields.read("memory", Field::amount)?.map(Quantity::value);
        fields.finish()?;
        Ok(Self { name, size_bytes: size_bytes.map(|q| q.value().max(0) as u64), missing, behaviour })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut map = Map::new();
        let behaviour = &self.behaviour;
        let mut span = |name: &str, value: Option<Span>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), format_span(value).into());
            }
        };
        span("runsFor", behaviour.runs_for);
        span("readyAfter", (behaviour.ready_after != Span::ZERO).then_some(behaviour.ready_after));
        span("unhealthyAfter", behaviour.unhealthy_after);
        span("stopsIn", behaviour.stops_in);
        map.insert("name".to_owned(), self.name.clone().into());
        map.insert("exitCode".to_owned(), behaviour.exit_code.into());
        if behaviour.never_ready {
            map.insert("readyAfter".to_owned(), "never".into());
        }
        if let Some(cpu) = behaviour.cpu_milli {
            map.insert("cpu".to_owned(), format!("{cpu}m").into());
        }
        if let Some(memory) = behaviour.memory_bytes {
            map.insert("memory".to_owned(), memory.into());
        }
        if self.missing {
            map.insert("missing".to_owned(), true.into());
        }
        if let Some(size) = self.size_bytes {
            map.insert("size".to_owned(), size.into());
        }
        Value::Object(map)
    }
}

/// All images the world knows something about.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    by_name: order::Map<Name, Image>,
}

/// An image's name without its tag or digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // What follows the colon of a registry's port has a slash.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

impl Images {
    pub(super) fn new(images: &[Image]) -> Self {
        Self { by_name: images.iter().map(|i| (Name::from(i.name.as_str()), i.clone())).collect() }
    }

    pub(super) fn get(&self, image: &str) -> Option<&Image> {
        if self.by_name.is_empty() {
            return None;
        }
        self.by_name.get(image).or_else(|| self.by_name.get(repository(image)))
    }

    /// Bytes of an image; where the scenario says nothing, 10 to 210 million, always the same for one name.
    pub(super) fn size_bytes(&self, image: &str) -> u64 {
        self.get(image)
            .and_then(|i| i.size_bytes)
            .unwrap_or_else(|| 10_000_000 + xxhash_rust::xxh3::xxh3_64(image.as_bytes()) % 200_000_000)
    }
}
