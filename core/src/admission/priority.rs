//! A pod's priority: its class's, the default class's, or none.

use crate::api::{ApiError, Document, Kind, Object};
use crate::store::Store;
use k8s_openapi::api::core::v1::PodSpec;

const PREEMPT: &str = "PreemptLowerPriority";

fn classes(store: &Store) -> impl Iterator<Item = (&Object, &Document)> {
    store.list(Kind::PriorityClass, None).filter_map(|class| Some((&**class, class.document()?)))
}

fn value(class: &Document) -> i32 {
    class.number(&["value"]).and_then(|value| i32::try_from(value).ok()).unwrap_or_default()
}

/// The class of pods that name none; of several, the lowest.
fn default_class(store: &Store) -> Option<(&Object, &Document)> {
    classes(store).filter(|(_, class)| class.at(&["globalDefault"]) == true).min_by_key(|(_, class)| value(class))
}

/// Whether there is a class of pods that name none.
pub(super) fn has_default(store: &Store) -> bool {
    default_class(store).is_some()
}

/// Gives a pod the priority of its class. The error says what it may not say itself.
pub(super) fn resolve(store: &Store, spec: &mut PodSpec) -> Result<(), String> {
    let named = spec.priority_class_name.clone().filter(|name| !name.is_empty());
    let class = match &named {
        Some(name) => {
            let class = store.get(Kind::PriorityClass, "", name).and_then(|class| class.document());
            Some(class.ok_or_else(|| format!("no PriorityClass with name {name} was found"))?)
        }
        None => default_class(store).map(|(object, class)| {
            spec.priority_class_name = Some(object.meta.name.to_string());
            class
        }),
    };
    let priority = class.map_or(0, value);
    let policy = class.map(|class| class.text(&["preemptionPolicy"])).filter(|p| !p.is_empty()).unwrap_or(PREEMPT);
    if let Some(said) = spec.priority.filter(|said| *said != priority) {
        return Err(format!(
            "the integer value of priority ({said}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        ));
    }
    if let Some(said) = spec.preemption_policy.as_deref().filter(|said| *said != policy) {
        return Err(format!(
            "the string value of PreemptionPolicy ({said}) must not be provided in pod spec; priority admission \
             controller computed {policy} from the given PriorityClass name"
        ));
    }
    spec.priority = Some(priority);
    spec.preemption_policy = Some(policy.to_owned());
    Ok(())
}

/// Refuses a second class that is for pods that name none.
pub(crate) fn check_class(store: &Store, new: &Object) -> Result<(), ApiError> {
    let is_default = new.document().is_some_and(|class| class.at(&["globalDefault"]) == true);
    match default_class(store).filter(|(other, _)| is_default && other.meta.name != new.meta.name) {
        Some((other, _)) => {
            let name = &other.meta.name;
            let why = format!("PriorityClass {name} is already marked as default. Only one default can exist");
            Err(ApiError::forbidden(Kind::PriorityClass, &new.meta.name, &why))
        }
        None => Ok(()),
    }
}
