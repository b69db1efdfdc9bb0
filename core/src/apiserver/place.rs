//! Where in a document a value stands: put into words only where somebody asks, for most values are as they should be.

use std::fmt;

/// The way to a value from the root of its document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// The document itself.
    Root,
    /// A field of a structure.
    Field(&'a Place<'a>, &'a str),
    /// An entry of a map of strings.
    Entry(&'a Place<'a>, &'a str),
    /// An item of a list.
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    /// As Go's decoder names it: the fields alone.
    pub(super) fn fields(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Field(Self::Root, name) => (*name).to_owned(),
            Self::Field(outer, name) => {
                let outer = outer.fields();
                if outer.is_empty() { (*name).to_owned() } else { format!("{outer}.{name}") }
            }
            Self::Entry(outer, _) | Self::Item(outer, _) => outer.fields(),
        }
    }
}

/// Such as `spec.containers[0].image`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) | Self::Entry(Self::Root, name) => f.write_str(name),
            Self::Field(outer, name) | Self::Entry(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_named_with_indices_and_as_go_names_it() {
        let spec = Place::Field(&Place::Root, "spec");
        let containers = Place::Field(&spec, "containers");
        let first = Place::Item(&containers, 0);
        let limits = Place::Field(&first, "limits");
        let cpu = Place::Entry(&limits, "cpu");
        assert_eq!(cpu.to_string(), "spec.containers[0].limits.cpu");
        assert_eq!(cpu.fields(), "spec.containers.limits");
        assert_eq!(Place::Item(&Place::Root, 3).to_string(), "[3]");
        assert_eq!(Place::Root.to_string(), "");
    }
}
