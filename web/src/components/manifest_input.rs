//! A field for YAML: by paste, file or drop, with the mistakes found in it.

use crate::state::use_settings;
use crate::text::Text;
use gloo_file::Blob;
use kubarium_core::manifest::ManifestError;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub(crate) struct ManifestInputProps {
    /// What ids and names for tests begin with.
    pub(crate) name: &'static str,
    pub(crate) label: Text,
    /// What the button does.
    pub(crate) action: Text,
    pub(crate) rows: u32,
    pub(crate) placeholder: &'static str,
    /// What is wrong with the text that was submitted last.
    pub(crate) errors: Vec<ManifestError>,
    /// Whether the text is being worked on.
    #[prop_or_default]
    pub(crate) busy: bool,
    /// Takes the text.
    pub(crate) submit: Callback<String>,
}

#[component]
pub(crate) fn ManifestInput(props: &ManifestInputProps) -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let text = use_state(String::new);
    // Errors are about the text they were found in.
    let submitted = use_state(String::new);
    let area = use_node_ref();
    let load = {
        let text = text.clone();
        Callback::from(move |file: web_sys::File| {
            let text = text.clone();
            spawn_local(async move {
                if let Ok(read) = gloo_file::futures::read_as_text(&Blob::from(file)).await {
                    text.set(read);
                }
            });
        })
    };
    let on_file = {
        let load = load.clone();
        Callback::from(move |event: Event| {
            let input = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
            if let Some(file) = input.and_then(|i| i.files()).and_then(|f| f.get(0)) {
                load.emit(file);
            }
        })
    };
    let on_drop = Callback::from(move |event: DragEvent| {
        event.prevent_default();
        if let Some(file) = event.data_transfer().and_then(|d| d.files()).and_then(|f| f.get(0)) {
            load.emit(file);
        }
    });
    let on_input = {
        let text = text.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(area) = event.target().and_then(|t| t.dyn_into::<HtmlTextAreaElement>().ok()) {
                text.set(area.value());
            }
        })
    };
    let submit = {
        let (submit, text, submitted) = (props.submit.clone(), text.clone(), submitted.clone());
        Callback::from(move |()| {
            submitted.set((*text).clone());
            submit.emit((*text).clone());
        })
    };
    let on_key = {
        let submit = submit.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                event.prevent_default();
                submit.emit(());
            }
        })
    };
    let click = Callback::from(move |_: MouseEvent| submit.emit(()));
    let errors: &[ManifestError] = if *text == *submitted { &props.errors } else { &[] };
    let shown = errors.iter().map(|error| {
        let (area, line, all) = (area.clone(), error.place.line, text.clone());
        let go = Callback::from(move |_: MouseEvent| select_line(&area, &all, line));
        html! {
            <li><button class="quiet error-line" onclick={go} title={t(Text::GoToLine)}>{ error.to_string() }</button></li>
        }
    });
    let id = |part: &str| format!("{}-{part}", props.name);
    html! {
        <div class="create" ondrop={on_drop} ondragover={|e: DragEvent| e.prevent_default()} data-testid={id("dialog")}>
            <label class="create-label" for={id("text")}>{ t(props.label) }</label>
            <textarea id={id("text")} ref={&area} class="yaml" rows={props.rows.to_string()} spellcheck="false"
                value={(*text).clone()} oninput={on_input} onkeydown={on_key}
                aria-invalid={(!errors.is_empty()).to_string()} aria-describedby={id("errors")}
                data-testid={id("text")} placeholder={props.placeholder} />
            <ul id={id("errors")} class="errors" role="alert" data-testid={id("errors")}>{ for shown }</ul>
            <div class="create-actions">
                <label class="button">
                    { t(Text::ChooseFile) }
                    <input type="file" class="unseen" accept=".yaml,.yml,.json" onchange={on_file} />
                </label>
                <button class="primary" onclick={click} disabled={props.busy || text.trim().is_empty()}
                    title="Ctrl Enter" data-testid={id("submit")}>
                    { t(props.action) }
                </button>
            </div>
        </div>
    }
}

/// Selects a line of the text and scrolls to it.
fn select_line(area: &NodeRef, text: &str, line: u32) {
    let Some(area) = area.cast::<HtmlTextAreaElement>() else { return };
    let before: u32 =
        text.lines().take(line.saturating_sub(1) as usize).map(|l| l.encode_utf16().count() as u32 + 1).sum();
    let length = text.lines().nth(line.saturating_sub(1) as usize).map_or(0, |l| l.encode_utf16().count() as u32);
    // A text area on the page takes both.
    let _ = area.focus();
    let _ = area.set_selection_range(before, before + length);
}
