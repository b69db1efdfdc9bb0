//! Instants in a form that is asked for.

/// Forms in the language of C's `strftime`.
pub mod strtime {
    use crate::{Error, Timestamp};

    /// Writes an instant in one of the two forms that Kubernetes' types have: with `%.6f` in microseconds, without it in
    /// whole seconds.
    pub fn format(form: &str, at: Timestamp) -> Result<String, Error> {
        match form {
            "%Y-%m-%dT%H:%M:%SZ" => Ok(format!("{at:.0}")),
            "%Y-%m-%dT%H:%M:%S%.6fZ" => Ok(format!("{at:.6}")),
            _ => Err(Error),
        }
    }
}
