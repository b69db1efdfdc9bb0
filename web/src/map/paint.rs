//! Drawing tanks, tiles and ghosts. One colour at a time: changing it costs more than a rectangle.

use super::engine::Engine;
use super::layout::{RIM, TILE};
use crate::components::clock_text;
use crate::text::Text;
use crate::worker::protocol::{Countdown, Stage};
use kubarium_core::view::{Amounts, NodeReadiness, NodeRow, Place, PodState, Rows, Slot};

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

/// What of a node's cpu and memory is requested, 0 to 1 each.
fn levels(node: &NodeRow, requested: Amounts) -> (f64, f64) {
    (
        share(requested.cpu_milli, node.allocatable.cpu_milli),
        share(requested.memory_bytes, node.allocatable.memory_bytes),
    )
}

/// A text cut to what fits, by the usual width of a character.
pub(super) fn cut(text: &str, width: f64, size: f64) -> String {
    let fits = (width / (size * 0.56)).floor();
    if fits < 2.0 {
        return String::new();
    }
    let fits = fits as usize;
    if text.chars().count() <= fits {
        text.to_owned()
    } else {
        text.chars().take(fits.saturating_sub(1)).chain(['…']).collect()
    }
}

impl Engine {
    pub(super) fn font(&self, size: f64, weight: u32) {
        self.pen.set_font(&format!("{weight} {size}px {}", self.palette.font));
    }

