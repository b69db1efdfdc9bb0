//! The address: everything selected, filtered and scrolled to, so that a link shows what the sender saw.
//!
//! It lives in the fragment (`#/pods?q=web&sel=Pod/default/web-1`), which works from a plain file server too.

use kubarium_core::order;
use yew::prelude::*;

/// A page of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    #[default]
    Dashboard,
    Explore,
    Nodes,
    Pods,
    Controllers,
    Services,
    Events,
}

impl Page {
    pub(crate) const ALL: [Self; 7] =
        [Self::Dashboard, Self::Explore, Self::Nodes, Self::Pods, Self::Controllers, Self::Services, Self::Events];

    /// Its word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Explore => "explore",
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Controllers => "controllers",
            Self::Services => "services",
            Self::Events => "events",
        }
    }
}

/// Which cluster is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum World {
    /// The simulated one in the page's worker.
    #[default]
    Simulation,
    /// That of the server the page came from.
    Live,
}

/// The selected object: kind as in objects (`Pod`), namespace (empty for kinds without), name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Selection {
    pub(crate) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        (!kind.is_empty() && !name.is_empty()).then(|| Self::new(kind, namespace, name))
    }
}

/// What else an address says. Each is text; who uses a field reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// Words to search for.
    Search,
    /// Only this namespace.
    Namespace,
    /// Only pods in this state ([`kubarium_core::view::PodState::as_str`]).
    State,
    /// Only pods on this node.
    Node,
    /// Only what this label selector matches.
    Labels,
    /// Which label pods are grouped by.
    Group,
    /// Column a table is sorted by; a leading `-` turns the order round.
    Sort,
    /// Tab of the inspector.
    Tab,
    /// The first row in sight of a list.
    Scroll,
    /// The map's scale and the point of it that is in the middle; all of it where empty.
    Camera,
    /// The open dialog.
    Dialog,
    /// The scenario, as a word that [`super::scenario`] knows.
    Scenario,
    /// Whether the console is open: then `open`.
    Console,
}

impl Field {
    const ALL: [(Self, &'static str); 13] = [
        (Self::Search, "q"),
        (Self::Namespace, "ns"),
        (Self::State, "state"),
        (Self::Node, "node"),
        (Self::Labels, "labels"),
        (Self::Group, "by"),
        (Self::Sort, "sort"),
        (Self::Tab, "tab"),
        (Self::Scroll, "y"),
        (Self::Camera, "camera"),
        (Self::Dialog, "dialog"),
        (Self::Scenario, "scenario"),
        (Self::Console, "console"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(field, _)| *field == self).map_or("", |(_, word)| word)
    }
}

/// Where the page is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) page: Page,
    pub(crate) world: World,
    pub(crate) selection: Option<Selection>,
    fields: order::Map<Field, String>,
}

impl Address {
    /// Reads a fragment. What it does not know it leaves out: an old link still leads somewhere.
    pub(crate) fn parse(fragment: &str) -> Self {
        let (path, query) = fragment.trim_start_matches('#').split_once('?').unwrap_or((fragment, ""));
        let path = path.trim_start_matches(['#', '/']);
        let mut address =
            Self { page: Page::ALL.into_iter().find(|p| p.as_str() == path).unwrap_or_default(), ..Self::default() };
        for (word, value) in form_urlencoded::parse(query.as_bytes()) {
            match word.as_ref() {
                "world" if value == "live" => address.world = World::Live,
                "sel" => address.selection = Selection::parse(&value),
                word => {
                    if let Some((field, _)) = Field::ALL.iter().find(|(_, w)| *w == word) {
                        address.fields.insert(*field, value.into_owned());
                    }
                }
            }
        }
        address
    }

