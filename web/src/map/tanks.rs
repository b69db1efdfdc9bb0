//! Drawing the tanks: glass, water, rim, and what is wrong with a node. One colour at a time: changing it costs more
//! than a rectangle.

use super::engine::Engine;
use super::layout::RIM;
use super::paint::cut;
use crate::components::clock_text;
use crate::text::Text;
use crate::worker::protocol::{Countdown, Stage};
use kubarium_core::view::{Amounts, NodeReadiness, NodeRow, Place, PodState, Rows};

/// From this width of a tank on (CSS pixels) its columns have captions.
const CAPTION_WIDTH: f64 = 225.0;

/// A tank as it lies on the canvas, in CSS pixels.
#[derive(Clone, Copy)]
struct Tank<'a> {
    x: f64,
    y: f64,
    node: Option<&'a NodeRow>,
    place: &'a Place,
    name: &'a str,
}

/// A share of what there is, 0 to 1.
fn share(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) }
}

/// A tank has three columns of water: cpu, memory and pods.
const COLUMNS: f64 = 3.0;

/// What of a node's cpu, memory and pods is taken, 0 to 1 each.
fn levels(node: &NodeRow, requested: Amounts) -> [f64; 3] {
    let there = node.allocatable;
    [
        share(requested.cpu_milli, there.cpu_milli),
        share(requested.memory_bytes, there.memory_bytes),
        share(requested.pods, there.pods),
    ]
}

impl Engine {
    pub(super) fn draw_tanks(&self, rows: &Rows) {
        let (scale, pen) = (self.camera.scale, &self.pen);
        let (width, height) = (self.layout.tank_width() * scale, self.layout.tank_height() * scale);
        let rim = if self.shows_tiles() { RIM * scale } else { 0.0 };
        let tanks: Vec<Tank<'_>> = rows
            .places()
            .iter()
            .enumerate()
            .map(|(number, (name, place))| {
                let (x, y) = self.screen(self.layout.tank(number));
                Tank { x, y, node: place.node.as_ref(), place, name }
            })
            .filter(|t| t.x < self.width && t.y < self.height && t.x + width > 0.0 && t.y + height > 0.0)
            .collect();
        pen.set_fill_style_str(&self.palette.glass);
        for t in &tanks {
            pen.fill_rect(t.x, t.y, width, height);
        }
        // A node that is not ready has no water.
        let (body, column) = (height - rim, width / COLUMNS);
        pen.set_fill_style_str(&self.palette.water);
        let ready = |t: &&Tank<'_>| t.node.is_some_and(|n| n.readiness == NodeReadiness::Ready);
        for t in tanks.iter().filter(ready) {
            let Some(node) = t.node else { continue };
            for (number, level) in (0u8..).zip(levels(node, t.place.requested)) {
                let x = t.x + column * f64::from(number);
                pen.fill_rect(x, t.y + height - body * level, column, body * level);
            }
        }
        if self.shows_tiles() {
            pen.set_fill_style_str(&self.palette.water_line);
            for t in tanks.iter().filter(ready) {
                let Some(node) = t.node else { continue };
                for (number, level) in (0u8..).zip(levels(node, t.place.requested)).filter(|(_, level)| *level > 0.0) {
                    let x = t.x + column * f64::from(number);
                    pen.fill_rect(x, t.y + height - body * level, column, 1.5);
                }
            }
        } else {
            self.draw_heat(&tanks, width, height);
        }
        pen.set_stroke_style_str(&self.palette.glass_line);
        pen.set_line_width(1.0);
        pen.begin_path();
        for t in &tanks {
            pen.rect(t.x.round() + 0.5, t.y.round() + 0.5, width.round(), height.round());
        }
        pen.stroke();
        for t in &tanks {
            self.draw_trouble(t, width, height);
        }
        if width >= 56.0 && rim >= 9.0 {
            for t in &tanks {
                self.draw_rim(t, width, rim);
            }
        }
        if width >= CAPTION_WIDTH && rim >= 9.0 {
            for t in tanks.iter().filter(ready) {
                self.draw_captions(t, width, rim);
            }
        }
    }

    /// What the columns of water are, above each, as long as no tile or countdown lies there.
    fn draw_captions(&self, t: &Tank<'_>, width: f64, rim: f64) {
        let Some(node) = t.node else { return };
        let is_full = t.place.tiles.len() > self.layout.tile_columns * (self.layout.tile_rows - 1);
        if is_full || self.feed.countdown(t.name).is_some() {
            return;
        }
        let pen = &self.pen;
        let column = width / COLUMNS;
        self.font(11.0, 400);
        pen.set_fill_style_str(&self.palette.text_quiet);
        pen.set_text_baseline("middle");
        pen.set_text_align("left");
        for (number, text) in (0u8..).zip(self.level_texts(node, t.place)) {
            self.write(&cut(&text, column - 8.0, 11.0), t.x + column * f64::from(number) + 6.0, t.y + rim + 8.0);
        }
    }

