//! The scenarios Kubarium comes with, by name.

use super::scenario::Scenario;
use crate::manifest::ManifestError;

/// A scenario Kubarium comes with.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name, such as `demo`.
    pub name: &'static str,
    /// Its text, YAML.
    pub text: &'static str,
}

impl Shipped {
    /// Reads it. A test keeps all of them readable.
    pub fn scenario(&self) -> Result<Scenario, ManifestError> {
        Scenario::parse(self.text)
    }
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../../assets/scenarios/", $name, ".yaml")) }),*]
    };
}

/// All of them, `demo` first, the others from simple to involved.
pub const fn shipped() -> &'static [Shipped] {
    shipped![
        "demo",
        "three-nginx",
        "fifty-replicas",
        "node-failure",
        "cluster-too-small",
        "crash-loop",
        "label-surgery",
    ]
}
