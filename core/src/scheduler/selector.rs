//! Node selectors: which nodes a pod's required node affinity allows.

use crate::api::{Labels, Name};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeMap;

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// Greater than this number; none where the bound is no number, which nothing matches.
    Gt(Option<i64>),
    /// Less than this number.
    Lt(Option<i64>),
    /// A word Kubernetes does not know; matches nothing.
    Unknown,
}

/// One requirement on a label or field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Requirement {
    key: Name,
    operator: Operator,
    values: Vec<Name>,
}

impl Requirement {
    fn new(written: &k8s::NodeSelectorRequirement) -> Self {
        let values: Vec<Name> = written.values.iter().flatten().map(Name::from).collect();
        let bound = || if let [one] = values.as_slice() { one.parse().ok() } else { None };
        let operator = match written.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt(bound()),
            "Lt" => Operator::Lt(bound()),
            _ => Operator::Unknown,
        };
        Self { key: written.key.as_str().into(), operator, values }
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let listed = |v: &str| self.values.iter().any(|one| one == v);
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt(bound) => number().zip(bound).is_some_and(|(n, b)| n > b),
            Operator::Lt(bound) => number().zip(bound).is_some_and(|(n, b)| n < b),
            Operator::Unknown => false,
        }
    }
}

/// Requirements on a node that must hold together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeTerm {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

impl NodeTerm {
    pub(super) fn new(written: &k8s::NodeSelectorTerm) -> Self {
        let list = |r: &Option<Vec<_>>| r.iter().flatten().map(Requirement::new).collect();
        Self { labels: list(&written.match_expressions), fields: list(&written.match_fields) }
    }

    pub(super) fn matches(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        // An empty term matches nothing.
        (!self.labels.is_empty() || !self.fields.is_empty())
            && self.labels.iter().all(|r| r.matches(labels.get(r.key.as_str()).map(String::as_str)))
            && self.fields.iter().all(|r| r.matches((r.key == "metadata.name").then_some(name)))
    }

    /// The labels by which it asks for a value, or for any.
    #[cfg(feature = "foresight")]
    pub(super) fn labels(&self) -> impl Iterator<Item = (&Name, Option<&Name>)> {
        self.labels.iter().flat_map(|wanted| {
            let values = if wanted.operator == Operator::In { wanted.values.as_slice() } else { &[] };
            let any = (wanted.operator == Operator::Exists).then_some((&wanted.key, None));
            values.iter().map(|value| (&wanted.key, Some(value))).chain(any)
        })
    }

    /// The node names it allows, where it says so by `metadata.name In`.
    fn names(&self) -> Option<Vec<Name>> {
        let mut sets = self
            .fields
            .iter()
            .filter(|r| r.key == "metadata.name" && r.operator == Operator::In)
            .map(|r| r.values.clone());
        let mut names = sets.next()?;
        for set in sets {
            names.retain(|n| set.contains(n));
        }
        order::sort(&mut names);
        names.dedup();
        Some(names)
    }
}

/// Which nodes a pod may run on: its node selector and its required node affinity.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeConstraint {
    labels: Vec<(Name, Name)>,
    /// One of these must match, where there are any terms.
    terms: Option<Vec<NodeTerm>>,
    /// The only nodes that can match, where every term names its nodes.
    pub(super) only: Option<Vec<Name>>,
}

impl NodeConstraint {
    /// Of a pod.
    pub(super) fn new(spec: &k8s::PodSpec) -> Self {
        let labels = spec.node_selector.iter().flatten().map(|(k, v)| (Name::from(k), Name::from(v))).collect();
        let required = spec
            .affinity
            .as_ref()
            .and_then(|a| a.node_affinity.as_ref())
            .and_then(|n| n.required_during_scheduling_ignored_during_execution.as_ref());
        let terms = required.map(|r| r.node_selector_terms.iter().map(NodeTerm::new).collect::<Vec<_>>());
        let only = terms.as_ref().filter(|t| !t.is_empty()).and_then(|terms| {
            let mut all = Vec::new();
            for term in terms {
                all.append(&mut term.names()?);
            }
            order::sort(&mut all);
            all.dedup();
            Some(all)
        });
        Self { labels, terms, only }
    }

    /// The labels by which it asks for a value, or for any.
    #[cfg(feature = "foresight")]
    pub(super) fn labels(&self) -> impl Iterator<Item = (&Name, Option<&Name>)> {
        let selected = self.labels.iter().map(|(key, value)| (key, Some(value)));
        selected.chain(self.terms.iter().flatten().flat_map(NodeTerm::labels))
    }

    /// Whether it allows every node.
    pub(super) const fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.terms.is_none()
    }

    /// Whether it allows a node.
    pub(crate) fn allows(&self, name: &str, labels: &Labels) -> bool {
        self.labels.iter().all(|(k, v)| labels.get(k.as_str()).is_some_and(|have| have == v.as_str()))
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|t| t.matches(name, labels)))
    }
}