    /// Writes a text whose middle is at `y`. A canvas refuses text only without memory.
    pub(super) fn write(&self, text: &str, x: f64, y: f64) {
        let _ = self.pen.fill_text(text, x.round(), y.round());
    }

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
        // Water: cpu in the left half, memory in the right. A node that is not ready has none.
        let body = height - rim;
        pen.set_fill_style_str(&self.palette.water);
        let ready = |t: &&Tank<'_>| t.node.is_some_and(|n| n.readiness == NodeReadiness::Ready);
        for t in tanks.iter().filter(ready) {
            let Some(node) = t.node else { continue };
            let (cpu, memory) = levels(node, t.place.requested);
            for (x, level) in [(t.x, cpu), (t.x + width / 2.0, memory)] {
                pen.fill_rect(x, t.y + height - body * level, width / 2.0, body * level);
            }
        }
        if self.shows_tiles() {
            pen.set_fill_style_str(&self.palette.water_line);
            for t in tanks.iter().filter(ready) {
                let Some(node) = t.node else { continue };
                let (cpu, memory) = levels(node, t.place.requested);
                for (x, level) in [(t.x, cpu), (t.x + width / 2.0, memory)] {
                    if level > 0.0 {
                        pen.fill_rect(x, t.y + height - body * level, width / 2.0, 1.5);
                    }
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

    pub(super) fn draw_tiles(&self, now_ms: f64) {
        let edge = TILE * self.camera.scale;
        let inside = |x: f64, y: f64| x > -edge && y > -edge && x < self.width && y < self.height;
        let mut by_state: [Vec<(f64, f64, f64)>; PodState::COUNT] = Default::default();
        for (_, sprite) in self.sprites.tiles() {
            let Some(state) = sprite.state else { continue };
            let seen = sprite.seen(now_ms);
            let (x, y) = self.screen(seen.at);
            if inside(x, y) {
                by_state[state as usize].push((x, y, seen.alpha));
            }
        }
        for leaving in self.sprites.leaving() {
            let (x, y) = self.screen(leaving.at);
            if inside(x, y) {
                by_state[leaving.state as usize].push((x, y, leaving.alpha(now_ms)));
            }
        }
        for state in Self::ORDER {
            self.draw_state(state, &by_state[state as usize], edge);
        }
    }

    /// Draws tiles of one state: its colour, and its shape where a tile is large enough to have one.
    pub(super) fn draw_state(&self, state: PodState, tiles: &[(f64, f64, f64)], edge: f64) {
        let pen = &self.pen;
        if tiles.is_empty() {
            return;
        }
        let colour = self.palette.pod(state);
        let line = (edge * 0.12).clamp(1.0, 2.5);
        let hollow =
            matches!(state, PodState::Pending | PodState::Starting | PodState::Terminating | PodState::Succeeded);
        pen.set_fill_style_str(if hollow { &self.palette.glass } else { colour });
        let mut alpha = 1.0;
        for (x, y, a) in tiles {
            if (alpha - a).abs() > f64::EPSILON {
                alpha = *a;
                pen.set_global_alpha(alpha);
            }
            pen.fill_rect(*x, *y, edge, edge);
        }
        if alpha < 1.0 {
            pen.set_global_alpha(1.0);
        }
        if state == PodState::Ready {
            return;
        }
        if hollow {
            pen.set_stroke_style_str(colour);
            pen.set_line_width(line);
            self.dash(if state == PodState::Pending { &[3.0, 2.0] } else { &[] });
            pen.begin_path();
            for (x, y, _) in tiles {
                pen.rect(x + line / 2.0, y + line / 2.0, edge - line, edge - line);
            }
            pen.stroke();
            self.dash(&[]);
        }
        if edge < 6.5 {
            return;
        }
        // The shape: told apart without colour.
        pen.set_line_width(line);
        pen.set_stroke_style_str(if hollow { colour } else { &self.palette.glass });
        pen.set_fill_style_str(if hollow { colour } else { &self.palette.glass });
        pen.begin_path();
        let (near, far, middle) = (edge * 0.3, edge * 0.7, edge * 0.5);
        for (x, y, _) in tiles {
            match state {
                // The lower half: it fills up.
                PodState::Starting => pen.fill_rect(*x, y + middle, edge, middle),
                // A hole: it runs, and nothing comes out.
                PodState::NotReady => pen.fill_rect(x + near, y + near, edge * 0.4, edge * 0.4),
                PodState::CrashLooping => {
                    pen.move_to(x + near, y + near);
                    pen.line_to(x + far, y + far);
                    pen.move_to(x + far, y + near);
                    pen.line_to(x + near, y + far);
                }
                PodState::Terminating => {
                    pen.move_to(x + near, y + middle);
                    pen.line_to(x + far, y + middle);
                }
                PodState::Failed => {
                    pen.move_to(x + near, y + far);
                    pen.line_to(x + far, y + near);
                }
                PodState::Succeeded => {
                    pen.move_to(x + near, y + middle);
                    pen.line_to(x + edge * 0.45, y + far);
                    pen.line_to(x + far, y + near);
                }
                PodState::Ready | PodState::Pending => {}
            }
        }
        pen.stroke();
    }

    pub(super) fn dash(&self, lengths: &[f64]) {
        let list: js_sys::Array = lengths.iter().map(|n| wasm_bindgen::JsValue::from_f64(*n)).collect();
        // Positive numbers are a valid pattern.
        let _ = self.pen.set_line_dash(&list);
    }

    /// Where pods would go, while a controller is dragged.
    pub(super) fn draw_ghosts(&self, rows: &Rows) {
        let ghosts = self.feed.ghosts();
        let Some(ghosts) = ghosts.as_ref() else { return };
        let pen = &self.pen;
        let edge = TILE * self.camera.scale;
        pen.set_stroke_style_str(&self.palette.ghost);
        pen.set_line_width((edge * 0.12).clamp(1.0, 2.0));
        self.dash(&[3.0, 2.0]);
        for (tank, (name, place)) in rows.places().iter().enumerate() {
            let Some((_, count)) = ghosts.placed.iter().find(|(node, _)| node == name) else { continue };
            if !self.shows_tiles() {
                let (x, y) = self.screen(self.layout.tank(tank));
                let scale = self.camera.scale;
                pen.stroke_rect(x, y, self.layout.tank_width() * scale, self.layout.tank_height() * scale);
                continue;
            }
            let free = (0..).filter(|n| place.tiles.get(*n).is_none_or(Option::is_none)).take(*count as usize);
            for number in free {
                let (x, y) = self.screen(self.layout.tile(tank, number));
                pen.set_global_alpha(0.25);
                pen.set_fill_style_str(&self.palette.ghost);
                pen.fill_rect(x, y, edge, edge);
                pen.set_global_alpha(1.0);
                pen.stroke_rect(x + 0.5, y + 0.5, edge - 1.0, edge - 1.0);
            }
        }
        self.dash(&[]);
        // Pods that would go: struck through.
        pen.begin_path();
        for slot in leaving_slots(rows, &ghosts.leaving) {
            if let Some(sprite) = self.sprites.get(slot) {
                let (x, y) = self.screen(sprite.seen(f64::INFINITY).at);
                pen.move_to(x - 2.0, y + edge + 2.0);
                pen.line_to(x + edge + 2.0, y - 2.0);
                pen.rect(x - 1.5, y - 1.5, edge + 3.0, edge + 3.0);
            }
        }
        pen.stroke();
    }

    /// The mark around what is selected.
    pub(super) fn draw_selection(&self, rows: &Rows) {
        let Some(selection) = &self.selection else { return };
        let pen = &self.pen;
        pen.set_stroke_style_str(&self.palette.focus);
        pen.set_line_width(2.0);
        let scale = self.camera.scale;
        if selection.kind == "Node" {
            let Some(number) = self.names.iter().position(|n| *n == selection.name) else { return };
            let (x, y) = self.screen(self.layout.tank(number));
            let (width, height) = (self.layout.tank_width() * scale, self.layout.tank_height() * scale);
            pen.stroke_rect(x - 3.0, y - 3.0, width + 6.0, height + 6.0);
        } else if selection.kind == "Pod" {
            let Some(slot) = rows.pod_slot(&selection.namespace, &selection.name) else { return };
            let edge = TILE * scale;
            match self.sprites.get(slot) {
                Some(sprite) if self.shows_tiles() => {
                    let (x, y) = self.screen(sprite.seen(f64::INFINITY).at);
                    pen.stroke_rect(x - 2.5, y - 2.5, edge + 5.0, edge + 5.0);
                }
                _ => {}
            }
        } else if let Some(slots) = members(rows, selection) {
            let edge = TILE * scale;
            pen.begin_path();
            for slot in slots {
                if let Some(sprite) = self.sprites.get(slot) {
                    let (x, y) = self.screen(sprite.seen(f64::INFINITY).at);
                    pen.rect(x - 1.5, y - 1.5, edge + 3.0, edge + 3.0);
                }
            }
            pen.stroke();
        }
    }

    /// The height of the water in words, for tooltip and table: `cpu 40 %, memory 25 %`.
    pub(super) fn level_text(&self, node: &NodeRow, place: &Place) -> String {
        let (cpu, memory) = levels(node, place.requested);
        format!(
            "{} {:.0} %  {} {:.0} %",
            self.language.text(Text::Cpu),
            cpu * 100.0,
            self.language.text(Text::Memory),
            memory * 100.0
        )
    }
}

fn leaving_slots<'a>(rows: &'a Rows, names: &'a [kubarium_core::api::Name]) -> impl Iterator<Item = Slot> + 'a {
    let names: std::collections::BTreeSet<_> = names.iter().collect();
    let pods = if names.is_empty() { None } else { Some(rows.pods_by_slot()) };
    pods.into_iter().flatten().filter(move |(_, pod)| names.contains(&pod.name)).map(|(slot, _)| slot)
}

/// The pods of a selected controller or service.
fn members(rows: &Rows, selection: &crate::state::Selection) -> Option<Vec<Slot>> {
    if selection.kind == "Service" {
        let id = (selection.namespace.as_str().into(), selection.name.as_str().into());
        return rows.services().get(&id).map(|s| s.backends.clone());
    }
    let owned = rows.pods_by_slot().filter(|(_, pod)| {
        pod.namespace == selection.namespace
            && pod.owner.as_ref().is_some_and(|o| o.kind == selection.kind && o.name == selection.name)
    });
    Some(owned.map(|(slot, _)| slot).collect())
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn texts_are_cut_to_their_room() {
        assert_eq!(cut("node-1", 100.0, 12.0), "node-1");
        assert_eq!(cut("a-very-long-node-name", 50.0, 12.0), "a-very…");
        assert_eq!(cut("node-1", 5.0, 12.0), "");
    }
}
