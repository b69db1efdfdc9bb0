//! `kubarium serve`: puts the parts together and takes them apart again.

use crate::config::{ServeArguments, Settings};
use crate::failure::Failure;
use crate::logging;

/// `kubarium serve`.
pub fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let settings = Settings::gather(arguments)?;
    logging::start(settings.log_format, settings.log_level);
    Ok(())
}
