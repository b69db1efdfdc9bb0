//! What a status may say.

use crate::api::validation::{FieldError, validate_update};
use crate::api::{Body, Object};
use crate::config::Config;

/// Everything that is wrong with a new status: the object around it is as it was.
pub(super) fn validate(new: &Object, old: &Object, config: &Config) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Body::Service { spec, status } = &new.body {
        let ingress = status.load_balancer.iter().flat_map(|l| l.ingress.iter().flatten()).count();
        if ingress > 0 && spec.type_.as_deref() != Some("LoadBalancer") {
            wrong.push(FieldError {
                reason: "FieldValueForbidden",
                field: "status.loadBalancer.ingress".to_owned(),
                message: "Forbidden: may only be used when `spec.type` is 'LoadBalancer'".to_owned(),
            });
        }
    }
    wrong.extend(validate_update(new, old, config));
    wrong
}
