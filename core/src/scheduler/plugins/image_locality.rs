//! `ImageLocality`: better where the pod's images are already, the more so the larger and the more common they are.

use crate::scheduler::framework::{Given, SCORE_MAX, View, WideScore};
use crate::scheduler::images::Images;
use crate::scheduler::info::PodInfo;

pub(super) const NAME: &str = "ImageLocality";

const MIB: i64 = 1024 * 1024;

/// Images that are smaller together count as none.
const LEAST: i64 = 23 * MIB;

/// Images that are larger, for each container, count as no larger.
const MOST: i64 = 1000 * MIB;

pub(super) struct ImageLocality;

impl WideScore for ImageLocality {
    fn name(&self) -> &'static str {
        NAME
    }

    fn flat(&self, pod: &PodInfo, view: View<'_>) -> Option<Given> {
        let known = |image| view.snapshot.images().worth(image, view.snapshot.present()).is_some();
        (!pod.class.images.iter().any(|image| known(image))).then_some(Given::All(0))
    }

    fn give(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Given {
        let images = &pod.class.images;
        let worth = |image| view.snapshot.images().worth(image, view.snapshot.present());
        let worth: Vec<(u32, i64)> = images.iter().filter_map(|image| worth(image)).collect();
        let most = MOST * images.len() as i64;
        let score = |index: &u32| {
            let node = &view.snapshot.nodes()[*index as usize];
            let sum: i64 = worth.iter().filter(|(number, _)| Images::has(node, *number)).map(|(_, worth)| worth).sum();
            (i64::from(SCORE_MAX) * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)) as i32
        };
        Given::Each(nodes.iter().map(score).collect())
    }
}
