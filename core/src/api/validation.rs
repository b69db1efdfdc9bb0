//! What objects must be, and what is said with which field path when they are not.

use super::Object;
use crate::config::Config;

/// Something wrong with one field, in Kubernetes' own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Kubernetes' word: `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, `FieldValueDuplicate`,
    /// `FieldValueForbidden`, `FieldValueTooLong`, `FieldValueTooMany`.
    pub reason: &'static str,
    /// The field's path, such as `spec.containers[0].name`.
    pub field: String,
    /// The message without the path, such as `Required value`.
    pub message: String,
}

/// Everything that is wrong with a new object.
pub fn validate_create(_object: &Object, _config: &Config) -> Vec<FieldError> {
    Vec::new()
}

/// Everything that is wrong with `new` in place of `old`.
pub fn validate_update(_new: &Object, _old: &Object, _config: &Config) -> Vec<FieldError> {
    Vec::new()
}
