//! The console: kubectl in the page, in front of the cluster that it shows.
//!
//! What it understands runs in a thread of its own, which is loaded when the console is first opened. Output goes straight
//! into the document: what was printed is never drawn again.

mod history;
mod worker;

use crate::client::use_session;
use crate::components::{Icon, IconName};
use crate::state::{Field, World, use_address, use_navigator, use_settings};
use crate::text::Text;
use history::History;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlTextAreaElement};
use worker::{Said, Worker};
use yew::prelude::*;

/// How many pieces of output are kept; the oldest make room.
const PIECES_MAX: u32 = 2_000;

/// How many characters of one piece are shown.
const PIECE_CHARS_MAX: usize = 400_000;

/// How many words are offered.
const OFFERED_MAX: usize = 60;

/// Puts a piece of output at the end.
fn print(log: &NodeRef, class: &str, text: &str) {
    let Some(log) = log.cast::<HtmlElement>() else { return };
    let Some(piece) = log.owner_document().and_then(|d| d.create_element("span").ok()) else { return };
    piece.set_class_name(class);
    match text.char_indices().nth(PIECE_CHARS_MAX) {
        Some((end, _)) => {
            let left = text.len() - end;
            piece.set_text_content(Some(&format!("{}\n… {left} more bytes are not shown.\n", &text[..end])));
        }
        None => piece.set_text_content(Some(text)),
    }
    // A fresh element can be put anywhere.
    let _ = log.append_child(&piece);
    while log.child_element_count() > PIECES_MAX {
        log.first_element_child().into_iter().for_each(|first| first.remove());
    }
    log.set_scroll_top(log.scroll_height());
}

/// Sets what is typed, with the cursor at its end.
fn set(area: &HtmlTextAreaElement, text: &str) {
    area.set_value(text);
    grow(area);
}

/// As many lines as there are.
fn grow(area: &HtmlTextAreaElement) {
    area.set_rows(area.value().split('\n').count().min(10) as u32);
}

fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // What is shown takes the focus.
        let _ = element.focus();
    }
}

/// What all words begin with.
fn common(words: &[String]) -> &str {
    let first = words.first().map_or("", String::as_str);
    let same = |word: &String| {
        first
            .char_indices()
            .zip(word.chars())
            .find(|((_, a), b)| a != b)
            .map_or(first.len().min(word.len()), |((at, _), _)| at)
    };
    &first[..words.iter().map(same).min().unwrap_or_default()]
}

#[derive(PartialEq, Properties)]
pub(crate) struct ConsoleProps {
    /// Whether it is in sight.
    pub(crate) shown: bool,
}

