//! `explain`: what the fields of a kind mean, as the API says.

use crate::call::Call;
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::quoted;
use crate::merge::Schema;
use serde_json::Value;
use std::fmt::Write as _;

pub(crate) const FLAGS: &[Flag] = &[
    switch("recursive", 'R', "all fields of all fields"),
    text("api-version", ' ', "of this version, such as policy/v1"),
    text("output", 'o', "plaintext or plaintext-openapiv2").or("plaintext"),
];

/// How wide lines are, and how far they are moved in.
const WIDTH: usize = 80;

impl Call<'_> {
    /// The `OpenAPI` document of a group.
    pub(crate) async fn openapi(&self, group: &str, version: &str) -> Result<Value, Failure> {
        let path = if group.is_empty() {
            format!("/openapi/v3/api/{version}")
        } else {
            format!("/openapi/v3/apis/{group}/{version}")
        };
        self.get(&path, &[], "application/json").await
    }
}

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let [word] = call.arguments() else {
        return Err(if call.arguments().is_empty() {
            Failure::error(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.",
            )
        } else {
            Failure::error("We accept only this format: explain RESOURCE")
        });
    };
    let (kind, path) = word.split_once('.').unwrap_or((word, ""));
    let resources = call.session.resources(call).await?;
    let resource = resources.expect(kind)?;
    let version = call.given.text("api-version");
    if !version.is_empty() && version != resource.api_version() {
        return Err(Failure::error(format!(
            "couldn't find resource for {}",
            quoted(&format!("{version}, Kind={}", resource.kind))
        )));
    }
    let document = call.openapi(&resource.group, &resource.version).await?;
    let mut at = Schema::of_kind(&document, &resource.group, &resource.version, &resource.kind);
    let mut out = String::new();
    if !resource.group.is_empty() {
        out.push_str(&format_line("GROUP:", &resource.group));
    }
    out.push_str(&format_line("KIND:", &resource.kind));
    out.push_str(&format_line("VERSION:", &resource.version));
    out.push('\n');
    let mut of_field = None;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let Some(field) = own_field(at, name) else {
            call.out(&out);
            return Err(Failure::error(format!("field {} does not exist", quoted(name))));
        };
        of_field = Some((name, field));
        at = inside(field);
    }
    if let Some((name, field)) = of_field {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(out, "FIELD: {name} <{}>", type_of(field));
        out.push_str(&choices(field, ""));
        out.push_str("\n\n");
    }
    out.push_str("DESCRIPTION:\n");
    let mut told = of_field.map(|(_, field)| description(field)).into_iter().collect::<Vec<_>>();
    told.push(description(at.resolved()));
    told.dedup();
    told.retain(|text| !text.is_empty());
    if told.is_empty() {
        out.push_str("    <empty>\n");
    }
    for text in &told {
        out.push_str(&wrapped(text, 4));
    }
    if !told.is_empty() {
        out.push_str("    \n");
    }
    if at.resolved().raw()["properties"].is_object() {
        out.push_str("FIELDS:\n");
        fields(&mut out, at, 2, call.given.on("recursive"), &mut Vec::new());
    }
    out.push('\n');
    call.out(&out);
    Ok(())
}

fn format_line(label: &str, value: &str) -> String {
    format!("{label:<12}{value}\n")
}

/// A field that a structure itself has.
fn own_field<'a>(at: Schema<'a>, name: &str) -> Option<Schema<'a>> {
    at.resolved().raw()["properties"].get(name)?;
    at.field(name)
}

/// What a list or a map holds.
fn inside(field: Schema<'_>) -> Schema<'_> {
    match field.item().or_else(|| field.raw().get("additionalProperties").and_then(|_| field.field(""))) {
        Some(item) => inside(item),
        None => field,
    }
}

fn description(at: Schema<'_>) -> &str {
    at.raw()["description"].as_str().unwrap_or_default()
}

fn type_of(field: Schema<'_>) -> String {
    let raw = field.raw();
    let referred = raw["$ref"].as_str().or_else(|| raw.pointer("/allOf/0/$ref")?.as_str());
    if let Some(reference) = referred {
        let name = reference.rsplit(['/', '.']).next().unwrap_or_default();
        // What is only a name for a text or a number.
        return match field.resolved().raw()["type"].as_str() {
            Some("object") | None => name.to_owned(),
            Some(_) if name == "Quantity" || name == "IntOrString" => name.to_owned(),
            Some(other) => other.to_owned(),
        };
    }
    if let Some(item) = field.item() {
        return format!("[]{}", type_of(item));
    }
    if let Some(item) = raw.get("additionalProperties").and_then(|_| field.field("")) {
        return format!("map[string]{}", type_of(item));
    }
    match raw["type"].as_str() {
        Some(word) => word.to_owned(),
        None => "Object".to_owned(),
    }
}

/// The words that a field may hold.
fn choices(field: Schema<'_>, indent: &str) -> String {
    let words: Vec<&str> = crate::go::items(field.raw(), "/enum").iter().filter_map(Value::as_str).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("{indent}ENUM:\n    {indent}{}\n", words.join(&format!("\n    {indent}")))
    }
}

fn fields<'a>(out: &mut String, at: Schema<'a>, indent: usize, recursive: bool, within: &mut Vec<&'a Value>) {
    let structure = at.resolved();
    let Some(all) = structure.raw()["properties"].as_object() else { return };
    if within.iter().any(|outer| std::ptr::eq(*outer, structure.raw())) {
        return;
    }
    within.push(structure.raw());
    let required = crate::go::items(structure.raw(), "/required");
    let space = " ".repeat(indent);
    for name in all.keys() {
        let Some(field) = structure.field(name) else { continue };
        let mark = if required.iter().any(|word| word == name.as_str()) { " -required-" } else { "" };
        let _ = writeln!(out, "{space}{name}\t<{}>{mark}", type_of(field));
        if recursive {
            out.push_str(&choices(field, &space));
            fields(out, inside(field), indent + 2, true, within);
            continue;
        }
        out.push_str(&choices(field, &space));
        let text = match description(field) {
            "" => description(field.resolved()),
            text => text,
        };
        out.push_str(&wrapped(if text.is_empty() { "<no description>" } else { text }, indent + 2));
        out.push('\n');
    }
    within.pop();
}

/// Text in lines that are not too long.
fn wrapped(text: &str, indent: usize) -> String {
    let space = " ".repeat(indent);
    let mut out = String::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(out, "{space}{line}");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let _ = writeln!(out, "{space}{line}");
    }
    out
}
