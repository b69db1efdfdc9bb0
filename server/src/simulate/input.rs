//! What to simulate: files of manifests and scenarios, and where in them a mistake is.

use crate::failure::Failure;
use kubarium_core::manifest::{self, Document};
use kubarium_core::sim::{self, ActionError, Manifest, Rejection, Scenario};
use std::io::Read as _;
use std::sync::Arc;

/// Where a manifest came from.
struct Origin {
    file: Arc<str>,
    line: u32,
    index: u32,
    path: String,
}

/// Everything that was read.
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    origins: Vec<Origin>,
}

/// Reads the files in order.
pub(super) fn load(files: &[String]) -> Result<Loaded, Failure> {
    let mut scenario: Option<(Scenario, Origin)> = None;
    let mut manifests = Vec::new();
    let mut origins = Vec::new();
    for file in files {
        let text = read(file)?;
        let name: Arc<str> = file.as_str().into();
        let mut empty = true;
        for document in manifest::documents(&text) {
            let document = document.map_err(|e| Failure::usage(format!("{file}: {e}")))?;
            empty = false;
            if Scenario::is_scenario(&document.value) {
                let read =
                    Scenario::from_document(&text, &document).map_err(|e| Failure::usage(format!("{file}: {e}")))?;
                if let Some((_, other)) = &scenario {
                    let other = &other.file;
                    return Err(Failure::usage(format!("{file}: only one scenario at a time; {other} is one too")));
                }
                let Document { line, index, path, .. } = document;
                scenario = Some((read, Origin { file: Arc::clone(&name), line, index, path }));
            } else {
                let Document { value, line, index, path } = document;
                if !value.is_object() {
                    return Err(Failure::usage(format!("{file}: line {line}: a manifest must be a map")));
                }
                manifests.push(Manifest::from(value));
                origins.push(Origin { file: Arc::clone(&name), line, index, path });
            }
        }
        if empty {
            return Err(Failure::usage(format!("{file}: there is nothing in it")));
        }
    }
    let mut all = Vec::new();
    let mut whole = Scenario::default();
    if let Some((scenario, origin)) = scenario {
        all.extend((0..scenario.manifests.len()).map(|n| Origin {
            file: Arc::clone(&origin.file),
            line: origin.line,
            index: origin.index,
            path: format!("manifests[{n}]"),
        }));
        whole = scenario;
    }
    whole.manifests.extend(manifests);
    all.append(&mut origins);
    Ok(Loaded { scenario: whole, origins: all })
}

fn read(file: &str) -> Result<String, Failure> {
    if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| Failure::usage(format!("standard input: {e}")))?;
        return Ok(text);
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let shipped = sim::shipped().iter().find(|s| s.name == file);
            let names: Vec<&str> = sim::shipped().iter().map(|s| s.name).collect();
            shipped.map(|s| s.text.to_owned()).ok_or_else(|| {
                Failure::usage(format!(
                    "{file}: no such file, nor a scenario of that name; there are {}",
                    names.join(", ")
                ))
            })
        }
        Err(e) => Err(Failure::usage(format!("{file}: {e}"))),
    }
}

impl Loaded {
    /// The failure of a manifest that the API refused.
    pub(super) fn refused(&self, rejection: &Rejection) -> Failure {
        let (field, message) = match &rejection.error {
            ActionError::Refused { field, message, .. } => (field.as_str(), message.clone()),
            other => ("", other.to_string()),
        };
        let Some(origin) = self.origins.get(rejection.manifest as usize) else {
            return Failure::usage(format!("manifests[{}]: {field}: {message}", rejection.manifest));
        };
        // The text is read again only now, to find the line.
        let document = Document {
            value: serde_json::Value::Null,
            line: origin.line,
            index: origin.index,
            path: origin.path.clone(),
        };
        let text = read(&origin.file).unwrap_or_default();
        let error = manifest::error_at(&text, &document, field, message);
        Failure::usage(format!("{}: {error}", origin.file))
    }
}
