//! Recorded cases, as the files hold them.

use super::text;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// One recorded case: requests or command lines, each with its answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub group: String,
    /// The namespace it needs, if any.
    pub namespace: Option<String>,
    /// Files that its command lines name, with their text.
    pub files: Vec<(String, String)>,
    /// What is sent, without the answers.
    pub steps: Vec<Value>,
    /// The recorded answers, one a step.
    pub answers: Vec<Value>,
}

impl Case {
    fn parse(line: &str) -> Result<Self, serde_json::Error> {
        let mut value: Value = serde_json::from_str(line)?;
        let mut steps = value["steps"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let answers =
            steps.iter_mut().map(|s| s.as_object_mut().and_then(|s| s.remove("response")).unwrap_or(json!({})));
        let answers = answers.collect();
        let files = value["files"].as_object().into_iter().flatten();
        Ok(Self {
            name: text(&value, "case").to_owned(),
            group: text(&value, "group").to_owned(),
            namespace: value["namespace"].as_str().map(str::to_owned),
            files: files.map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned())).collect(),
            steps,
            answers,
        })
    }
}

/// The cases of a file: one a line of JSON, gzipped where its name ends in `.gz`.
pub fn read(path: &Path) -> Result<Vec<Case>, String> {
    let wrong = |what: String| format!("{}: {what}", path.display());
    let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
    let reader: Box<dyn std::io::Read> =
        if path.extension().is_some_and(|e| e == "gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut cases = Vec::new();
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(|e| wrong(format!("line {}: {e}", number + 1)))?;
        if !line.trim().is_empty() {
            cases.push(Case::parse(&line).map_err(|e| wrong(format!("line {}: {e}", number + 1)))?);
        }
    }
    if cases.is_empty() {
        return Err(wrong("it holds no case".to_owned()));
    }
    Ok(cases)
}
