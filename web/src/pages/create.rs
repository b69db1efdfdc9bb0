//! New objects from YAML: by paste, file or drop, several documents at once.
//!
//! Everything is checked before anything is created: the text, then each document by a dry run. What cannot be
//! checked before (an object in a namespace of the same text) is created in order.

use crate::client::{Notice, Session, causes, collection, use_session};
use crate::components::{Dialog, ManifestInput};
use crate::state::{Field, Undo, use_address, use_navigator, use_settings};
use crate::text::Text;
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::manifest::{self, Document, ManifestError, Place};
use kubarium_core::order;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// A document on its way to the API.
#[derive(Clone, Debug)]
struct Planned {
    document: Document,
    path: String,
    kind: String,
    namespace: String,
    name: String,
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The documents of a text with the way each goes.
fn plan(text: &str) -> Result<Vec<Planned>, Vec<ManifestError>> {
    let documents = manifest::parse(text).map_err(|e| vec![e])?;
    if documents.is_empty() {
        let place = Place { line: 1, column: 1 };
        return Err(vec![ManifestError {
            place,
            field: String::new(),
            message: "there is no document here".to_owned(),
        }]);
    }
    let mut planned = Vec::new();
    let mut errors = Vec::new();
    for document in documents {
        let (api_version, kind) = (text_at(&document.value, "/apiVersion"), text_at(&document.value, "/kind"));
        let namespace = text_at(&document.value, "/metadata/namespace").to_owned();
        if kind.is_empty() {
            errors.push(manifest::error_at(text, &document, "kind", "required: which kind of object it is"));
        } else if let Some(path) = collection(kind, api_version, &namespace) {
            let (kind, name) = (kind.to_owned(), text_at(&document.value, "/metadata/name").to_owned());
            planned.push(Planned { document, path, kind, namespace, name });
        } else {
            let message = format!("no kind \"{kind}\" is served for version \"{api_version}\"");
            errors.push(manifest::error_at(text, &document, "kind", message));
        }
    }
    if errors.is_empty() { Ok(planned) } else { Err(errors) }
}

async fn send(session: &Session, text: &str, one: &Planned, dry: bool) -> Result<(), Vec<ManifestError>> {
    let mut request = Request::new(Method::Post, one.path.clone()).with_json(&one.document.value);
    let query = if dry { "fieldValidation=Strict&dryRun=All" } else { "fieldValidation=Strict" };
    query.clone_into(&mut request.query);
    let at = |field: &str, message: String| manifest::error_at(text, &one.document, field, message);
    match session.client.request(request).await {
        Ok(response) if response.status < 400 => Ok(()),
        Ok(response) => Err(causes(&response).into_iter().map(|(field, message)| at(&field, message)).collect()),
        Err(error) => Err(vec![at("", error.0)]),
    }
}

/// Checks everything, then creates everything. Returns how many were created.
async fn create(session: &Session, text: &str) -> Result<usize, Vec<ManifestError>> {
    let planned = plan(text)?;
    let new_namespaces =
        planned.iter().filter(|p| p.kind == "Namespace").map(|p| p.name.as_str()).collect::<order::Set<_>>();
    let mut errors = Vec::new();
    for one in planned.iter().filter(|p| !new_namespaces.contains(p.namespace.as_str())) {
        errors.extend(send(session, text, one, true).await.err().into_iter().flatten());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for one in &planned {
        send(session, text, one, false).await?;
        if !one.name.is_empty() {
            let back = Request::new(Method::Delete, format!("{}/{}", one.path, one.name));
            let again = Request::new(Method::Post, one.path.clone()).with_json(&one.document.value);
            session.undo.push(Undo { what: format!("{} {}", one.kind, one.name), back, again });
        }
    }
    Ok(planned.len())
}

#[component]
pub(crate) fn Create() -> Html {
    let language = use_settings().language;
    let session = use_session();
    let address = use_address();
    let navigator = use_navigator();
    let errors = use_state(Vec::<ManifestError>::new);
    let busy = use_state(|| false);
    let close = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |()| navigator.go(address.clone().with(Field::Dialog, "")))
    };
    let submit = {
        let (errors, busy, close) = (errors.clone(), busy.clone(), close.clone());
        Callback::from(move |text: String| {
            let (errors, busy, close, session) = (errors.clone(), busy.clone(), close.clone(), session.clone());
            busy.set(true);
            spawn_local(async move {
                match create(&session, &text).await {
                    Ok(count) => {
                        let said = language.fill(Text::Created, &[&count.to_string()]);
                        session.notify.emit(Notice { text: said, is_error: false });
                        close.emit(());
                    }
                    Err(found) => errors.set(found),
                }
                busy.set(false);
            });
        })
    };
    html! {
        <Dialog title={language.text(Text::CreateFromYaml)} {close}>
            <ManifestInput name="create" label={Text::PasteYaml} action={Text::Create} rows={16}
                placeholder={"apiVersion: v1\nkind: Pod\n…"} errors={(*errors).clone()} busy={*busy} {submit} />
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_goes_where_its_kind_lives_or_the_mistake_has_a_line() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n";
        let paths: Vec<_> = plan(text).expect("two documents").into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["/api/v1/namespaces/x/pods", "/api/v1/nodes"]);
        for (text, line) in
            [("", 1), ("a: b: c", 1), ("apiVersion: v1\nkind: Teapot\n", 2), ("---\napiVersion: v1\n", 2)]
        {
            let errors = plan(text).expect_err(text);
            assert_eq!(errors[0].place.line, line, "{text:?}: {errors:?}");
        }
    }
}