    /// Where tiles are too small to be seen: a bar along the bottom, as long as the share of pods that need a look.
    fn draw_heat(&self, tanks: &[Tank<'_>], width: f64, height: f64) {
        let bar = (height * 0.3).clamp(2.0, 8.0);
        for state in Self::ORDER.into_iter().filter(|s| *s != PodState::Ready && *s != PodState::Succeeded) {
            self.pen.set_fill_style_str(self.palette.pod(state));
            for t in tanks {
                let total = t.place.states.total();
                let before: u32 =
                    Self::ORDER.into_iter().take_while(|s| *s != state).map(|s| t.place.states.get(s)).sum();
                let before = before - t.place.states.get(PodState::Ready) - t.place.states.get(PodState::Succeeded);
                let count = t.place.states.get(state);
                if count > 0 && total > 0 {
                    let unit = width / f64::from(total);
                    self.pen.fill_rect(
                        t.x + unit * f64::from(before),
                        t.y + height - bar,
                        (unit * f64::from(count)).max(1.5),
                        bar,
                    );
                }
            }
        }
    }

    /// A node that needs a look: without colour, crossed out where small, with its countdown where there is room.
    fn draw_trouble(&self, t: &Tank<'_>, width: f64, height: f64) {
        let pen = &self.pen;
        let Some(node) = t.node else { return };
        let ready = node.readiness == NodeReadiness::Ready;
        if !ready {
            pen.set_stroke_style_str(&self.palette.error);
            pen.set_line_width(if width > 40.0 { 2.0 } else { 1.5 });
            pen.stroke_rect(t.x + 1.0, t.y + 1.0, width - 1.0, height - 1.0);
            if width <= 56.0 {
                pen.begin_path();
                pen.move_to(t.x, t.y);
                pen.line_to(t.x + width, t.y + height);
                pen.stroke();
            }
        } else if node.cordoned {
            pen.set_stroke_style_str(&self.palette.warning);
            pen.set_line_width(2.0);
            self.dash(&[6.0, 4.0]);
            pen.stroke_rect(t.x + 1.0, t.y + 1.0, width - 1.0, height - 1.0);
            self.dash(&[]);
        }
        if let Some(countdown) = self.feed.countdown(t.name) {
            self.draw_countdown(t, countdown, width, height);
        }
    }

    fn draw_countdown(&self, t: &Tank<'_>, countdown: Countdown, width: f64, height: f64) {
        let pen = &self.pen;
        let now = self.feed.clock().now;
        let whole = countdown.at.since(countdown.from).0.max(1) as f64;
        let left = countdown.at.since(now);
        let part = (left.0 as f64 / whole).clamp(0.0, 1.0);
        // Below the rim, where no tiles are as long as the tank is not full.
        let rim = if self.shows_tiles() { RIM * self.camera.scale } else { 0.0 };
        let bar = if width > 90.0 && rim >= 9.0 { 22.0 } else { 4.0 };
        let y = t.y + rim.min(height - bar);
        pen.set_fill_style_str(&self.palette.raised);
        pen.fill_rect(t.x + 2.0, y, width - 3.0, bar);
        let colour = if countdown.stage == Stage::Grace { &self.palette.warning } else { &self.palette.error };
        pen.set_fill_style_str(colour);
        pen.fill_rect(t.x + 2.0, y + bar - 3.0, (width - 3.0) * part, 3.0);
        if bar > 10.0 {
            let time = clock_text(left);
            let time = time.strip_prefix("0:").unwrap_or(&time);
            let text = match countdown.stage {
                Stage::Grace => self.language.fill(Text::GraceIn, &[time]),
                Stage::Eviction => self.language.fill(Text::EvictionIn, &[time]),
                Stage::Replacement => self.language.fill(Text::Replacing, &[&countdown.pods.to_string()]),
            };
            self.font(11.0, 600);
            pen.set_text_baseline("middle");
            pen.set_text_align("left");
            self.write(&cut(&text, width - 12.0, 11.0), t.x + 6.0, y + 10.0);
        }
    }

    fn draw_rim(&self, t: &Tank<'_>, width: f64, rim: f64) {
        let pen = &self.pen;
        let size = (rim * 0.52).clamp(10.0, 13.0);
        let middle = t.y + rim / 2.0 + 0.5;
        pen.set_text_baseline("middle");
        let status = match t.node {
            None => Some((self.language.text(Text::NodeGone), &self.palette.error)),
            Some(n) if n.readiness != NodeReadiness::Ready => {
                Some((self.language.text(Text::NodeNotReady), &self.palette.error))
            }
            Some(n) if n.cordoned => Some((self.language.text(Text::Cordoned), &self.palette.warning)),
            Some(_) => None,
        };
        let right = match status {
            Some((text, colour)) if width > 130.0 => {
                self.font(size, 600);
                pen.set_fill_style_str(colour);
                text.to_owned()
            }
            _ => {
                self.font(size, 400);
                pen.set_fill_style_str(&self.palette.text_quiet);
                if width > 150.0 { t.node.map(|n| n.zone.to_string()).unwrap_or_default() } else { String::new() }
            }
        };
        let right = cut(&right, width * 0.45, size);
        pen.set_text_align("right");
        self.write(&right, t.x + width - 6.0, middle);
        pen.set_text_align("left");
        self.font(size, 600);
        pen.set_fill_style_str(&self.palette.text);
        let room = width - 12.0 - right.chars().count() as f64 * size * 0.56;
        self.write(&cut(t.name, room, size), t.x + 6.0, middle);
    }

    /// The height of the water in words: `CPU 40 %`, `Memory 25 %`, `Pods 6/110`.
    pub(super) fn level_texts(&self, node: &NodeRow, place: &Place) -> [String; 3] {
        let [cpu, memory, _] = levels(node, place.requested).map(|level| format!("{:.0} %", level * 100.0));
        let pods = format!("{}/{}", place.requested.pods, node.allocatable.pods);
        [(Text::Cpu, cpu), (Text::Memory, memory), (Text::Pods, pods)]
            .map(|(name, level)| format!("{} {level}", self.language.text(name)))
    }
}
