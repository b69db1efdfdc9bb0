//! The plain way to a decision: every plugin is asked about every node.

use super::decision::PluginScore;
use super::framework::{Alike, Framework, Given, Verdict, View};
use super::info::PodInfo;
use super::node::{NodeInfo, Placed, Stage};
use super::outlook::{Rankings, Row, Surroundings};
use super::pod::PodClass;
use super::snapshot::Snapshot;
use crate::api::{Name, Uid};
use std::sync::Arc;

/// A pod that is to be placed.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) uid: Uid,
    pub(super) info: &'a Arc<PodInfo>,
    /// The node on which others made room for it.
    pub(super) nominated: Option<&'a Name>,
}

/// How all nodes stand to a pod.
pub(super) struct Assessment {
    /// By index of the node.
    pub(super) verdicts: Vec<Verdict>,
    /// Those that would do, in the order of their indexes.
    pub(super) feasible: Vec<Alike>,
    /// What the wide filters saw.
    pub(super) around: Surroundings,
}

/// Asks every filter about every node.
pub(super) fn assess(framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Assessment {
    let mut around = framework.look(pod.info, view);
    let indexes = 0..view.snapshot.nodes().len() as u32;
    let verdicts: Vec<Verdict> = indexes.map(|index| stand(framework, pod, &mut around, index, view)).collect();
    let found = verdicts.iter().enumerate().filter(|(_, v)| **v == Verdict::Feasible);
    let feasible = found.map(|(index, _)| Alike::only(index as u32)).collect();
    Assessment { verdicts, feasible, around }
}

/// How the node at that index stands to a pod.
pub(super) fn stand(
    framework: &Framework,
    pod: Asking<'_>,
    around: &mut Surroundings,
    index: u32,
    view: View<'_>,
) -> Verdict {
    let node = &view.snapshot.nodes()[index as usize];
    if !node.present {
        return Verdict::Absent;
    }
    match refusal(framework, pod, around, index, node, view) {
        Some((number, refused)) => Verdict::Refused(number, refused),
        None => Verdict::Feasible,
    }
}

/// Whether and how a node refuses a pod. It must do with the pods that are to come there and are no less important,
/// and without them. What is around is as it was afterwards.
pub(super) fn refusal(
    framework: &Framework,
    pod: Asking<'_>,
    around: &mut Surroundings,
    index: u32,
    node: &NodeInfo,
    view: View<'_>,
) -> Option<(u8, super::framework::Refused)> {
    let coming: Vec<Placed> = coming(pod.info.class.priority, Some(pod.uid), node, view.snapshot).collect();
    if !coming.is_empty() {
        let mut full = node.clone();
        for placed in &coming {
            full.add(placed.clone());
        }
        around.count_all(&coming, index, node, 1, view);
        let refused = framework.refusal(&pod.info.class, around, index, &full);
        around.count_all(&coming, index, node, -1, view);
        if refused.is_some() {
            return refused;
        }
    }
    framework.refusal(&pod.info.class, around, index, node)
}

/// The pods that are to come to a node and are no less important than that, but for the one of that uid.
pub(super) fn coming<'a>(
    priority: i32,
    but: Option<Uid>,
    node: &NodeInfo,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = Placed> + use<'a> {
    let there = snapshot.nominated_on(&node.name).iter();
    let matter = there.filter(move |n| Some(n.uid) != but && n.info.class.priority >= priority);
    matter.map(|n| Placed { uid: n.uid, info: Arc::clone(&n.info), stage: Stage::NEW })
}

/// Whether and how a node refuses a pod that says nothing of others, with the pods that are to come there and are no less
/// important.
pub(super) fn crowded(
    framework: &Framework,
    class: &PodClass,
    node: &NodeInfo,
    snapshot: &Snapshot,
) -> Option<(u8, super::framework::Refused)> {
    let mut coming = coming(class.priority, None, node, snapshot).peekable();
    coming.peek()?;
    let mut node = node.clone();
    coming.for_each(|placed| node.add(placed));
    framework.node_refusal(class, &node)
}

/// What every plugin gives the nodes that would do, given what the wide ones rank them by.
pub(super) fn rows(
    framework: &Framework,
    class: &PodClass,
    rankings: &Rankings,
    nodes: &[NodeInfo],
    feasible: &[Alike],
) -> Vec<Row> {
    let alone = framework.node_scores(class).map(|(score, weight)| {
        let given = feasible.iter().map(|alike| score.score(class, &nodes[alike.node as usize])).collect();
        Row { plugin: score.name(), weight, given: Given::Each(given) }
    });
    let mut rows: Vec<Row> = alone.collect();
    rows.extend(rankings.rows(feasible));
    rows
}

/// The sum of what the node at that place gets.
pub(super) fn total(rows: &[Row], place: usize) -> i32 {
    rows.iter().filter_map(|row| Some(row.weight * row.given.at(place)?)).sum()
}

/// What each plugin gives the node at that place.
pub(super) fn scores(rows: &[Row], place: usize) -> impl Iterator<Item = PluginScore> {
    rows.iter().filter_map(move |row| {
        let normalized = row.given.at(place)?;
        Some(PluginScore { plugin: row.plugin, normalized, weighted: row.weight * normalized })
    })
}
