//! The way from a host to the control plane.

use crate::driver::DriverHandle;
use kubarium_core::api::Name;
use kubarium_core::runtime::RuntimeEvent;

/// Tells the control plane what was seen on one host.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    pub(super) driver: DriverHandle,
    pub(super) node: Name,
}

impl Reporter {
    /// Tells. Where the control plane has ended, nobody wants to know any more.
    pub(super) async fn tell(&self, event: RuntimeEvent) {
        let _ = self.driver.runtime(&self.node, event).await;
    }
}
