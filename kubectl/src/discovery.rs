//! Which resources there are, as discovery says, and what people call them.

use crate::call::Call;
use crate::failure::Failure;
use crate::go::{items, quoted, text};
use serde_json::Value;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
    /// Parts with a path of their own, such as `scale`.
    pub(crate) parts: Vec<String>,
}

impl Resource {
    /// `v1` or `group/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pod`, or `poddisruptionbudget.policy`: what stands before the name of an object.
    pub(crate) fn word(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// `pods`, or `poddisruptionbudgets.policy`.
    pub(crate) fn full_plural(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// All resources, in the order of discovery.
#[derive(Clone, Debug)]
pub(crate) struct Resources(pub(crate) Vec<Resource>);

impl Resources {
    /// Asks the API.
    pub(crate) async fn ask(call: &Call<'_>) -> Result<Self, Failure> {
        let mut all = Vec::new();
        for path in ["/api", "/apis"] {
            let groups = call.get(path, &[], AGGREGATED).await?;
            for group in items(&groups, "/items") {
                let name = text(group, "/metadata/name");
                // The preferred version comes first.
                for version in items(group, "/versions").iter().take(1) {
                    // Some have nothing but parts.
                    let found = items(version, "/resources").iter().filter(|found| !items(found, "/verbs").is_empty());
                    all.extend(found.map(|resource| read(resource, name, text(version, "/version"))));
                }
            }
        }
        if all.is_empty() {
            return Err(Failure::error("the server does not say which resources it has"));
        }
        Ok(Self(all))
    }

    /// The resource that people call so: plural, singular, short name or kind, with or without `.version` and `.group`.
    pub(crate) fn find(&self, word: &str) -> Option<&Resource> {
        let (name, rest) = word.split_once('.').map_or((word, None), |(name, rest)| (name, Some(rest)));
        let name = name.to_lowercase();
        let in_group = |resource: &&Resource| {
            rest.is_none_or(|rest| {
                rest == resource.group
                    || rest == format!("{}.{}", resource.version, resource.group).trim_end_matches('.')
            })
        };
        let by = |is: &dyn Fn(&Resource) -> bool| self.0.iter().find(|r| in_group(r) && is(r));
        by(&|r| r.plural == name || r.singular == name)
            .or_else(|| by(&|r| r.short_names.contains(&name)))
            .or_else(|| by(&|r| r.kind.to_lowercase() == name && r.verbs.iter().any(|verb| verb == "get")))
    }

    /// The same; that there is none is a failure.
    pub(crate) fn expect(&self, word: &str) -> Result<&Resource, Failure> {
        let unknown = || Failure::error(format!("the server doesn't have a resource type {}", quoted(word)));
        self.find(word).ok_or_else(unknown)
    }

    /// All that a comma-separated word stands for; categories such as `all` among it.
    pub(crate) fn several(&self, words: &str) -> Result<Vec<&Resource>, Failure> {
        let mut found: Vec<&Resource> = Vec::new();
        for word in words.split(',') {
            let of_category: Vec<&Resource> =
                self.0.iter().filter(|r| r.categories.iter().any(|category| category == word)).collect();
            if of_category.is_empty() {
                if word.is_empty() {
                    return Err(Failure::error("arguments in resource/name form must have a single resource and name"));
                }
                found.push(self.expect(word)?);
            } else {
                found.extend(of_category);
            }
        }
        let mut seen: Vec<&Resource> = Vec::new();
        found.retain(|resource| {
            let new = !seen.contains(resource);
            seen.push(resource);
            new
        });
        Ok(found)
    }

    /// The resource whose objects say that they are of this type.
    pub(crate) fn of_type(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        self.0.iter().find(|r| r.kind == kind && r.api_version() == api_version)
    }
}

fn read(value: &Value, group: &str, version: &str) -> Resource {
    let words = |pointer: &str| items(value, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(value, "/responseKind/kind").to_owned(),
        plural: text(value, "/resource").to_owned(),
        singular: text(value, "/singularResource").to_owned(),
        short_names: words("/shortNames"),
        categories: words("/categories"),
        namespaced: text(value, "/scope") == "Namespaced",
        verbs: words("/verbs"),
        parts: items(value, "/subresources").iter().map(|part| text(part, "/subresource").to_owned()).collect(),
    }
}
