//! Names that many objects say alike.

use super::Name;
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A name that many objects have in common, such as that of their namespace or their node. They share it, so that it
/// takes a third of the room of a name of one's own. Compared by content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommonName(Arc<Name>);

impl CommonName {
    /// The name, as one of one's own.
    pub fn to_name(&self) -> Name {
        Name::clone(&self.0)
    }
}

impl Default for CommonName {
    fn default() -> Self {
        static EMPTY: OnceLock<CommonName> = OnceLock::new();
        EMPTY.get_or_init(|| Self(Arc::default())).clone()
    }
}

impl Deref for CommonName {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.0
    }
}

impl Borrow<str> for CommonName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Name> for CommonName {
    fn from(name: Name) -> Self {
        if name.is_empty() { Self::default() } else { Self(Arc::new(name)) }
    }
}

impl From<&Name> for CommonName {
    fn from(name: &Name) -> Self {
        Self::from(name.clone())
    }
}

impl From<String> for CommonName {
    fn from(name: String) -> Self {
        Self::from(Name::from(name))
    }
}

impl From<&str> for CommonName {
    fn from(name: &str) -> Self {
        Self::from(Name::from(name))
    }
}

impl fmt::Debug for CommonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CommonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for CommonName {
    fn eq(&self, other: &str) -> bool {
        self.0.as_str() == other
    }
}

impl PartialEq<&str> for CommonName {
    fn eq(&self, other: &&str) -> bool {
        self.0.as_str() == *other
    }
}

impl PartialEq<Name> for CommonName {
    fn eq(&self, other: &Name) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<CommonName> for Name {
    fn eq(&self, other: &CommonName) -> bool {
        *self == *other.0
    }
}
