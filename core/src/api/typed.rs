//! Values of Kubernetes' large types.

use super::codec::{decode, encode};
use super::text::SpecText;
use k8s_openapi::api::core::v1::PodSpec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// A value of one of Kubernetes' large types, which is mostly shared: rarely compared with another, hardly ever copied.
///
/// Both go by way of its document. So no type within types within the type brings code for it, which together would be
/// a sixtieth of the page.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed<T> {
    value: T,
    /// A pod's spec as text, once somebody asked for it: replicas share that as well.
    #[serde(skip)]
    text: OnceLock<SpecText>,
}

impl<T> Typed<T> {
    /// A value.
    pub const fn new(value: T) -> Self {
        Self { value, text: OnceLock::new() }
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl Typed<PodSpec> {
    /// The spec as text.
    pub(super) fn text(&self) -> &SpecText {
        self.text.get_or_init(|| SpecText::of(&self.value))
    }
}

impl<T: Default + Serialize> Typed<T> {
    /// A value, unless it says nothing.
    pub fn of(value: T) -> Option<Box<Self>> {
        let value = Self::new(value);
        (value != Self::default()).then(|| Box::new(value))
    }
}

/// Whether two values of one of Kubernetes' large types are equal.
pub(crate) fn same<T: Serialize>(one: &T, other: &T) -> bool {
    std::ptr::eq(one, other) || encode(one) == encode(other)
}

/// A copy of a value of one of Kubernetes' large types.
pub(crate) fn copy<T: Serialize + DeserializeOwned + Default>(value: &T) -> T {
    // What a type wrote it also reads.
    decode(&encode(value)).unwrap_or_default()
}

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Typed<T> {
    fn deref_mut(&mut self) -> &mut T {
        // It may say something else from now on.
        self.text = OnceLock::new();
        &mut self.value
    }
}

impl<T: Serialize + DeserializeOwned + Default> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Self::new(copy(&self.value))
    }
}

impl<T: Serialize> PartialEq for Typed<T> {
    fn eq(&self, other: &Self) -> bool {
        same(&self.value, &other.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn spec(image: &str) -> Arc<Typed<PodSpec>> {
        let document = json!({
            "containers": [{"name": "a", "image": image, "ports": [{"containerPort": 80}], "args": []}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "c", "configMap": {"optional": true}}],
            "tolerations": [{"operator": "Exists", "tolerationSeconds": 300}],
        });
        Arc::new(Typed::new(decode(&document).unwrap()))
    }

    #[test]
    fn a_shared_value_is_copied_to_be_written_and_one_of_ones_own_is_not() {
        let first = spec("nginx");
        let mut second = Arc::clone(&first);
        Arc::make_mut(&mut second).containers[0].image = Some("redis".to_owned());
        assert_eq!(first, spec("nginx"));
        assert_eq!(second, spec("redis"));

        let before = Arc::as_ptr(&second);
        Arc::make_mut(&mut second).containers[0].image = Some("nginx".to_owned());
        assert_eq!(Arc::as_ptr(&second), before);
        assert_eq!(first, second, "equal again, though never one value");
    }

    #[test]
    fn an_empty_list_is_not_the_same_as_none() {
        let mut other = spec("nginx");
        Arc::make_mut(&mut other).containers[0].args = None;
        assert_ne!(other, spec("nginx"));
    }
}
