//! The cluster map: nodes as tanks, pods as tiles in them, services as springs whose traffic runs to the pods.
//!
//! One canvas, drawn from the feed's rows by [`engine::Engine`] whenever something on it has changed. The component
//! only carries events to it: it draws itself again for the toolbar and the menu, never for the cluster. A table
//! says the same to screen readers.

mod engine;
mod flows;
mod layout;
mod menu;
mod overlay;
mod paint;
mod palette;
mod sprites;
mod tanks;
mod tiles;
mod twin;

use crate::client::use_session;
use crate::components::{Icon, IconName};
use crate::state::{Field, Selection, use_address, use_navigator, use_settings};
use crate::text::Text;
use engine::{Engine, Shared, Target};
use gloo_events::{EventListener, EventListenerOptions};
use gloo_timers::callback::Timeout;
use menu::{Menu, MenuAt};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use twin::Twin;
use wasm_bindgen::prelude::*;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ResizeObserver, WheelEvent};
use yew::prelude::*;

/// How far a pointer must move before it pans rather than clicks, in CSS pixels.
const PAN_FROM: f64 = 4.0;

/// After how long without a movement the address is told of the camera.
const REST_MS: u32 = 300;

/// A pointer that is down: where it was last, and how far it has come.
#[derive(Clone, Copy, Default)]
struct Grip {
    x: f64,
    y: f64,
    way: f64,
}

/// Where an event is on the canvas, in CSS pixels.
fn point(event: &MouseEvent) -> (f64, f64) {
    (f64::from(event.offset_x()), f64::from(event.offset_y()))
}

fn reduced_motion() -> bool {
    web_sys::window()
        .and_then(|w| w.match_media("(prefers-reduced-motion: reduce)").ok()?)
        .is_some_and(|query| query.matches())
}

