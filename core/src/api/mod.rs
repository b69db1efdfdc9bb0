//! Kubernetes' objects as the core keeps them: its schema, its defaults and its rules, in a form that is
//! small and shared. Knows nothing of stores, requests or machines.

pub mod base64;
mod codec;
mod common_name;
pub mod defaulting;
mod document;
mod ephemeral;
mod error;
mod event;
pub mod granted;
mod kind;
mod managed;
mod meta;
pub mod names;
mod object;
mod pod;
mod pod_resources;
pub mod priority;
mod quantity;
pub(crate) mod resources;
mod selector;
pub mod table;
pub(crate) mod text;
mod typed;
#[cfg(feature = "described")]
mod upstream_form;
pub mod validation;

pub(crate) use codec::{decode, encode};
pub use common_name::CommonName;
pub use document::Document;
pub use ephemeral::as_container;
pub use error::{ApiError, Cause, Details, Reason};
pub use event::{EventBody, EventKind, Occasion, Referent};
pub use granted::Granted;
pub use kind::{Kind, KindInfo};
pub(crate) use managed::managed_text;
pub use managed::{Managed, ManagedFields, Operation, When};
pub(crate) use meta::shared_labels;
pub use meta::{Deletion, Labels, Meta, MetaRest, Uid};
pub use object::{Body, DecodeError, Key, Object};
pub use pod::{
    Condition, ConditionKind, ConditionStatus, ContainerState, ContainerStatus, PodBody, PodPhase, PodStatus, QosClass,
    RarerStatus, SharedSpec, Terminated,
};
pub use quantity::{Quantity, QuantityError};
pub use selector::{Selector, SelectorError};
pub use typed::Typed;
pub(crate) use typed::{copy, same};

/// A name, namespace or other short word: cheap to clone, compared by content.
pub type Name = smol_str::SmolStr;
