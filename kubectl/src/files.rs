//! Manifests that a command reads: what is pasted, typed, or given by a here-document.

use crate::call::Call;
use crate::discovery::Resource;
use crate::failure::Failure;
use crate::go::{quoted, text};
use kubarium_core::manifest;
use serde_json::Value;

/// An object of a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// The file, or `STDIN`.
    pub(crate) source: String,
    pub(crate) object: Value,
    pub(crate) resource: Resource,
    /// Empty for what is in none.
    pub(crate) namespace: String,
}

impl Manifest {
    /// Its name; empty where the API shall make one.
    pub(crate) fn name(&self) -> &str {
        text(&self.object, "/metadata/name")
    }

    /// The path of the object.
    pub(crate) fn path(&self) -> String {
        self.resource.object(&self.namespace, self.name())
    }
}

impl Call<'_> {
    /// The text of a file; `-` for what is typed.
    pub(crate) async fn text_of(&self, file: &str) -> Result<String, Failure> {
        if file == "-"
            && let Some(input) = self.input
        {
            return Ok(input.to_owned());
        }
        match self.host.read(file).await {
            Some(text) => Ok(text),
            None if file == "-" => Err(Failure::error("no manifest was given")),
            None => Err(Failure::error(format!("the path {} does not exist", quoted(file)))),
        }
    }

    /// All objects of the files that the command names, in order; of what cannot be read, why.
    pub(crate) async fn manifests(&self, strict: bool) -> Result<Vec<Result<Manifest, Failure>>, Failure> {
        let mut all = Vec::new();
        for file in self.given.list("filename") {
            let source = if file == "-" { "STDIN" } else { file };
            let content = self.text_of(file).await?;
            for document in manifest::documents(&content) {
                match document {
                    Ok(document) => all.push(self.manifest(source, document.value, strict).await),
                    Err(error) => {
                        all.push(Err(Failure::error(format!(
                            "error parsing {source}: error converting YAML to JSON: yaml: line {}: {}",
                            error.place.line, error.message
                        ))));
                        break;
                    }
                }
            }
        }
        Ok(all)
    }

    async fn manifest(&self, source: &str, mut object: Value, strict: bool) -> Result<Manifest, Failure> {
        let (api_version, kind) = (text(&object, "/apiVersion").to_owned(), text(&object, "/kind").to_owned());
        let missing: Vec<&str> = [("apiVersion not set", &api_version), ("kind not set", &kind)]
            .into_iter()
            .filter(|(_, word)| word.is_empty())
            .map(|(what, _)| what)
            .collect();
        if !missing.is_empty() {
            let what =
                if let [one] = missing.as_slice() { (*one).to_owned() } else { format!("[{}]", missing.join(", ")) };
            return Err(Failure::error(if strict {
                format!(
                    "error validating {}: error validating data: {what}; if you choose to ignore these errors, turn validation off with --validate=false",
                    quoted(source)
                )
            } else {
                format!("unable to decode {}: Object 'Kind' is missing in '{object}'", quoted(source))
            }));
        }
        let resources = self.session.resources(self).await?;
        let given = text(&object, "/metadata/namespace").to_owned();
        let Some(resource) = resources.of_type(&api_version, &kind) else {
            return Err(Failure::error(format!(
                "resource mapping not found for name: {} namespace: {} from {}: no matches for kind {} in version {}\nensure CRDs are installed first",
                quoted(text(&object, "/metadata/name")),
                quoted(&given),
                quoted(source),
                quoted(&kind),
                quoted(&api_version)
            )));
        };
        let namespace = if !resource.namespaced {
            String::new()
        } else if given.is_empty() {
            self.namespace()
        } else if self.enforces_namespace() && given != self.namespace() {
            return Err(Failure::error(format!(
                "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={given}' to perform this operation.",
                quoted(&given),
                quoted(&self.namespace())
            )));
        } else {
            given
        };
        if resource.namespaced
            && let Some(fields) = object.as_object_mut()
            && let Some(metadata) =
                fields.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new())).as_object_mut()
        {
            metadata.insert("namespace".to_owned(), namespace.as_str().into());
        }
        Ok(Manifest { source: source.to_owned(), object, resource: resource.clone(), namespace })
    }

    /// How unknown fields are dealt with, as a query says it.
    pub(crate) fn validation(&self) -> Result<&'static str, Failure> {
        match self.given.text("validate") {
            "strict" | "true" => Ok("Strict"),
            "warn" => Ok("Warn"),
            "ignore" | "false" => Ok("Ignore"),
            other => Err(Failure::error(format!(
                "invalid - validate option {}; must be one of: strict (or true), warn, ignore (or false)",
                quoted(other)
            ))),
        }
    }
}
