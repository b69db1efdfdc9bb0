//! What can be done to a world from outside: faults, changes of the cluster, traffic. Part of every recording.

use super::duration::scaled;
use super::scenario::Pool;
use super::traffic::ServicePort;
use crate::api::{Kind, Name, Selector};
use crate::apiserver::Request;
use crate::time::Span;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Objects meant by an action: one by its name, or one of those that match a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; empty for kinds without.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub namespace: Name,
    /// Which of them.
    pub which: PodChoice,
}

/// Which object of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PodChoice {
    /// The one of that name.
    Name(Name),
    /// The n-th of those that match a label selector, the oldest first, counted from 0.
    Nth {
        /// The selector, such as `app=web`.
        selector: String,
        /// Which of them.
        n: u32,
    },
}

/// Something done to a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields, remote = "Self")]
pub enum Action {
    /// Switch a machine off: what runs on it dies.
    FailNode {
        /// The node.
        node: Name,
    },
    /// Switch it on again.
    RestoreNode {
        /// The node.
        node: Name,
    },
    /// Cut a machine off from the control plane and from clients; it works on.
    PartitionNode {
        /// The node.
        node: Name,
    },
    /// Connect it again.
    HealNode {
        /// The node.
        node: Name,
    },
    /// Fill a machine's disk.
    FillDisk {
        /// The node.
        node: Name,
    },
    /// Make room on it again.
    FreeDisk {
        /// The node.
        node: Name,
    },
    /// Make pulls take so many times longer, on one machine or on all.
    SlowPulls {
        /// The node; all where none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Name>,
        /// How many times longer; 1 is as usual.
        factor: u32,
    },
    /// End a running container of a pod.
    Crash {
        /// The pod.
        pod: Target,
        /// The container; the first that runs where none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        container: Option<Name>,
        /// Its exit code.
        code: i32,
    },
    /// Plug in machines.
    AddNodes {
        /// What they are like.
        pool: Pool,
    },
    /// Take a machine away for good, with its node.
    RemoveNode {
        /// The node.
        node: Name,
    },
    /// Set the rate of a service's clients.
    Traffic {
        /// The port they ask; port 0 stands for the service's first.
        to: ServicePort,
        /// Requests per 1,000 seconds; 0 for none.
        rate_milli: u64,
    },
    /// Set how often requests are looked at, see [`super::Traffic`].
    SampleTraffic {
        /// How often, in virtual time.
        every: Span,
    },
    /// Change how many replicas a replication controller wants.
    Scale {
        /// The controller.
        target: Target,
        /// How many.
        replicas: i32,
    },
    /// Set and, with none, remove labels.
    Label {
        /// Of what.
        target: Target,
        /// The labels.
        labels: BTreeMap<String, Option<String>>,
    },
    /// Let no new pods onto a node, or let them again.
    Cordon {
        /// The node.
        node: Name,
        /// Whether it is closed.
        closed: bool,
    },
    /// Delete an object.
    Delete {
        /// Which.
        target: Target,
    },
    /// Create an object, or change it to what the manifest says.
    Apply {
        /// The manifest.
        manifest: Value,
    },
    /// Ask the API.
    Request {
        /// The request.
        request: Request,
    },
}

/// The field of a written action that names it.
const VERB: &str = "do";

