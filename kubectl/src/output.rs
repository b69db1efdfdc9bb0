//! The forms in which objects are printed: `-o yaml`, `json`, `name`, `jsonpath=...`, `custom-columns=...`.

use crate::call::Call;
use crate::failure::Failure;
use crate::go::{self, text};
use crate::jsonpath::Template;
use crate::tabs;
use kubarium_core::manifest;
use serde_json::{Value, json};

/// A form.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// In columns; all of them where it is wide.
    Table {
        wide: bool,
    },
    Yaml,
    Json,
    Name,
    JsonPath(Template),
    /// Values as JSON.
    JsonPathAsJson(Template),
    /// Heads and where the cells are found.
    Columns(Vec<(String, Template)>),
}

const OF_GET: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
const OF_OTHERS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

impl Form {
    /// The form that `-o` names. `columns` says whether objects may be shown in columns.
    pub(crate) fn parse(given: &str, columns: bool) -> Result<Self, Failure> {
        let (word, rest) = given.split_once('=').unwrap_or((given, ""));
        let template = |rest: &str| {
            if rest.is_empty() {
                return Err(Failure::error("template format specified but no template given"));
            }
            Template::parse(rest)
        };
        match word {
            "" => Ok(Self::Table { wide: false }),
            "wide" if columns => Ok(Self::Table { wide: true }),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "name" => Ok(Self::Name),
            "jsonpath" => template(rest).map(Self::JsonPath),
            "jsonpath-as-json" => template(rest).map(Self::JsonPathAsJson),
            "custom-columns" if columns => columns_of(rest).map(Self::Columns),
            "go-template" | "template" => Err(Failure::error(
                "this console does not know Go templates; -o jsonpath=... and -o custom-columns=... do much the same",
            )),
            "jsonpath-file" | "custom-columns-file" | "go-template-file" | "templatefile" => {
                Err(Failure::error("this console has no files; write the template behind -o jsonpath="))
            }
            _ => Err(Failure::error(format!(
                "unable to match a printer suitable for the output format {}, allowed formats are: {}",
                go::quoted(word),
                if columns { OF_GET } else { OF_OTHERS }
            ))),
        }
    }

    /// Prints an object or a list; `word` is what stands before the names of its objects.
    pub(crate) fn print(&self, document: &Value, word: &dyn Fn(&Value) -> String) -> Result<String, Failure> {
        Ok(match self {
            Self::Yaml => manifest::print(document),
            Self::Json => format!("{}\n", go::json_indented(document)),
            Self::Name => {
                let one = |object: &Value| format!("{}/{}\n", word(object), text(object, "/metadata/name"));
                match document["items"].as_array() {
                    Some(items) if text(document, "/kind").ends_with("List") => items.iter().map(one).collect(),
                    _ => one(document),
                }
            }
            Self::JsonPath(template) => template.render(document).map_err(|why| not_executed(&why))?,
            Self::JsonPathAsJson(template) => {
                let found: Vec<Value> =
                    template.find(document).map_err(|why| not_executed(&why))?.into_iter().cloned().collect();
                format!("{}\n", go::json_indented(&found.into()))
            }
            Self::Columns(columns) => custom(columns, document)?,
            Self::Table { .. } => String::new(),
        })
    }
}

fn not_executed(why: &str) -> Failure {
    Failure::error(format!("error executing jsonpath: Error executing template: {why}"))
}

fn columns_of(spec: &str) -> Result<Vec<(String, Template)>, Failure> {
    if spec.is_empty() {
        return Err(Failure::error("custom-columns format specified but no custom columns given"));
    }
    // Commas may also stand within a path's brackets.
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0;
    for c in spec.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        match parts.last_mut() {
            Some(part) => part.push(c),
            None => parts.push(c.to_string()),
        }
    }
    let one = |part: &String| {
        let (head, path) = part.split_once(':').ok_or_else(|| {
            Failure::error(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))
        })?;
        Ok((head.to_owned(), Template::relaxed(path)?))
    };
    parts.iter().map(one).collect()
}

fn custom(columns: &[(String, Template)], document: &Value) -> Result<String, Failure> {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| head.as_str()).collect();
    let mut text = format!("{}\n", heads.join("\t"));
    let objects = match document["items"].as_array() {
        Some(items) => items.iter().collect(),
        None => vec![document],
    };
    for object in objects {
        let mut cells = Vec::new();
        for (_, path) in columns {
            let found = path.find(object).map_err(|why| not_executed(&why))?;
            cells.push(if found.is_empty() {
                "<none>".to_owned()
            } else {
                found.into_iter().map(go::plain).collect::<Vec<_>>().join(",")
            });
        }
        text.push_str(&cells.join("\t"));
        text.push('\n');
    }
    Ok(tabs::align(&text, tabs::TABLE))
}

/// Objects as one list.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

/// Without who owns which field, which few want to read.
pub(crate) fn without_owners(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

impl Call<'_> {
    /// The form that `-o` names, for commands that change objects; none where they say what they did in a line.
    pub(crate) fn form(&self) -> Result<Option<Form>, Failure> {
        match self.given.text("output") {
            "" => Ok(None),
            given => Form::parse(given, false).map(Some),
        }
    }

    /// Says what was done to an object, or prints it in the form that was asked for.
    pub(crate) fn done(&self, form: Option<&Form>, word: &str, object: &Value, did: &str) -> Result<(), Failure> {
        match form {
            None => self.line(&format!("{word}/{} {did}", text(object, "/metadata/name"))),
            Some(form) => {
                let shown =
                    if self.given.on("show-managed-fields") { object.clone() } else { without_owners(object.clone()) };
                self.out(&form.print(&shown, &|_| word.to_owned())?);
            }
        }
        Ok(())
    }
}
