//! Questions to a scheduler from the command line: why a pod is where it is, and what would be if.
//!
//! Asked of a server, or of a scenario that is played first. The answers are documents of the API; here they are only
//! told.

mod explain;
mod fit;
mod place;
mod survive;
mod text;

pub use explain::{ExplainArguments, run as explain};
pub use fit::{FitArguments, run as fit};
pub use survive::{SurviveArguments, run as survive};