impl Serialize for Action {
    /// A map with the verb among the other fields. serde's own way to this form reads through a second model of data,
    /// compiled for every type in an action.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outer = Self::serialize(self, serde_json::value::Serializer).map_err(S::Error::custom)?;
        let mut written = Map::new();
        if let Value::Object(outer) = outer {
            for (verb, fields) in outer {
                written.insert(VERB.to_owned(), verb.into());
                written.extend(fields.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let Some(Value::String(verb)) = fields.remove(VERB) else { return Err(D::Error::missing_field(VERB)) };
        let mut outer = Map::new();
        outer.insert(verb, fields.into());
        Self::deserialize(Value::Object(outer)).map_err(D::Error::custom)
    }
}

/// Why an action did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionError {
    /// There is no machine of that name.
    NoMachine(Name),
    /// No object is meant by the target.
    NoTarget(String),
    /// The object is there, but not in a state for it.
    NotNow(String),
    /// The API refused it.
    Refused {
        /// HTTP status code.
        code: u16,
        /// Its message.
        message: String,
        /// The field that is wrong, where it named one.
        field: String,
    },
    /// The text is no action.
    Unreadable(String),
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMachine(node) => write!(f, "there is no machine {node:?} in this world"),
            Self::NoTarget(target) => write!(f, "there is no {target}"),
            Self::NotNow(why) | Self::Unreadable(why) => f.write_str(why),
            Self::Refused { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for ActionError {}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let singular = self.kind.info().singular;
        match &self.which {
            PodChoice::Name(name) => write!(f, "{singular}/{name}")?,
            PodChoice::Nth { selector, n } => write!(f, "{singular}/{selector}#{n}")?,
        }
        if !self.namespace.is_empty() && self.namespace != "default" {
            write!(f, " -n {}", self.namespace)?;
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    /// As a timeline writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailNode { node } => write!(f, "failNode {node}"),
            Self::RestoreNode { node } => write!(f, "restoreNode {node}"),
            Self::PartitionNode { node } => write!(f, "partitionNode {node}"),
            Self::HealNode { node } => write!(f, "healNode {node}"),
            Self::FillDisk { node } => write!(f, "fillDisk {node}"),
            Self::FreeDisk { node } => write!(f, "freeDisk {node}"),
            Self::SlowPulls { node, factor } => {
                write!(f, "slowPulls {factor}")?;
                node.iter().try_for_each(|n| write!(f, " {n}"))
            }
            Self::Crash { pod, container, code } => {
                write!(f, "crash {pod}")?;
                container.iter().try_for_each(|c| write!(f, " container={c}"))?;
                write!(f, " exit={code}")
            }
            Self::AddNodes { pool } => write!(f, "addNodes {} x {}", pool.name, pool.count),
            Self::RemoveNode { node } => write!(f, "removeNode {node}"),
            Self::Traffic { to, rate_milli } => {
                write!(f, "traffic {}:{} {}.{:03}", to.service, to.port, rate_milli / 1_000, rate_milli % 1_000)?;
                if to.namespace == "default" { Ok(()) } else { write!(f, " -n {}", to.namespace) }
            }
            Self::SampleTraffic { every } => write!(f, "sampleTraffic {}", super::format_span(*every)),
            Self::Scale { target, replicas } => write!(f, "scale {target} {replicas}"),
            Self::Label { target, labels } => {
                write!(f, "label {target}")?;
                labels.iter().try_for_each(|(key, value)| match value {
                    Some(value) => write!(f, " {key}={value}"),
                    None => write!(f, " {key}-"),
                })
            }
            Self::Cordon { node, closed: true } => write!(f, "cordon {node}"),
            Self::Cordon { node, closed: false } => write!(f, "uncordon {node}"),
            Self::Delete { target } => write!(f, "delete {target}"),
            Self::Apply { manifest } => {
                let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
                write!(f, "apply {} {}", word(&manifest["kind"]), word(&manifest["metadata"]["name"]))
            }
            Self::Request { request } => write!(f, "{:?} {}", request.method, request.path),
        }
    }
}

/// The verbs a timeline knows, with what follows each.
const VERBS: &str = "failNode NODE, restoreNode NODE, partitionNode NODE, healNode NODE, fillDisk NODE, \
    freeDisk NODE, slowPulls FACTOR [NODE], crash pod/NAME [container=NAME] [exit=CODE], removeNode NODE, \
    traffic SERVICE[:PORT] RATE, sampleTraffic DURATION, scale rc/NAME REPLICAS, label KIND/NAME KEY=VALUE KEY-, \
    cordon NODE, uncordon NODE, delete KIND/NAME (each with -n NAMESPACE; NAME may be SELECTOR#N)";

impl std::str::FromStr for Action {
    type Err = ActionError;

