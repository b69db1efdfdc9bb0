//! What nodes and pods use, asked of the Docker hosts or of the simulated machines.

use super::App;
use kubarium_core::apiserver::{Response, UsageQuery};

/// Asks all machines, and tells what was asked for.
pub(super) async fn tell(app: &App, query: &UsageQuery) -> Response {
    let machines = match &app.hosts {
        Some(hosts) => hosts.usage().await,
        None => app.driver.usage().await,
    };
    app.driver.tell_usage(query, &machines).await
}
