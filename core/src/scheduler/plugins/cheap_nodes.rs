//! `CheapNodes`: the better, the less a node costs by its label `example.com/price`, in cents an hour.

use super::{Plugin, score};
use crate::scheduler::configuration::{fields, number};
use crate::scheduler::framework::{AnyScore, SCORE_MAX, Score};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use serde_json::Value;

pub(super) const PLUGIN: Plugin = Plugin { name: "CheapNodes", filter: None, score: Some(CheapNodes::read) };

struct CheapNodes {
    /// What costs as much, or does not say, scores nothing.
    most: i64,
}

impl CheapNodes {
    /// Of its arguments in the configuration.
    fn read(args: &Value) -> Result<AnyScore, String> {
        fields(args, "args", &["mostCents"])?;
        Ok(score(Self { most: number(&args["mostCents"], 100, 1..=1_000_000, "args.mostCents")? }))
    }
}

impl Score for CheapNodes {
    fn name(&self) -> &'static str {
        PLUGIN.name
    }

    fn score(&self, _pod: &PodClass, node: &NodeInfo) -> i32 {
        let cents = node.labels.get("example.com/price").and_then(|label| label.parse().ok()).unwrap_or(self.most);
        (i64::from(SCORE_MAX) * (self.most - cents.clamp(0, self.most)) / self.most) as i32
    }
}
