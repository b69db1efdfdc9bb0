//! What to simulate: files of manifests and scenarios, and where in them a mistake is.
//!
//! The files are read on a thread of their own. Where no scenario is among them, which would say how the world begins,
//! the world begins at once and takes in one manifest after the other while the next are being read; few of them are in
//! memory at a time.

use super::progress::Progress;
use crate::failure::Failure;
use kubarium_core::apiserver::{Alike, Creation};
use kubarium_core::manifest::{self, Document};
use kubarium_core::sim::{self, ActionError, Manifest, Rejection, Scenario, World};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// How many documents are handed over at once, and how many such batches wait at most: enough that neither thread waits
/// for the other at each of them.
const BATCH: usize = 64;
const BATCHES_WAITING: usize = 4;

/// Where a manifest came from.
pub(super) struct Origin {
    file: Arc<str>,
    line: u32,
    index: u32,
    path: String,
}

/// Where each manifest of a world's scenario came from.
pub(super) struct Origins(Vec<Origin>);

/// What a document of a file is.
enum Piece {
    Scenario(Box<Scenario>),
    /// Which was read ahead as far as the API can without its cluster.
    Manifest(Manifest, Option<Box<Creation>>),
}

type Batch = Vec<(Piece, Origin)>;

/// The text of a file, or why there is none.
struct Text {
    file: Arc<str>,
    text: Result<String, Failure>,
}

/// Reads the files in order, and begins the world that they describe by `start`. What is wrong with a file is said first,
/// then what is wrong with the start, then what the API refuses; where a scenario is read, refusals are still to come.
pub(super) fn begin(
    files: &[String],
    start: impl Fn(Scenario) -> Result<World, Failure>,
    progress: &Progress,
) -> Result<(Origins, World), Failure> {
    let texts: Vec<Text> = files.iter().map(|file| Text { file: file.as_str().into(), text: read(file) }).collect();
    progress.expect(|| texts.iter().map(Text::documents).sum());
    let mut world = if texts.iter().any(Text::may_hold_scenario) { None } else { start(Scenario::default()).ok() };
    let ahead = world.is_some();
    let (mut whole, mut of_scenario) = (Scenario::default(), Vec::new());
    let (mut manifests, mut origins, mut refused) = (Vec::new(), Vec::new(), None);
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(BATCHES_WAITING);
        thread::Builder::new()
            .spawn_scoped(scope, || {
                Reading { sender, ahead, batch: Vec::new(), alike: Alike::default(), scenario: None }.read(texts);
            })
            .map_err(|e| Failure::running(format!("cannot start a thread: {e}")))?;
        for batch in batches {
            for (piece, origin) in batch? {
                match (piece, &mut world) {
                    (Piece::Scenario(scenario), _) => {
                        of_scenario = (0..scenario.manifests.len()).map(|n| origin.below(n)).collect();
                        whole = *scenario;
                    }
                    (Piece::Manifest(manifest, read), Some(world)) if refused.is_none() => {
                        refused = world.take_in(&manifest, read).err().map(|error| (origin, error));
                    }
                    (Piece::Manifest(manifest, _), _) => {
                        manifests.push(manifest);
                        origins.push(origin);
                    }
                }
            }
            if let Some(world) = &world {
                progress.show(world);
            }
        }
        Ok(())
    })?;
    if let Some((origin, error)) = refused {
        return Err(origin.refused(&error));
    }
    if let Some(world) = world {
        return Ok((Origins(Vec::new()), world));
    }
    whole.manifests.extend(manifests);
    progress.expect(|| whole.manifests.len());
    of_scenario.extend(origins);
    Ok((Origins(of_scenario), start(whole)?))
}

/// A thread that reads, and what it has not handed over yet.
struct Reading {
    sender: SyncSender<Result<Batch, Failure>>,
    /// Whether manifests are taken in at once.
    ahead: bool,
    batch: Batch,
    /// What manifests said alike.
    alike: Alike,
    /// The file in which a scenario was found.
    scenario: Option<Arc<str>>,
}

