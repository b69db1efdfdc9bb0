//! What a command is about: `pods`, `pod a b`, `pod/a svc/b`, `all -l x=y`.

use crate::call::Call;
use crate::delete::NOTHING_NAMED;
use crate::discovery::Resource;
use crate::failure::Failure;
use crate::go::{items, text};

/// An object, or all objects of a resource, that a command is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Resource,
    /// Empty for all, and for what is in none.
    pub(crate) namespace: String,
    /// None for all.
    pub(crate) name: Option<String>,
}

impl Target {
    /// Its path.
    pub(crate) fn path(&self) -> String {
        match &self.name {
            Some(name) => self.resource.object(&self.namespace, name),
            None => self.resource.collection(&self.namespace),
        }
    }
}

/// What the words of a command name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub(crate) list: Vec<Target>,
    /// Whether exactly one object is named.
    pub(crate) one: bool,
}

/// How objects may be named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Naming {
    /// A type alone stands for all its objects.
    pub(crate) type_alone: bool,
    /// All objects of a type, as `--all` says.
    pub(crate) all: bool,
}

impl Call<'_> {
    /// Finds out what words are about.
    pub(crate) async fn targets(&self, words: &[String], naming: Naming) -> Result<Targets, Failure> {
        let resources = self.session.resources(self).await?;
        let selector = !self.given.text("selector").is_empty();
        let selected = selector || !self.given.text("field-selector").is_empty();
        let target = |resource: &Resource, name: Option<&str>| Target {
            resource: resource.clone(),
            namespace: if resource.namespaced && !self.everywhere() { self.namespace() } else { String::new() },
            name: name.map(str::to_owned),
        };
        if naming.all && selector {
            return Err(Failure::error("setting 'all' parameter but found a non empty selector. "));
        }
        if words.iter().any(|word| word.contains('/')) {
            let mut list = Vec::new();
            for word in words {
                let mut parts = word.split('/');
                let (kind, name) = match (parts.next(), parts.next(), parts.next()) {
                    (Some(kind), Some(name), None) if !kind.is_empty() && !name.is_empty() => (kind, name),
                    (_, None, _) => {
                        return Err(Failure::error(format!(
                            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl {0} resource/<resource_name>' instead of 'kubectl {0} resource resource/<resource_name>'",
                            self.command.split(' ').next().unwrap_or_default()
                        )));
                    }
                    (_, _, Some(_)) => {
                        return Err(Failure::error("arguments in resource/name form may not have more than one slash"));
                    }
                    _ => {
                        return Err(Failure::error(
                            "arguments in resource/name form must have a single resource and name",
                        ));
                    }
                };
                list.push(target(resources.expect(kind)?, Some(name)));
            }
            if selected || naming.all {
                return Err(Failure::error(
                    "selectors and the all flag cannot be used when passing resource/name arguments",
                ));
            }
            if self.everywhere() {
                return Err(Failure::error("a resource cannot be retrieved by name across all namespaces"));
            }
            let one = list.len() == 1;
            return Ok(Targets { list, one });
        }
        let Some((kinds, names)) = words.split_first() else { return Ok(Targets::default()) };
        let kinds = resources.several(kinds)?;
        if names.is_empty() {
            if !(naming.type_alone || naming.all || selected) {
                return Err(Failure::error("resource(s) were provided, but no name was specified"));
            }
            return Ok(Targets { list: kinds.into_iter().map(|kind| target(kind, None)).collect(), one: false });
        }
        if selected {
            return Err(Failure::error("name cannot be provided when a selector is specified"));
        }
        if naming.all {
            return Err(Failure::error("name cannot be provided when --all is specified"));
        }
        if self.everywhere() && kinds.iter().any(|kind| kind.namespaced) {
            return Err(Failure::error("a resource cannot be retrieved by name across all namespaces"));
        }
        let list = kinds.iter().flat_map(|kind| names.iter().map(|name| target(kind, Some(name)))).collect::<Vec<_>>();
        let one = list.len() == 1;
        Ok(Targets { list, one })
    }

    /// The objects that words, selectors or manifests name, one by one.
    pub(crate) async fn named(&self, naming: Naming) -> Result<Vec<Target>, Failure> {
        if !self.given.list("filename").is_empty() {
            let mut targets = Vec::new();
            for manifest in self.manifests(false).await? {
                let manifest = manifest?;
                let name = Some(manifest.name().to_owned());
                targets.push(Target { resource: manifest.resource, namespace: manifest.namespace, name });
            }
            return Ok(targets);
        }
        if self.arguments().is_empty() {
            return Err(Failure::error(NOTHING_NAMED));
        }
        self.named_by(self.arguments(), naming).await
    }

    /// The objects that these words and the selectors name, one by one.
    pub(crate) async fn named_by(&self, words: &[String], naming: Naming) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        for target in self.targets(words, naming).await?.list {
            if target.name.is_some() {
                targets.push(target);
                continue;
            }
            let list = self.get(&target.path(), &self.selectors(), "application/json").await?;
            targets.extend(items(&list, "/items").iter().map(|object| Target {
                resource: target.resource.clone(),
                namespace: text(object, "/metadata/namespace").to_owned(),
                name: Some(text(object, "/metadata/name").to_owned()),
            }));
        }
        Ok(targets)
    }

    /// The selectors of the command, as a query has them.
    pub(crate) fn selectors(&self) -> [(&'static str, &str); 2] {
        [("labelSelector", self.given.text("selector")), ("fieldSelector", self.given.text("field-selector"))]
    }
}
