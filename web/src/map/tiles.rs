//! Drawing the tiles: pods by state, ghosts while a controller is dragged, the mark around what is selected.

use super::engine::Engine;
use super::layout::TILE;
use crate::state::Selection;
use kubarium_core::order;
use kubarium_core::view::{PodState, Rows, Slot};

/// From this size of a tile on (CSS pixels) it has room for a letter.
const INITIAL_FROM: f64 = 20.0;

impl Engine {
    pub(super) fn draw_tiles(&self, rows: &Rows, now_ms: f64) {
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
        if edge >= INITIAL_FROM {
            self.draw_initials(rows, now_ms, edge);
        }
    }

    /// The first letter of a ready pod's owner: which pods belong together. Other states have a shape there.
    fn draw_initials(&self, rows: &Rows, now_ms: f64, edge: f64) {
        let pen = &self.pen;
        self.font((edge * 0.5).round(), 600);
        pen.set_fill_style_str(&self.palette.glass);
        pen.set_text_baseline("middle");
        pen.set_text_align("center");
        for (slot, sprite) in self.sprites.tiles().filter(|(_, s)| s.state == Some(PodState::Ready)) {
            let Some(pod) = rows.pod(slot) else { continue };
            let name = pod.owner.as_ref().map_or(&pod.name, |owner| &owner.name);
            let seen = sprite.seen(now_ms);
            let (x, y) = self.screen(seen.at);
            if seen.alpha >= 1.0 && x > -edge && y > -edge && x < self.width && y < self.height {
                let mut letter = [0; 4];
                if let Some(first) = name.chars().next() {
                    self.write(first.encode_utf8(&mut letter), x + edge / 2.0, y + edge / 2.0 + 1.0);
                }
            }
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
}

fn leaving_slots<'a>(rows: &'a Rows, names: &'a [kubarium_core::api::Name]) -> impl Iterator<Item = Slot> + 'a {
    let names: order::Set<_> = names.iter().collect();
    let pods = if names.is_empty() { None } else { Some(rows.pods_by_slot()) };
    pods.into_iter().flatten().filter(move |(_, pod)| names.contains(&pod.name)).map(|(slot, _)| slot)
}

/// The pods of a selected controller or service.
fn members(rows: &Rows, selection: &Selection) -> Option<Vec<Slot>> {
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
