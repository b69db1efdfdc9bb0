//! The map's state between frames, and the rule when to draw: only when something it shows has changed or moves.

use super::flows::Flows;
use super::layout::{Layout, RIM, Spot, TILE};
use super::palette::Palette;
use super::sprites::Sprites;
use crate::state::{Feed, Selection};
use crate::text::Language;
use gloo_render::AnimationFrame;
use kubarium_core::api::Name;
use kubarium_core::view::{PodState, Rows, Slot};
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// The smallest and the greatest scale of the map.
const SCALE_MIN: f64 = 0.02;
const SCALE_MAX: f64 = 6.0;
/// Height of the tray of pending pods and width of the springs' edge, in CSS pixels.
pub(super) const TRAY: f64 = 40.0;
pub(super) const EDGE: f64 = 136.0;
/// Around the grid, in CSS pixels.
const MARGIN: f64 = 16.0;
/// From this size of a tile on (CSS pixels) single pods are drawn; below it a tank is a heat map.
const TILE_SEEN: f64 = 4.5;

/// What of the map is in the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Camera {
    pub(super) scale: f64,
    /// Where the map's origin is, in CSS pixels of the canvas.
    pub(super) x: f64,
    pub(super) y: f64,
    /// Whether it follows the map's size.
    pub(super) fitted: bool,
}

/// Something on the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Pod(Slot),
    Node(Name),
    Service(Name, Name),
}

pub(super) struct Engine {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) pen: CanvasRenderingContext2d,
    pub(super) feed: Rc<Feed>,
    pub(super) language: Language,
    pub(super) palette: Palette,
    /// Whether things may move on their way.
    pub(super) motion: bool,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) density: f64,
    pub(super) layout: Layout,
    /// The tanks' nodes, in their order.
    pub(super) names: Vec<Name>,
    pub(super) camera: Camera,
    pub(super) sprites: Sprites,
    pub(super) flows: Flows,
    pub(super) selection: Option<Selection>,
    pub(super) hover: Option<(Target, f64, f64)>,
    synced: Option<(u64, bool)>,
    /// What the feed had when the last frame was drawn.
    drawn: u64,
    frame: Option<AnimationFrame>,
    /// Frames drawn so far: for tests of "nothing moves, nothing is drawn".
    pub(super) frames: u32,
}

pub(super) type Shared = Rc<RefCell<Engine>>;

impl Engine {
    pub(super) fn new(
        canvas: HtmlCanvasElement,
        pen: CanvasRenderingContext2d,
        feed: Rc<Feed>,
        language: Language,
        motion: bool,
    ) -> Self {
        let palette = Palette::read(&canvas);
        Self {
            canvas,
            pen,
            feed,
            language,
            palette,
            motion,
            width: 0.0,
            height: 0.0,
            density: 1.0,
            layout: Layout::default(),
            names: Vec::new(),
            camera: Camera { scale: 1.0, x: 0.0, y: 0.0, fitted: true },
            sprites: Sprites::default(),
            flows: Flows::default(),
            selection: None,
            hover: None,
            synced: None,
            drawn: u64::MAX,
            frame: None,
            frames: 0,
        }
    }

    /// The feed has news. Draws only if the map shows them: the clock alone is none of its business.
    pub(super) fn news(this: &Shared) {
        let wanted = {
            let engine = this.borrow();
            engine.fingerprint() != engine.drawn || engine.feed.has_flows() || engine.feed.has_countdowns()
        };
        if wanted {
            Self::draw_soon(this);
        }
    }

    fn fingerprint(&self) -> u64 {
        // Rows and ghosts; the version of ghosts is their number, which is what is drawn.
        let ghosts = self.feed.ghosts().as_ref().map_or(0, |g| {
            1 + u64::from(g.pending) + g.leaving.len() as u64 + g.placed.iter().map(|(_, n)| u64::from(*n)).sum::<u64>()
        });
        self.feed.rows_version().wrapping_mul(100_003).wrapping_add(ghosts)
    }

    /// Draws in the next frame.
    pub(super) fn draw_soon(this: &Shared) {
        if this.borrow().frame.is_some() {
            return;
        }
        let next = Rc::clone(this);
        let frame = gloo_render::request_animation_frame(move |now_ms| {
            let again = {
                let mut engine = next.borrow_mut();
                engine.frame = None;
                engine.draw(now_ms)
            };
            if again {
                Self::draw_soon(&next);
            }
        });
        this.borrow_mut().frame = Some(frame);
    }