#[component]
pub(crate) fn ClusterMap() -> Html {
    let settings = use_settings();
    let session = use_session();
    let address = use_address();
    let navigator = use_navigator();
    let canvas = use_node_ref();
    let engine = use_mut_ref(|| None::<Shared>);
    let grip = use_mut_ref(|| None::<Grip>);
    let menu = use_state(|| None::<MenuAt>);
    let t = |text| settings.language.text(text);

    // The address hears of the camera once it has come to rest.
    let rest = use_mut_ref(|| None::<Timeout>);
    let moved = {
        let (engine, navigator) = (engine.clone(), navigator.clone());
        use_callback((), move |(), ()| {
            let (engine, navigator) = (engine.clone(), navigator.clone());
            *rest.borrow_mut() = Some(Timeout::new(REST_MS, move || {
                if let Some(text) = engine.borrow().as_ref().map(|e: &Shared| e.borrow().camera_text()) {
                    navigator.keep(Field::Camera, text);
                }
            }));
        })
    };
    // The engine lives as long as canvas and feed do.
    use_effect_with(session.clone(), {
        let (canvas, engine, language) = (canvas.clone(), engine.clone(), settings.language);
        let moved = moved.clone();
        move |session| {
            let kept = start(&canvas, session, language, moved);
            *engine.borrow_mut() = kept.as_ref().map(|(shared, ..)| Rc::clone(shared));
            move || {
                if let Some((shared, ..)) = &kept {
                    shared.borrow_mut().stop();
                }
                engine.borrow_mut().take();
                drop(kept);
            }
        }
    });
    use_effect_with((settings.language, settings.theme, address.selection.clone()), {
        let engine = engine.clone();
        move |(language, _, selection)| {
            if let Some(shared) = engine.borrow().as_ref() {
                {
                    let mut engine = shared.borrow_mut();
                    engine.language = *language;
                    engine.repaint();
                    engine.selection.clone_from(selection);
                }
                Engine::draw_soon(shared);
            }
        }
    });

    use_effect_with((session.clone(), address.get(Field::Camera).to_owned()), {
        let engine = engine.clone();
        move |(_, camera)| {
            if let Some(shared) = engine.borrow().as_ref() {
                shared.borrow_mut().set_camera(camera);
                Engine::draw_soon(shared);
            }
        }
    });

    let with = {
        let engine = engine.clone();
        move |change: &dyn Fn(&mut Engine)| {
            if let Some(shared) = engine.borrow().as_ref() {
                change(&mut shared.borrow_mut());
                Engine::draw_soon(shared);
            }
        }
    };
    let target_at = {
        let engine = engine.clone();
        move |x: f64, y: f64| -> Option<(Target, Selection)> {
            let engine = engine.borrow();
            let engine = engine.as_ref()?.borrow();
            let target = engine.target_at(x, y)?;
            let selection = engine.selection_of(&target)?;
            Some((target, selection))
        }
    };

    let on_down = {
        let (grip, menu, canvas) = (grip.clone(), menu.clone(), canvas.clone());
        Callback::from(move |event: PointerEvent| {
            menu.set(None);
            if event.button() == 0 {
                let (x, y) = point(&event);
                *grip.borrow_mut() = Some(Grip { x, y, way: 0.0 });
                if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                    // A pointer that is down can be captured.
                    let _ = canvas.set_pointer_capture(event.pointer_id());
                }
            }
        })
    };
    let on_move = {
        let (grip, with, target_at, canvas) = (grip.clone(), with.clone(), target_at.clone(), canvas.clone());
        Callback::from(move |event: PointerEvent| {
            let (x, y) = point(&event);
            if let Some(grip) = grip.borrow_mut().as_mut() {
                let (dx, dy) = (x - grip.x, y - grip.y);
                grip.way += dx.abs() + dy.abs();
                (grip.x, grip.y) = (x, y);
                if grip.way > PAN_FROM {
                    with(&|engine| {
                        engine.hover = None;
                        engine.pan(dx, dy);
                    });
                }
                return;
            }
            let hover = target_at(x, y).map(|(target, _)| target);
            if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                // A property and value that every browser knows.
                let _ = web_sys::HtmlElement::style(&canvas)
                    .set_property("cursor", if hover.is_some() { "pointer" } else { "default" });
            }
            with(&|engine| engine.hover = hover.clone().map(|target| (target, x, y)));
        })
    };
    let on_up = {
        let (grip, target_at, navigator, address, moved) =
            (grip.clone(), target_at.clone(), navigator.clone(), address.clone(), moved.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(grip) = grip.borrow_mut().take() else { return };
            if grip.way > PAN_FROM {
                moved.emit(());
            } else {
                let (x, y) = point(&event);
                let selection = target_at(x, y).map(|(_, selection)| selection);
                if selection != address.selection {
                    navigator.go(address.clone().selecting(selection));
                }
            }
        })
    };
    let on_leave = {
        let (with, grip) = (with.clone(), grip.clone());
        Callback::from(move |_: PointerEvent| {
            if grip.borrow().is_none() {
                with(&|engine| engine.hover = None);
            }
        })
    };
    let on_menu = {
        let (menu, target_at, engine) = (menu.clone(), target_at.clone(), engine.clone());
        let selected = address.selection.clone();
        Callback::from(move |event: MouseEvent| {
            event.prevent_default();
            let (x, y) = point(&event);
            // The menu key has no place: the menu is for what is selected.
            let by_key = event.button() != 2;
            let selection = if by_key { selected.clone() } else { target_at(x, y).map(|(_, s)| s) };
            let (x, y) = if by_key { center(&engine) } else { (x, y) };
            menu.set(selection.map(|selection| MenuAt { x, y, selection }));
        })
    };
    let on_key = {
        let (engine, with, navigator, address) = (engine.clone(), with.clone(), navigator.clone(), address.clone());
        let moved = moved.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            let (x, y) = center(&engine);
            match event.key().as_str() {
                "+" | "=" => with(&|engine| engine.zoom(1.25, x, y)),
                "-" => with(&|engine| engine.zoom(0.8, x, y)),
                "0" => with(&|engine| engine.fit()),
                key => {
                    let Some(shared) = engine.borrow().clone() else { return };
                    let Some(next) = neighbour(&shared.borrow(), address.selection.as_ref(), key) else { return };
                    navigator.replace(address.clone().selecting(Some(next)));
                }
            }
            moved.emit(());
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let button = |icon, text: Text, key: &str, id: &'static str, change: fn(&mut Engine)| {
        let (with, label, moved) = (with.clone(), t(text), moved.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            with(&change);
            moved.emit(());
        });
        html! {
            <button class="icon-only" aria-label={label} title={format!("{label} ({key})")} data-testid={id} {onclick}><Icon name={icon} /></button>
        }
    };
    let close_menu = {
        let menu = menu.clone();
        Callback::from(move |()| menu.set(None))
    };
    html! {
        <section class="map" aria-label={t(Text::Dashboard)}>
            <canvas
                ref={canvas} class="map-canvas" data-testid="map" tabindex="0" role="application"
                aria-label={t(Text::MapLabel)} onpointerdown={on_down} onpointermove={on_move} onpointerup={on_up}
                onpointerleave={on_leave} oncontextmenu={on_menu} onkeydown={on_key}
            />
            <div class="map-tools" role="toolbar" aria-label={t(Text::ZoomFit)}>
                { button(IconName::Plus, Text::ZoomIn, "+", "zoom-in", |e| e.zoom(1.25, e.width / 2.0, e.height / 2.0)) }
                { button(IconName::Minus, Text::ZoomOut, "−", "zoom-out", |e| e.zoom(0.8, e.width / 2.0, e.height / 2.0)) }
                { button(IconName::Fit, Text::ZoomFit, "0", "zoom-fit", Engine::fit) }
            </div>
            if let Some(at) = (*menu).clone() {
                <Menu {at} close={close_menu} />
            }
            <Twin />
        </section>
    }
}

