//! Which node has which image, and how large images are.

use super::node::NodeInfo;
use crate::api::Name;
use crate::order;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;

/// An image and who has it. As upstream, it is as large as the first node says; first is who was created first.
#[derive(Clone, Debug, Default)]
struct Image {
    name: Name,
    /// When the node was created, its name, and the bytes it says.
    nodes: Vec<(Time, Name, i64)>,
}

/// All images that nodes have.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    numbers: order::Map<Name, u32>,
    all: Vec<Image>,
    /// Numbers of images that no node has any more, to be used again.
    free: Vec<u32>,
}

impl Images {
    /// Takes over what a node that was created then says of its images. Returns their numbers, sorted.
    pub(super) fn set(&mut self, before: &[u32], name: &Name, created: Time, said: &[k8s::ContainerImage]) -> Vec<u32> {
        for number in before {
            self.all[*number as usize].nodes.retain(|(_, node, _)| node != name);
        }
        let mut numbers = Vec::new();
        for image in said {
            for tag in image.names.iter().flatten() {
                let number = self.number(tag);
                let nodes = &mut self.all[number as usize].nodes;
                let this = (created, name.clone(), image.size_bytes.unwrap_or_default());
                if !nodes.iter().any(|(_, node, _)| node == name) {
                    let at = nodes.partition_point(|other| *other < this);
                    nodes.insert(at, this);
                    numbers.push(number);
                }
            }
        }
        for number in before {
            let image = &self.all[*number as usize];
            if image.nodes.is_empty() {
                self.numbers.remove(&image.name);
                self.free.push(*number);
            }
        }
        order::sort(&mut numbers);
        numbers
    }

    fn number(&mut self, tag: &str) -> u32 {
        if let Some(number) = self.numbers.get(tag) {
            return *number;
        }
        let number = self.free.pop().unwrap_or(self.all.len() as u32);
        if number as usize == self.all.len() {
            self.all.push(Image::default());
        }
        self.all[number as usize].name = tag.into();
        self.numbers.insert(tag.into(), number);
        number
    }

    /// The image of that name as part of a score: its number, and its bytes times the share of nodes that have it. As
    /// upstream computes it, in floating point.
    pub(super) fn worth(&self, name: &str, nodes: u32) -> Option<(u32, i64)> {
        let number = *self.numbers.get(name)?;
        let image = &self.all[number as usize];
        let (_, _, bytes) = image.nodes.first()?;
        let share = image.nodes.len() as f64 / f64::from(nodes);
        Some((number, (*bytes as f64 * share) as i64))
    }

    /// Whether a node has an image.
    pub(super) fn has(node: &NodeInfo, number: u32) -> bool {
        node.images.binary_search(&number).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Images;
    use crate::api::Name;
    use crate::time::Time;
    use k8s_openapi::api::core::v1 as k8s;

    #[test]
    fn images_that_no_node_has_any_more_are_forgotten() {
        let mut images = Images::default();
        let image = |name: &str| k8s::ContainerImage { names: Some(vec![name.to_owned()]), size_bytes: Some(1) };
        let (mut before, node) = (Vec::new(), Name::from("n"));
        for number in 0..1_000 {
            let said = [image("kept"), image(&format!("i-{number}")), image(&format!("i-{}", number + 1))];
            before = images.set(&before, &node, Time(0), &said);
            assert_eq!((before.len(), images.numbers.len()), (3, 3));
            assert!(images.all.len() <= 4);
        }
        images.set(&before, &node, Time(0), &[]);
        assert!(images.numbers.is_empty());
    }
}