    /// As a fragment, with `#`.
    pub(crate) fn fragment(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.world == World::Live {
            query.append_pair("world", "live");
        }
        if let Some(s) = &self.selection {
            query.append_pair("sel", &format!("{}/{}/{}", s.kind, s.namespace, s.name));
        }
        for (field, value) in &self.fields {
            query.append_pair(field.word(), value);
        }
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("#/{}{separator}{query}", self.page.as_str())
    }

    /// The value of a field; empty where it has none.
    pub(crate) fn get(&self, field: Field) -> &str {
        self.fields.get(&field).map_or("", String::as_str)
    }

    /// With that value in a field; an empty one removes it.
    #[must_use]
    pub(crate) fn with(mut self, field: Field, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.is_empty() {
            self.fields.remove(&field)
        } else {
            self.fields.insert(field, value)
        };
        self
    }

    /// On that page. Filters stay with the page they were made for, the selection stays.
    #[must_use]
    pub(crate) fn on(&self, page: Page) -> Self {
        let mut next = Self { page, world: self.world, selection: self.selection.clone(), ..Self::default() };
        for field in [Field::Namespace, Field::Camera, Field::Scenario] {
            next = next.with(field, self.get(field));
        }
        next
    }

    /// With that selection.
    #[must_use]
    pub(crate) fn selecting(mut self, selection: Option<Selection>) -> Self {
        self.selection = selection;
        self
    }
}

/// Goes to addresses. Equal for ever, so that it makes no component draw again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Navigator {
    setter: Callback<(Address, bool)>,
    keeper: Callback<(Field, String)>,
}

impl Navigator {
    pub(crate) const fn new(setter: Callback<(Address, bool)>, keeper: Callback<(Field, String)>) -> Self {
        Self { setter, keeper }
    }

    /// Goes there; "back" returns here.
    pub(crate) fn go(&self, address: Address) {
        self.setter.emit((address, true));
    }

    /// Changes the address in place: for typing, which "back" should not undo step by step.
    pub(crate) fn replace(&self, address: Address) {
        self.setter.emit((address, false));
    }

    /// Changes one field of whatever address it then is, in place: for scrolling and zooming, noted a little later.
    pub(crate) fn keep(&self, field: Field, value: String) {
        self.keeper.emit((field, value));
    }
}

/// The present address.
#[hook]
pub(crate) fn use_address() -> Address {
    use_context::<Address>().unwrap_or_default()
}

/// The way to other addresses.
#[hook]
pub(crate) fn use_navigator() -> Navigator {
    use_context::<Navigator>().unwrap_or_else(|| Navigator::new(Callback::noop(), Callback::noop()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_what_it_wrote() {
        for address in [
            Address::default(),
            Address { page: Page::Pods, ..Address::default() },
            Address { world: World::Live, page: Page::Explore, ..Address::default() }
                .with(Field::Group, "app.kubernetes.io/name"),
            Address::default()
                .selecting(Some(Selection::new("Pod", "default", "web-1")))
                .with(Field::Search, "a&b=c #?é 名"),
            Address::default().selecting(Some(Selection::new("Node", "", "node-1"))),
        ] {
            assert_eq!(Address::parse(&address.fragment()), address, "{}", address.fragment());
        }
    }

    #[test]
    fn what_an_address_does_not_know_is_left_out() {
        for odd in ["", "#", "#/", "#/nowhere", "#/dashboard?what=1&sel=Pod&q", "?", "#/dashboard?sel=//x&q="] {
            let address = Address::parse(odd);
            assert_eq!(address.page, Page::Dashboard, "{odd}");
            assert_eq!(address.selection, None, "{odd}");
        }
    }

    #[test]
    fn another_page_keeps_the_selection_and_drops_the_filters() {
        let pods = Address { page: Page::Pods, ..Address::default() }
            .with(Field::Search, "web")
            .selecting(Some(Selection::new("Pod", "default", "web-1")));
        let nodes = pods.on(Page::Nodes);
        assert_eq!((nodes.get(Field::Search), &nodes.selection), ("", &pods.selection));
    }
}