impl Reading {
    fn read(mut self, texts: Vec<Text>) {
        let outcome = texts.into_iter().try_for_each(|text| self.file(text));
        // What came before an error counts for nothing beside it.
        let last = outcome.map(|()| std::mem::take(&mut self.batch));
        let _ = self.sender.send(last);
    }

    fn file(&mut self, Text { file, text }: Text) -> Result<(), Failure> {
        let text = text?;
        let mut empty = true;
        for document in manifest::similar(&text) {
            let document = document.map_err(|e| Failure::usage(format!("{file}: {e}")))?;
            empty = false;
            let piece = self.piece(&file, &text, &document)?;
            let Document { value, line, index, path } = document;
            let piece = piece.unwrap_or_else(|| {
                let manifest = Manifest::from(&value);
                let read = if self.ahead { manifest.read(value, &mut self.alike) } else { None };
                Piece::Manifest(manifest, read)
            });
            self.batch.push((piece, Origin { file: Arc::clone(&file), line, index, path }));
            if self.batch.len() >= BATCH {
                // Who does not listen any more has ended.
                let _ = self.sender.send(Ok(std::mem::take(&mut self.batch)));
            }
        }
        if empty {
            return Err(Failure::usage(format!("{file}: there is nothing in it")));
        }
        Ok(())
    }

    /// The scenario that a document is; none where it is a manifest.
    fn piece(&mut self, file: &Arc<str>, text: &str, document: &Document) -> Result<Option<Piece>, Failure> {
        if Scenario::is_scenario(&document.value) {
            let read = Scenario::from_document(text, document).map_err(|e| Failure::usage(format!("{file}: {e}")))?;
            if let Some(other) = &self.scenario {
                return Err(Failure::usage(format!("{file}: only one scenario at a time; {other} is one too")));
            }
            self.scenario = Some(Arc::clone(file));
            return Ok(Some(Piece::Scenario(Box::new(read))));
        }
        if !document.value.is_object() {
            return Err(Failure::usage(format!("{file}: line {}: a manifest must be a map", document.line)));
        }
        Ok(None)
    }
}

impl Text {
    /// Whether one of its documents may be a scenario: it would say so by that word, or by one with escapes in it.
    fn may_hold_scenario(&self) -> bool {
        self.text.as_ref().is_ok_and(|text| text.contains("Scenario") || text.contains('\\'))
    }

    /// How many documents it has, about.
    fn documents(&self) -> usize {
        self.text.as_ref().map_or(0, |text| 1 + text.matches("\n---").count())
    }
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

impl Origin {
    /// That of a manifest in the scenario that came from here.
    fn below(&self, n: usize) -> Self {
        let Self { file, line, index, .. } = self;
        Self { file: Arc::clone(file), line: *line, index: *index, path: format!("manifests[{n}]") }
    }

    /// The failure of what came from here and was refused by the API.
    fn refused(&self, error: &ActionError) -> Failure {
        let (field, message) = said(error);
        // The text is read again only now, to find the line.
        let Self { file, line, index, path } = self;
        let document = Document { value: serde_json::Value::Null, line: *line, index: *index, path: path.clone() };
        let text = read(file).unwrap_or_default();
        let error = manifest::error_at(&text, &document, field, message);
        Failure::usage(format!("{file}: {error}"))
    }
}

/// The field that an error is about, and what it says.
fn said(error: &ActionError) -> (&str, String) {
    match error {
        ActionError::Refused { field, message, .. } => (field, message.clone()),
        other => ("", other.to_string()),
    }
}

impl Origins {
    /// The failure of a manifest that the API refused.
    pub(super) fn refused(&self, rejection: &Rejection) -> Failure {
        if let Some(origin) = self.0.get(rejection.manifest as usize) {
            return origin.refused(&rejection.error);
        }
        let (field, message) = said(&rejection.error);
        Failure::usage(format!("manifests[{}]: {field}: {message}", rejection.manifest))
    }
}