    /// Reads one line of a timeline, such as `failNode node-2`.
    fn from_str(text: &str) -> Result<Self, ActionError> {
        let unreadable = |why: String| ActionError::Unreadable(why);
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let namespace = match words.iter().position(|w| *w == "-n") {
            Some(at) if at + 1 < words.len() => {
                let name = words.remove(at + 1);
                words.remove(at);
                Name::new(name)
            }
            Some(_) => return Err(unreadable("-n needs a namespace after it".to_owned())),
            None => Name::new_static("default"),
        };
        let mut words = words.into_iter();
        let verb = words.next().ok_or_else(|| unreadable(format!("an action is missing; known: {VERBS}")))?;
        let mut need = |what: &str| words.next().ok_or_else(|| unreadable(format!("{verb} needs {what}")));
        let target = |word: &str| read_target(word, &namespace);
        let action = match verb {
            "failNode" => Self::FailNode { node: need("a node")?.into() },
            "restoreNode" => Self::RestoreNode { node: need("a node")?.into() },
            "partitionNode" => Self::PartitionNode { node: need("a node")?.into() },
            "healNode" => Self::HealNode { node: need("a node")?.into() },
            "fillDisk" => Self::FillDisk { node: need("a node")?.into() },
            "freeDisk" => Self::FreeDisk { node: need("a node")?.into() },
            "removeNode" => Self::RemoveNode { node: need("a node")?.into() },
            "cordon" => Self::Cordon { node: need("a node")?.into(), closed: true },
            "uncordon" => Self::Cordon { node: need("a node")?.into(), closed: false },
            "delete" => Self::Delete { target: target(need("KIND/NAME")?)? },
            "slowPulls" => {
                let factor = need("a factor")?;
                let factor = factor.parse().ok().filter(|n| *n > 0);
                let factor = factor.ok_or_else(|| unreadable("the factor must be a whole number from 1".to_owned()))?;
                Self::SlowPulls { factor, node: words.next().map(Name::new) }
            }
            "scale" => {
                let target = target(need("rc/NAME")?)?;
                let replicas = need("how many replicas")?;
                let replicas = replicas
                    .parse()
                    .map_err(|_| unreadable(format!("replicas must be a whole number, is {replicas:?}")))?;
                Self::Scale { target, replicas }
            }
            "traffic" => {
                let service = need("a service")?;
                let rate = need("a rate in requests per second")?;
                Self::Traffic { to: read_port(service, namespace.clone())?, rate_milli: read_rate(rate)? }
            }
            "sampleTraffic" => {
                let every = need("a duration")?;
                let every = super::parse_span(every)
                    .ok_or_else(|| unreadable(format!("must be a duration such as 1s, is {every:?}")))?;
                Self::SampleTraffic { every }
            }
            "crash" => {
                let pod = target(need("pod/NAME")?)?;
                let (mut container, mut code) = (None, 1);
                for word in words.by_ref() {
                    match word.split_once('=') {
                        Some(("container", name)) => container = Some(Name::new(name)),
                        Some(("exit", number)) => {
                            code = number
                                .parse()
                                .map_err(|_| unreadable(format!("exit must be a whole number, is {number:?}")))?;
                        }
                        _ => return Err(unreadable(format!("crash knows container=NAME and exit=CODE, not {word:?}"))),
                    }
                }
                Self::Crash { pod, container, code }
            }
            "label" => {
                let target = target(need("KIND/NAME")?)?;
                let mut labels = BTreeMap::new();
                for word in words.by_ref() {
                    match (word.split_once('='), word.strip_suffix('-')) {
                        (Some((key, value)), _) => labels.insert(key.to_owned(), Some(value.to_owned())),
                        (None, Some(key)) => labels.insert(key.to_owned(), None),
                        (None, None) => return Err(unreadable(format!("a label is KEY=VALUE or KEY-, not {word:?}"))),
                    };
                }
                Self::Label { target, labels }
            }
            _ => return Err(unreadable(format!("unknown action {verb:?}; known: {VERBS}"))),
        };
        match words.next() {
            None => Ok(action),
            Some(word) => Err(unreadable(format!("{verb}: {word:?} is too much"))),
        }
    }
}

fn read_target(word: &str, namespace: &Name) -> Result<Target, ActionError> {
    let Some((kind_word, name)) = word.split_once('/') else {
        return Err(ActionError::Unreadable(format!("{word:?} must be KIND/NAME, such as pod/web-1 or rc/web")));
    };
    let kind = Kind::ALL.into_iter().find(|k| {
        let info = k.info();
        info.singular == kind_word
            || info.plural == kind_word
            || info.kind == kind_word
            || info.short_names.contains(&kind_word)
    });
    let kind = kind.ok_or_else(|| ActionError::Unreadable(format!("unknown kind {kind_word:?}")))?;
    let namespace = if kind.info().namespaced { namespace.clone() } else { Name::default() };
    let which = match name.split_once('#') {
        None => PodChoice::Name(name.into()),
        Some((selector, n)) => {
            let n = n.parse().map_err(|_| ActionError::Unreadable(format!("{n:?} after # must be a whole number")))?;
            if let Err(e) = Selector::parse(selector) {
                return Err(ActionError::Unreadable(format!("{selector:?} is no label selector: {e}")));
            }
            PodChoice::Nth { selector: selector.to_owned(), n }
        }
    };
    Ok(Target { kind, namespace, which })
}

/// `web` or `web:8080`.
pub(super) fn read_port(word: &str, namespace: Name) -> Result<ServicePort, ActionError> {
    let (service, port) = match word.split_once(':') {
        None => (word, 0),
        Some((service, port)) => match port.parse() {
            Ok(port) => (service, port),
            Err(_) => return Err(ActionError::Unreadable(format!("{port:?} is no port"))),
        },
    };
    Ok(ServicePort { namespace, service: service.into(), port })
}

/// `20`, `0.5`, `20/s` or `off`, in requests per 1,000 seconds. At most a million a second.
pub(super) fn read_rate(word: &str) -> Result<u64, ActionError> {
    if word == "off" {
        return Ok(0);
    }
    scaled(word.strip_suffix("/s").unwrap_or(word), 1_000)
        .filter(|rate| *rate <= 1_000_000_000)
        .map(|rate| rate as u64)
        .ok_or_else(|| ActionError::Unreadable(format!("a rate is requests per second or off, not {word:?}")))
}
