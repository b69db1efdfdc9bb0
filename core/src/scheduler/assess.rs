//! The plain way to a decision: every plugin is asked about every node.

use super::decision::PluginScore;
use super::framework::{Framework, Given, Verdict, View};
use super::info::PodInfo;
use super::node::{NodeInfo, Placed};
use super::outlook::{Row, Surroundings};
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
    /// The indexes of those that would do.
    pub(super) feasible: Vec<u32>,
    /// What the wide filters saw.
    pub(super) around: Surroundings,
}

/// Asks every filter about every node.
pub(super) fn assess(framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Assessment {
    let around = framework.look(pod.info, view);
    let stand = |(index, node): (usize, &NodeInfo)| {
        if !node.present {
            return Verdict::Absent;
        }
        match refusal(framework, pod, &around, index as u32, node, view) {
            Some((number, refused)) => Verdict::Refused(number, refused),
            None => Verdict::Feasible,
        }
    };
    let verdicts: Vec<Verdict> = view.snapshot.nodes().iter().enumerate().map(stand).collect();
    let feasible = feasible(&verdicts);
    Assessment { verdicts, feasible, around }
}

/// The indexes of the nodes that would do.
pub(super) fn feasible(verdicts: &[Verdict]) -> Vec<u32> {
    let found = verdicts.iter().enumerate().filter(|(_, v)| **v == Verdict::Feasible);
    found.map(|(index, _)| index as u32).collect()
}

/// Whether and how a node refuses a pod. It must do with the pods that are to come there and are no less important,
/// and without them.
pub(super) fn refusal(
    framework: &Framework,
    pod: Asking<'_>,
    around: &Surroundings,
    index: u32,
    node: &NodeInfo,
    view: View<'_>,
) -> Option<(u8, super::framework::Refused)> {
    let coming = view.snapshot.nominated().iter();
    let mut coming =
        coming.filter(|n| n.node == node.name && n.uid != pod.uid && n.info.priority >= pod.info.priority).peekable();
    if coming.peek().is_some() {
        let (mut node, mut around) = (node.clone(), around.fork());
        for other in coming {
            let placed = Placed { uid: other.uid, info: Arc::clone(&other.info), leaving: false };
            around.count(&placed, index, &node, 1, view);
            node.add(placed);
        }
        let refused = framework.refusal(&pod.info.class, &around, index, &node);
        if refused.is_some() {
            return refused;
        }
    }
    framework.refusal(&pod.info.class, around, index, node)
}

/// What every plugin gives the nodes that would do.
pub(super) fn rows(framework: &Framework, pod: &Arc<PodInfo>, view: View<'_>, feasible: &[u32]) -> Vec<Row> {
    let nodes = view.snapshot.nodes();
    let alone = framework.node_scores(&pod.class).map(|(score, weight)| {
        let given = feasible.iter().map(|index| score.score(&pod.class, &nodes[*index as usize])).collect();
        Row { plugin: score.name(), weight, given: Given::Each(given) }
    });
    let mut rows: Vec<Row> = alone.collect();
    let mut rankings = framework.rankings(pod, view);
    rankings.see(0..nodes.len() as u32, view);
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
