//! `ImageLocality`: better where the pod's images are already, the more so the larger and the more common they are.

use crate::scheduler::framework::{Alike, Given, Rank, Ranking, SCORE_MAX, View, WideScore};
use crate::scheduler::images::Images;
use crate::scheduler::info::PodInfo;
use crate::scheduler::node::NodeInfo;
use std::sync::Arc;

pub(super) const NAME: &str = "ImageLocality";

const MIB: i64 = 1024 * 1024;

/// Images that are smaller together count as none.
const LEAST: i64 = 23 * MIB;

/// Images that are larger, for each container, count as no larger. Those of volumes raise no bound.
const MOST: i64 = 1000 * MIB;

pub(super) struct ImageLocality;

impl WideScore for ImageLocality {
    fn name(&self) -> &'static str {
        NAME
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank {
        let images = &pod.class.images;
        let worth = |image| view.snapshot.images().worth(image, view.snapshot.present());
        let worth: Vec<(u32, i64)> = images.iter().filter_map(|image| worth(image)).collect();
        if worth.is_empty() {
            return Rank::Flat(Given::All(0));
        }
        let most = MOST * pod.class.containers;
        let score = |node: &NodeInfo| {
            let there = worth.iter().filter(|(number, _)| Images::has(node, *number));
            // What nodes say of the bytes can be anything.
            let sum = there.fold(0_i64, |sum, (_, worth)| sum.saturating_add(*worth));
            (i64::from(SCORE_MAX) * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)) as i32
        };
        Rank::By(Box::new(Locality(view.snapshot.nodes().iter().map(score).collect())))
    }
}

/// The score of each node, by index.
#[derive(Debug)]
struct Locality(Vec<i32>);

impl Ranking for Locality {
    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        traits.push(self.0[index as usize].into());
    }

    fn give(&self, nodes: &[Alike]) -> Given {
        Given::Each(nodes.iter().map(|alike| self.0[alike.node as usize]).collect())
    }
}