    /// Stops drawing.
    pub(super) fn stop(&mut self) {
        self.frame = None;
    }

    /// The canvas has another size. What is in its middle stays there.
    pub(super) fn resize(&mut self) {
        let rect = self.canvas.get_bounding_client_rect();
        let density = web_sys::window().map_or(1.0, |w| w.device_pixel_ratio()).clamp(1.0, 3.0);
        if (rect.width(), rect.height(), density) == (self.width, self.height, self.density) {
            return;
        }
        self.camera.x += (rect.width() - self.width) / 2.0;
        self.camera.y += (rect.height() - self.height) / 2.0;
        (self.width, self.height, self.density) = (rect.width(), rect.height(), density);
        self.canvas.set_width((self.width * density).round() as u32);
        self.canvas.set_height((self.height * density).round() as u32);
        self.synced = None;
    }

    /// Left edge of the grid's window.
    pub(super) fn edge(&self, rows: &Rows) -> f64 {
        if rows.services().is_empty() || self.width < 560.0 { 0.0 } else { EDGE }
    }

    /// Whether single pods are drawn.
    pub(super) fn shows_tiles(&self) -> bool {
        TILE * self.camera.scale >= TILE_SEEN
    }

    pub(super) fn screen(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x * self.camera.scale + self.camera.x, y * self.camera.scale + self.camera.y)
    }

    /// Brings layout and tiles up to date with the rows.
    fn sync(&mut self, now_ms: f64) {
        let feed = Rc::clone(&self.feed);
        let rows = feed.rows();
        let tanks_changed = !rows.places().keys().eq(self.names.iter());
        if tanks_changed {
            self.names = rows.places().keys().cloned().collect();
        }
        let tiles_max = rows.places().values().map(|p| p.tiles.len()).max().unwrap_or(0);
        let edge = self.edge(&rows);
        let (width, height) = (self.width - edge - 2.0 * MARGIN, self.height - TRAY - 2.0 * MARGIN);
        let (width, height) = (width.max(40.0), height.max(40.0));
        // Tanks never shrink while they are watched: what moves is pods.
        let room = tiles_max.max(if tanks_changed { 0 } else { self.layout.tile_columns * self.layout.tile_rows });
        let layout = Layout::new(self.names.len(), room, width / height);
        let relaid = layout != self.layout;
        self.layout = layout;
        if self.camera.fitted {
            let scale = layout.fit(width, height);
            self.camera = Camera {
                scale,
                x: edge + MARGIN + (width - layout.width() * scale).max(0.0) / 2.0,
                y: TRAY + MARGIN + (height - layout.height() * scale).max(0.0) / 3.0,
                fitted: true,
            };
        }
        let tiles = self.shows_tiles();
        let current = Some((feed.rows_version(), tiles));
        if self.synced == current && !relaid {
            return;
        }
        let moves = self.motion && tiles && self.synced.is_some_and(|(_, t)| t) && !relaid;
        self.synced = current;
        self.sprites.begin(rows.slots(), now_ms);
        if !tiles {
            return;
        }
        let mut present = vec![false; rows.slots()];
        for (tank, place) in rows.places().values().enumerate() {
            for (number, slot) in place.tiles.iter().enumerate() {
                if let Some(slot) = slot
                    && let Some(pod) = rows.pod(*slot)
                {
                    let to = layout.tile(tank, number);
                    let above = moves.then(|| (to.1 - layout.tank(tank).1 - RIM).max(8.0));
                    self.sprites.put(*slot, pod.uid, pod.state, to, above, now_ms);
                    present[*slot as usize] = true;
                }
            }
        }
        for (slot, is_present) in (0u32..).zip(present) {
            if !is_present {
                self.sprites.clear(slot, moves, now_ms);
            }
        }
    }

    /// Draws a frame. Returns whether the next one differs although nothing new may have come.
    fn draw(&mut self, now_ms: f64) -> bool {
        if self.width < 1.0 || self.height < 1.0 {
            return false;
        }
        self.frames = self.frames.wrapping_add(1);
        self.sync(now_ms);
        self.drawn = self.fingerprint();
        let feed = Rc::clone(&self.feed);
        let rows = feed.rows();
        self.flows.add(feed.take_flows(), now_ms);
        self.flows.age(now_ms);
        // A density is a valid scale.
        let _ = self.pen.set_transform(self.density, 0.0, 0.0, self.density, 0.0, 0.0);
        self.pen.set_fill_style_str(&self.palette.ground);
        self.pen.fill_rect(0.0, 0.0, self.width, self.height);
        self.draw_tanks(&rows);
        if self.shows_tiles() {
            self.draw_tiles(&rows, now_ms);
        }
        self.draw_ghosts(&rows);
        self.draw_flows(&rows, now_ms);
        self.draw_springs(&rows);
        self.draw_tray(&rows);
        self.draw_emptiness();
        self.draw_selection(&rows);
        self.draw_hover(&rows);
        self.sprites.is_moving(now_ms) || (self.motion && self.flows.is_moving(now_ms))
    }

    /// What lies at a point of the canvas, in CSS pixels.
    pub(super) fn target_at(&self, x: f64, y: f64) -> Option<Target> {
        let rows = self.feed.rows();
        if y < TRAY {
            return Self::tray_at(&rows, x).map(Target::Pod);
        }
        if x < self.edge(&rows) {
            let (namespace, name) = self.spring_at(&rows, y)?;
            return Some(Target::Service(namespace, name));
        }
        let (map_x, map_y) = ((x - self.camera.x) / self.camera.scale, (y - self.camera.y) / self.camera.scale);
        match self.layout.at(map_x, map_y)? {
            Spot::Tile(tank, tile) if self.shows_tiles() => {
                let name = self.names.get(tank)?;
                let slot = rows.places().get(name).and_then(|p| *p.tiles.get(tile)?);
                Some(slot.map_or_else(|| Target::Node(name.clone()), Target::Pod))
            }
            Spot::Tile(tank, _) | Spot::Tank(tank) => self.names.get(tank).cloned().map(Target::Node),
        }
    }

    /// A target as a selection.
    pub(super) fn selection_of(&self, target: &Target) -> Option<Selection> {
        Some(match target {
            Target::Pod(slot) => {
                let rows = self.feed.rows();
                let pod = rows.pod(*slot)?;
                Selection::new("Pod", &pod.namespace, &pod.name)
            }
            Target::Node(name) => Selection::new("Node", "", name),
            Target::Service(namespace, name) => Selection::new("Service", namespace, name),
        })
    }

    /// Takes over the colours that hold now.
    pub(super) fn repaint(&mut self) {
        self.palette = Palette::read(&self.canvas);
    }

    /// Zooms by a factor around a point of the canvas.
    pub(super) fn zoom(&mut self, factor: f64, x: f64, y: f64) {
        let scale = (self.camera.scale * factor).clamp(SCALE_MIN, SCALE_MAX);
        let factor = scale / self.camera.scale;
        self.camera =
            Camera { scale, x: x - (x - self.camera.x) * factor, y: y - (y - self.camera.y) * factor, fitted: false };
    }

    pub(super) const fn pan(&mut self, dx: f64, dy: f64) {
        self.camera.x += dx;
        self.camera.y += dy;
        self.camera.fitted = false;
    }

    /// The camera as the address keeps it: its scale, and the point of the map in the middle of the canvas. Empty where
    /// all of it is shown.
    pub(super) fn camera_text(&self) -> String {
        let Camera { scale, x, y, fitted } = self.camera;
        if fitted {
            return String::new();
        }
        format!("{scale:.3},{:.0},{:.0}", (self.width / 2.0 - x) / scale, (self.height / 2.0 - y) / scale)
    }

    /// Takes over what the address says, unless it is so already. What cannot be read shows all of the map.
    pub(super) fn set_camera(&mut self, text: &str) {
        if self.camera_text() == text {
            return;
        }
        // The browser reads them: Rust's own reader has tables that are 13 KB of the page.
        let numbers: Vec<f64> = text.split(',').map(js_sys::Number::parse_float).filter(|n| n.is_finite()).collect();
        if let [scale, middle_x, middle_y] = numbers[..] {
            let scale = scale.clamp(SCALE_MIN, SCALE_MAX);
            let (x, y) = (self.width / 2.0 - middle_x * scale, self.height / 2.0 - middle_y * scale);
            self.camera = Camera { scale, x, y, fitted: false };
        } else {
            self.fit();
        }
    }

    /// Shows all of it, now and when it grows.
    pub(super) const fn fit(&mut self) {
        self.camera.fitted = true;
    }

    /// The states pods are drawn in, the loud ones last so that they lie on top.
    pub(super) const ORDER: [PodState; PodState::COUNT] = [
        PodState::Succeeded,
        PodState::Ready,
        PodState::Terminating,
        PodState::Starting,
        PodState::NotReady,
        PodState::Failed,
        PodState::CrashLooping,
        PodState::Pending,
    ];
}
