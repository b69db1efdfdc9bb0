//! Controllers as handles to drag: to the right is more, to the left is less.
//!
//! While a handle is dragged the simulation is asked where pods would go, at most one question at a time, and the map
//! shows the answer as ghosts. Letting go applies it, Escape takes it back, arrow keys do the same.

use crate::client::{Session, use_session};
use crate::state::{Selection, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use crate::worker::protocol::Ghosts;
use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::prelude::*;

/// How far to drag for one replica more, in CSS pixels.
const PIXELS_PER_REPLICA: f64 = 8.0;

/// The most replicas a handle sets; larger numbers are for the controller's page.
const REPLICAS_MAX: u32 = 10_000;

/// How long after the last arrow key its value is applied, in milliseconds.
const KEY_PAUSE_MS: u32 = 900;

#[component]
pub(crate) fn ControllerBar() -> Html {
    let settings = use_settings();
    let feed = use_feed(150);
    let rows = feed.rows();
    html! {
        <div class="controllers" role="group" aria-label={settings.language.text(Text::ControllersBar)} data-testid="controllers">
            { for rows.controllers().values().map(|row| html! {
                <Handle
                    key={format!("{}/{}", row.namespace, row.name)}
                    namespace={row.namespace.to_string()} name={row.name.to_string()}
                    desired={row.desired} ready={row.ready} current={row.current}
                />
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct HandleProps {
    namespace: AttrValue,
    name: AttrValue,
    desired: u32,
    ready: u32,
    current: u32,
}

/// A handle that is dragged or moved by keys.
struct Drag {
    /// The number before.
    from: u32,
    wanted: u32,
    /// Where the pointer took hold; none for keys.
    grip_x: Option<f64>,
    /// Whether a question is under way; then the next waits.
    asking: bool,
    /// What the last question was about.
    asked: Option<u32>,
    /// Applies what keys set, once they rest.
    apply: Option<Timeout>,
}

type Dragging = Rc<RefCell<Option<Drag>>>;

/// More pixels make more replicas, the faster the more there are.
fn replicas_at(from: u32, pixels: f64) -> u32 {
    let steps = pixels / PIXELS_PER_REPLICA;
    // Beyond twenty steps each counts for a twentieth of what was there.
    let beyond = (steps.abs() - 20.0).max(0.0) * (f64::from(from) / 20.0).max(1.0);
    let change = (steps.abs().min(20.0) + beyond) * steps.signum();
    (f64::from(from) + change).round().clamp(0.0, f64::from(REPLICAS_MAX)) as u32
}

/// Asks where pods would go, unless a question is under way; its answer asks again for what is wanted by then.
fn preview(session: &Session, dragging: &Dragging, namespace: AttrValue, name: AttrValue, drawn: Callback<()>) {
    let Some(control) = session.client.simulation() else { return };
    let wanted = {
        let mut drag = dragging.borrow_mut();
        let Some(drag) = drag.as_mut().filter(|d| !d.asking && d.asked != Some(d.wanted)) else { return };
        drag.asking = true;
        drag.asked = Some(drag.wanted);
        drag.wanted
    };
    let (session, dragging) = (session.clone(), Rc::clone(dragging));
    spawn_local(async move {
        let ghosts = control.preview_scale(&namespace, &name, wanted).await;
        let still = {
            let mut drag = dragging.borrow_mut();
            if let Some(drag) = drag.as_mut() {
                drag.asking = false;
            }
            drag.is_some()
        };
        // Without an answer there are no ghosts; letting go still works.
        session.feed.set_ghosts(ghosts.ok().filter(|_| still));
        drawn.emit(());
        preview(&session, &dragging, namespace, name, drawn);
    });
}

#[component]
fn Handle(props: &HandleProps) -> Html {
    let settings = use_settings();
    let session = use_session();
    let address = use_address();
    let navigator = use_navigator();
    let dragging: Dragging = use_memo((), |()| RefCell::new(None));
    let update = use_force_update();
    let language = settings.language;

    let redraw = Callback::from(move |()| update.force_update());
    let want = {
        let (session, dragging, redraw) = (session.clone(), Rc::clone(&dragging), redraw.clone());
        let (namespace, name) = (props.namespace.clone(), props.name.clone());
        Callback::from(move |wanted: u32| {
            if let Some(drag) = dragging.borrow_mut().as_mut() {
                drag.wanted = wanted.min(REPLICAS_MAX);
            }
            redraw.emit(());
            preview(&session, &dragging, namespace.clone(), name.clone(), redraw.clone());
        })
    };
    // Ends the drag: applies it or lets it be.
    let end = {
        let (session, dragging, redraw) = (session.clone(), Rc::clone(&dragging), redraw.clone());
        let (namespace, name) = (props.namespace.clone(), props.name.clone());
        Callback::from(move |applies: bool| {
            let Some(drag) = dragging.borrow_mut().take() else { return };
            session.feed.set_ghosts(None);
            if applies && drag.wanted != drag.from {
                session.scale(language, &namespace, &name, drag.from, drag.wanted);
            }
            redraw.emit(());
        })
    };
    let on_down = {
        let (dragging, desired) = (Rc::clone(&dragging), props.desired);
        Callback::from(move |event: PointerEvent| {
            if event.button() != 0 {
                return;
            }
            // Events arrive at the page's root, which is therefore their current target: the handle is above what was hit.
            let hit = event.target().and_then(|t| t.dyn_into::<Element>().ok());
            if let Some(handle) = hit.and_then(|h| h.closest("[role=slider]").ok().flatten()) {
                // A pointer that is down can be captured.
                let _ = handle.set_pointer_capture(event.pointer_id());
            }
            *dragging.borrow_mut() = Some(Drag {
                from: desired,
                wanted: desired,
                grip_x: Some(f64::from(event.client_x())),
                asking: false,
                asked: None,
                apply: None,
            });
        })
    };
    let on_move = {
        let (dragging, want) = (Rc::clone(&dragging), want.clone());
        Callback::from(move |event: PointerEvent| {
            let next = dragging.borrow().as_ref().and_then(|drag| {
                let wanted = replicas_at(drag.from, f64::from(event.client_x()) - drag.grip_x?);
                (wanted != drag.wanted).then_some(wanted)
            });
            if let Some(wanted) = next {
                want.emit(wanted);
            }
        })
    };
    let on_up = {
        let (dragging, end) = (Rc::clone(&dragging), end.clone());
        let (namespace, name) = (props.namespace.clone(), props.name.clone());
        Callback::from(move |_: PointerEvent| {
            let (is_pointers, is_click) = dragging
                .borrow()
                .as_ref()
                .map_or((false, false), |d| (d.grip_x.is_some(), d.grip_x.is_some() && d.asked.is_none()));
            if is_pointers {
                end.emit(true);
            }
            if is_click {
                let selection = Selection::new("ReplicationController", &namespace, &name);
                navigator.go(address.clone().selecting(Some(selection)));
            }
        })
    };
    let on_cancel = {
        let end = end.clone();
        Callback::from(move |_: PointerEvent| end.emit(false))
    };
    let on_blur = {
        let (end, dragging) = (end.clone(), Rc::clone(&dragging));
        Callback::from(move |_: FocusEvent| {
            let by_keys = dragging.borrow().as_ref().is_some_and(|d| d.grip_x.is_none());
            if by_keys {
                end.emit(true);
            }
        })
    };
    let on_key = {
        let (dragging, want, end, desired) = (Rc::clone(&dragging), want.clone(), end.clone(), props.desired);
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            let now = dragging.borrow().as_ref().map_or(desired, |d| d.wanted);
            let next = match event.key().as_str() {
                "ArrowRight" | "ArrowUp" => now.saturating_add(1),
                "ArrowLeft" | "ArrowDown" => now.saturating_sub(1),
                "PageUp" => now.saturating_add(10),
                "PageDown" => now.saturating_sub(10),
                "Home" => 0,
                "Enter" if dragging.borrow().is_some() => {
                    event.prevent_default();
                    return end.emit(true);
                }
                "Escape" if dragging.borrow().is_some() => {
                    event.prevent_default();
                    event.stop_propagation();
                    return end.emit(false);
                }
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            let apply = {
                let end = end.clone();
                Timeout::new(KEY_PAUSE_MS, move || end.emit(true))
            };
            {
                let mut drag = dragging.borrow_mut();
                let drag = drag.get_or_insert_with(|| Drag {
                    from: desired,
                    wanted: desired,
                    grip_x: None,
                    asking: false,
                    asked: None,
                    apply: None,
                });
                drag.apply = Some(apply);
            }
            want.emit(next);
        })
    };

    let drag = dragging.borrow();
    let wanted = drag.as_ref().map_or(props.desired, |d| d.wanted);
    let moved = drag.as_ref().is_some_and(|d| d.wanted != d.from);
    drop(drag);
    let label = language.fill(Text::ScaleHandle, &[&props.name]);
    let full = (props.ready * 100).checked_div(props.desired).unwrap_or(100).min(100);
    let ghosts = if moved { session.feed.ghosts().clone() } else { None };
    let now = language.fill(Text::ReadyOf, &[&props.ready.to_string(), &props.desired.to_string()]);
    html! {
        <div
            class={classes!("handle", moved.then_some("is-moved"))}
            role="slider" tabindex="0" aria-label={label} aria-valuemin="0" aria-valuemax={REPLICAS_MAX.to_string()}
            aria-valuenow={wanted.to_string()}
            aria-valuetext={ghosts.as_ref().map_or(now, |g| forecast(language, g))}
            title={language.text(Text::DragToScale)} data-testid={format!("handle-{}", props.name)}
            onpointerdown={on_down} onpointermove={on_move} onpointerup={on_up} onpointercancel={on_cancel}
            onkeydown={on_key} onblur={on_blur}
        >
            <span class="handle-grip" aria-hidden="true"></span>
            <span class="handle-name">{ &props.name }</span>
            <span class="handle-count" data-testid={format!("replicas-{}", props.name)}>
                if moved {
                    { format!("{} → {wanted}", props.desired) }
                } else if props.ready == props.desired && props.current == props.desired {
                    { wanted }
                } else {
                    { format!("{} / {}", props.ready, props.desired) }
                }
            </span>
            <span class="handle-level" aria-hidden="true"><span style={format!("width: {full}%")}></span></span>
            if let Some(ghosts) = ghosts {
                <span class="handle-forecast" data-testid="forecast">{ forecast(language, &ghosts) }</span>
            }
        </div>
    }
}

/// What letting go would do, in words.
fn forecast(language: crate::text::Language, ghosts: &Ghosts) -> String {
    let placed: u32 = ghosts.placed.iter().map(|(_, n)| n).sum();
    let parts = [
        (Text::WouldPlace, placed),
        (Text::WouldPend, ghosts.pending),
        (Text::WouldLeave, ghosts.leaving.len() as u32),
    ];
    let said = parts.into_iter().filter(|(_, n)| *n > 0).map(|(text, n)| language.fill(text, &[&n.to_string()]));
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_counts_from_where_it_began_and_stays_within_the_limits() {
        for (from, pixels, expected) in [
            (3, 0.0, 3),
            (3, 8.0, 4),
            (3, -16.0, 1),
            (3, -400.0, 0),
            (3, 160.0, 23),
            (3, 168.0, 24),
            (1_000, 168.0, 1_070),
            (0, 16.0, 2),
            (9_999, 9_999.0, 10_000),
        ] {
            assert_eq!(replicas_at(from, pixels), expected, "{from} by {pixels}");
        }
    }
}