#[component]
pub(crate) fn Console(props: &ConsoleProps) -> Html {
    let language = use_settings().language;
    let (address, navigator, session) = (use_address(), use_navigator(), use_session());
    let t = |text| language.text(text);
    let (log, input, editor) = (use_node_ref(), use_node_ref(), use_node_ref());
    let busy = use_state_eq(|| false);
    let wanted = use_state_eq(|| None::<(u32, AttrValue)>);
    let offered = use_state_eq(AttrValue::default);
    let history = use_mut_ref(History::load);
    let worker = use_mut_ref(|| None);

    use_effect_with(session.clone(), {
        let (log, input, worker, busy, wanted, offered) =
            (log.clone(), input.clone(), worker.clone(), busy.setter(), wanted.setter(), offered.setter());
        move |session| {
            let live = session.world == World::Live;
            print(
                &log,
                "quiet",
                &format!("{}\n", language.text(if live { Text::ConsoleLive } else { Text::ConsoleSimulation })),
            );
            busy.set(false);
            wanted.set(None);
            *worker.borrow_mut() = Worker::start(session.clone(), {
                let worker = worker.clone();
                move |said| match said {
                    Said::Print(text, wrong) => print(&log, if wrong { "wrong" } else { "" }, &text),
                    Said::Done => {
                        busy.set(false);
                        wanted.set(None);
                        focus(&input);
                    }
                    Said::Wanted(id, text) => wanted.set(Some((id, text.into()))),
                    Said::Completed(typed, length, words) => {
                        let Some(area) = input.cast::<HtmlTextAreaElement>().filter(|area| area.value() == typed)
                        else {
                            return;
                        };
                        let word = common(&words);
                        let kept = typed.encode_utf16().count() - length;
                        let tail: String = char::decode_utf16(typed.encode_utf16().skip(kept)).flatten().collect();
                        if word.len() > tail.len() {
                            let gap = if words.len() > 1 || word.ends_with(['=', '/']) { "" } else { " " };
                            set(&area, &format!("{}{word}{gap}", &typed[..typed.len() - tail.len()]));
                        }
                        let more = if words.len() > OFFERED_MAX { "  …" } else { "" };
                        let shown = if words.len() > 1 {
                            words[..words.len().min(OFFERED_MAX)].join("  ") + more
                        } else {
                            String::new()
                        };
                        offered.set(shown.into());
                    }
                    Said::Broken => {
                        print(&log, "wrong", &format!("{}\n", language.text(Text::ConsoleBroken)));
                        worker.take();
                    }
                }
            });
        }
    });
    use_effect_with(props.shown, {
        let input = input.clone();
        move |shown| {
            if *shown {
                focus(&input);
            }
        }
    });
    use_effect_with((*wanted).clone(), {
        let editor = editor.clone();
        move |wanted| {
            if let (Some((_, text)), Some(area)) = (wanted, editor.cast::<HtmlTextAreaElement>()) {
                area.set_value(text);
                // What is shown takes the focus.
                let _ = area.focus();
            }
        }
    });

    let close = Callback::from({
        let (address, navigator) = (address.clone(), navigator.clone());
        move |()| navigator.go(address.clone().with(Field::Console, ""))
    });
    let answer = Callback::from({
        let (worker, wanted, editor) = (worker.clone(), wanted.clone(), editor.clone());
        move |send: bool| {
            let text = editor.cast::<HtmlTextAreaElement>().filter(|_| send).map(|area| area.value());
            if let (Some((id, _)), Some(worker)) = (wanted.as_ref(), worker.borrow().as_ref()) {
                Worker::say(worker, "text", &[(*id).into(), text.into()]);
            }
            wanted.set(None);
        }
    });
    let run = {
        let (log, worker, busy, history, offered) =
            (log.clone(), worker.clone(), busy.clone(), history.clone(), offered.clone());
        let prompt = if session.world == World::Live { "live $ " } else { "sim $ " };
        move |area: &HtmlTextAreaElement| {
            let line = area.value();
            if *busy || line.trim().is_empty() {
                return;
            }
            set(area, "");
            offered.set(AttrValue::default());
            print(&log, "typed", &format!("{prompt}{}\n", line.trim_end()));
            history.borrow_mut().add(line.trim());
            if let Some(worker) = worker.borrow().as_ref() {
                busy.set(true);
                Worker::say(worker, "run", &[line.into()]);
            }
        }
    };
    let stop = {
        let worker = worker.clone();
        move || {
            if let Some(worker) = worker.borrow().as_ref() {
                Worker::say(worker, "stop", &[]);
            }
        }
    };
    let on_key = {
        let (close, log, busy, offered, stop) =
            (close.clone(), log.clone(), busy.clone(), offered.clone(), stop.clone());
        Callback::from(move |event: KeyboardEvent| {
            let Some(area) = event.target().and_then(|t| t.dyn_into::<HtmlTextAreaElement>().ok()) else { return };
            let one_line = !area.value().contains('\n');
            let selects = area.selection_start().ok() != area.selection_end().ok();
            match event.key().as_str() {
                "Enter" if !event.shift_key() => run(&area),
                "Tab" if !event.shift_key() && !area.value().trim().is_empty() => {
                    if let Some(worker) = worker.borrow().as_ref() {
                        Worker::say(worker, "complete", &[area.value().into()]);
                    }
                }
                key @ ("ArrowUp" | "ArrowDown")
                    if one_line || key == "ArrowUp" && !selects && area.selection_start() == Ok(Some(0)) =>
                {
                    let shown = area.value();
                    if let Some(line) = history.borrow_mut().step(key == "ArrowUp", &shown) {
                        set(&area, line);
                    }
                }
                "c" if event.ctrl_key() && !selects => {
                    if *busy {
                        print(&log, "typed", "^C\n");
                        stop();
                    } else {
                        set(&area, "");
                    }
                }
                "l" if event.ctrl_key() => clear(&log),
                "Escape" if !offered.is_empty() => offered.set(AttrValue::default()),
                "Escape" => close.emit(()),
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let on_editor_key = {
        let answer = answer.clone();
        Callback::from(move |event: KeyboardEvent| {
            let send = event.key() == "Enter" && (event.ctrl_key() || event.meta_key());
            if send || event.key() == "Escape" {
                event.prevent_default();
                event.stop_propagation();
                answer.emit(send);
            }
        })
    };
    let on_input = {
        let offered = offered.clone();
        Callback::from(move |event: InputEvent| {
            offered.set(AttrValue::default());
            if let Some(area) = event.target().and_then(|t| t.dyn_into::<HtmlTextAreaElement>().ok()) {
                grow(&area);
            }
        })
    };
    let live = session.world == World::Live;
    let button = |text: Text, hint: &str, icon: IconName, onclick: Callback<MouseEvent>| {
        html! {
            <button class="quiet icon-only" {onclick} aria-label={t(text)} title={format!("{} ({hint})", t(text))}>
                <Icon name={icon} />
            </button>
        }
    };
    html! {
        <section class={classes!("console", live.then_some("is-live"))} hidden={!props.shown}
            aria-label={t(Text::Console)} data-testid="console">
            <div class="console-head">
                <h2>{ t(Text::Console) }</h2>
                <p>{ t(Text::ConsoleKeys) }</p>
                { button(Text::Clear, "Ctrl L", IconName::Minus, { let log = log.clone(); Callback::from(move |_| clear(&log)) }) }
                { button(Text::Close, "Esc", IconName::Close, close.reform(|_| ())) }
            </div>
            <pre ref={&log} class="console-log" role="log" tabindex="0" aria-label={t(Text::ConsoleLog)} data-testid="console-log"></pre>
            if let Some((_, text)) = &*wanted {
                <div class="console-editor">
                    <label for="console-text">{ t(if text.is_empty() { Text::ConsolePaste } else { Text::ConsoleEdit }) }</label>
                    <textarea id="console-text" ref={&editor} class="yaml" rows="12" spellcheck="false" onkeydown={on_editor_key}
                        data-testid="console-text" />
                    <div class="create-actions">
                        <button onclick={answer.reform(|_| false)}>{ t(Text::Cancel) }</button>
                        <button class="primary" onclick={answer.reform(|_| true)} title="Ctrl Enter" data-testid="console-send">
                            { t(Text::ConsoleSend) }
                        </button>
                    </div>
                </div>
            }
            <p class="console-offered" role="status" data-testid="console-offered">{ (*offered).clone() }</p>
            <div class="console-line">
                <span class="console-prompt" aria-hidden="true">{ if live { "live $" } else { "sim $" } }</span>
                <textarea ref={&input} rows="1" spellcheck="false" autocapitalize="off" autocomplete="off" onkeydown={on_key} oninput={on_input}
                    aria-label={t(Text::ConsoleInput)} placeholder="kubectl get pods" data-testid="console-input" />
                if *busy {
                    <button onclick={Callback::from(move |_: MouseEvent| stop())} title="Ctrl C" data-testid="console-stop">{ t(Text::Stop) }</button>
                }
            </div>
        </section>
    }
}

fn clear(log: &NodeRef) {
    if let Some(log) = log.cast::<HtmlElement>() {
        log.set_text_content(None);
    }
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn what_all_words_begin_with_is_typed_for_you() {
        for (words, expected) in [
            (vec!["web-1", "web-2"], "web-"),
            (vec!["pods"], "pods"),
            (vec!["a", "b"], ""),
            (vec!["pod", "pods"], "pod"),
            (vec!["é1", "é2"], "é"),
            (vec![], ""),
        ] {
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            assert_eq!(common(&words), expected, "{words:?}");
        }
    }
}