fn center(engine: &Rc<RefCell<Option<Shared>>>) -> (f64, f64) {
    engine.borrow().as_ref().map_or((0.0, 0.0), |e| {
        let e = e.borrow();
        (e.width / 2.0, e.height / 2.0)
    })
}

/// What an arrow key or Enter leads to: from node to node, from a node into its pods, from pod to pod.
fn neighbour(engine: &Engine, selected: Option<&Selection>, key: &str) -> Option<Selection> {
    let step = |columns: usize| match key {
        "ArrowLeft" => Some(-1),
        "ArrowRight" => Some(1),
        "ArrowUp" => Some(-(columns as i64)),
        "ArrowDown" => Some(columns as i64),
        _ => None,
    };
    let rows = engine.feed.rows();
    match selected {
        Some(pod) if pod.kind == "Pod" => {
            let slot = rows.pod_slot(&pod.namespace, &pod.name)?;
            let place = rows.places().get(&rows.pod(slot)?.node)?;
            let at = place.tiles.iter().position(|tile| *tile == Some(slot))? as i64;
            // Tiles lie from below to above.
            let columns = engine.layout.tile_columns;
            let step = step(columns)? * if key == "ArrowUp" || key == "ArrowDown" { -1 } else { 1 };
            let next = usize::try_from(at + step).ok()?;
            engine.selection_of(&Target::Pod((*place.tiles.get(next)?)?))
        }
        Some(node) if node.kind == "Node" => {
            if key == "Enter" {
                let slot = rows.places().get(node.name.as_str())?.pods().next()?;
                return engine.selection_of(&Target::Pod(slot));
            }
            let at = overlay::position(&engine.names, &node.name)? as i64;
            let next = usize::try_from(at + step(engine.layout.columns)?).ok()?;
            engine.selection_of(&Target::Node(engine.names.get(next)?.clone()))
        }
        _ => {
            step(1)?;
            engine.selection_of(&Target::Node(engine.names.first()?.clone()))
        }
    }
}

type Kept = (Shared, crate::state::Subscription, Vec<EventListener>, ResizeWatch);

/// Watches the canvas' size until it is dropped.
struct ResizeWatch {
    observer: Option<ResizeObserver>,
    _callback: Closure<dyn FnMut()>,
}

impl Drop for ResizeWatch {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.disconnect();
        }
    }
}

/// Makes the engine and connects it with what it must hear of.
fn start(
    canvas: &NodeRef,
    session: &crate::client::Session,
    language: crate::text::Language,
    moved: Callback<()>,
) -> Option<Kept> {
    let canvas = canvas.cast::<HtmlCanvasElement>()?;
    let pen = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    let engine = Engine::new(canvas.clone(), pen, Rc::clone(&session.feed), language, !reduced_motion());
    let shared: Shared = Rc::new(RefCell::new(engine));
    let subscription = session.feed.subscribe(Callback::from({
        let shared = Rc::clone(&shared);
        move |()| Engine::news(&shared)
    }));
    let wheel = {
        let shared = Rc::clone(&shared);
        let listen = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&canvas, "wheel", listen, move |event| {
            let Some(event) = event.dyn_ref::<WheelEvent>() else { return };
            event.prevent_default();
            let (x, y) = point(event);
            shared.borrow_mut().zoom(js_sys::Math::exp(-event.delta_y() * 0.0015), x, y);
            Engine::draw_soon(&shared);
            moved.emit(());
        })
    };
    let mut listeners = vec![wheel];
    for query in ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"] {
        if let Some(list) = web_sys::window().and_then(|w| w.match_media(query).ok()?) {
            let shared = Rc::clone(&shared);
            listeners.push(EventListener::new(&list, "change", move |_| {
                shared.borrow_mut().repaint();
                shared.borrow_mut().motion = !reduced_motion();
                Engine::draw_soon(&shared);
            }));
        }
    }
    let callback = Closure::<dyn FnMut()>::new({
        let shared = Rc::clone(&shared);
        // The observer may call while a frame is being drawn; the next frame sees the size anyway.
        let busy = Cell::new(false);
        move || {
            if !busy.replace(true) {
                if let Ok(mut engine) = shared.try_borrow_mut() {
                    engine.resize();
                }
                Engine::draw_soon(&shared);
                busy.set(false);
            }
        }
    });
    let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok();
    if let Some(observer) = &observer {
        observer.observe(&canvas);
    }
    shared.borrow_mut().resize();
    Engine::draw_soon(&shared);
    Some((shared, subscription, listeners, ResizeWatch { observer, _callback: callback }))
}
