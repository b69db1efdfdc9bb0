//! The one loop that owns the control plane: inputs in, then answers and effects out.
//!
//! There are two, and the rest of the server sees no difference: [`live`](start) drives a cluster in real time, makes
//! every change durable and hands its effects to machines; [`simulated`](simulate) lets the virtual time of a world run.
//! Who only reads looks at the state past the loop. Nothing here decides anything.

mod commit;
mod event;
mod handle;
mod live;
mod place;
mod simulated;

pub use event::{Event, Goal, Order, Refused};
pub use handle::{Closed, DriverHandle};
pub use live::{EffectSink, Observer, start};
pub use place::{Clock, Simulation};
pub use simulated::simulate;

use crate::failure::Failure;
use tokio::sync::oneshot;

/// How many inputs are taken together at most.
const BATCH_INPUTS_MAX: usize = 256;

/// How many inputs wait before those who bring more have to.
const QUEUE_INPUTS_MAX: usize = 1_024;

/// Runs a loop on a thread of its own. What it ends with comes out.
fn spawn(
    work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
) -> Result<oneshot::Receiver<Result<(), Failure>>, Failure> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || {
            // Nobody waits for it any more where the server is on its way out.
            let _ = ended.send(work());
        })
        .map_err(|e| Failure::running(format!("cannot start a thread: {e}")))?;
    Ok(end)
}
