//! Drawing what lies around the tanks: springs, traffic, the tray of pending pods, the tooltip.

use super::engine::{EDGE, Engine, TRAY, Target};
use super::layout::TILE;
use super::paint::cut;
use crate::components::state_text;
use crate::text::Text;
use js_sys::Math;
use kubarium_core::api::Name;
use kubarium_core::view::{Id, PodState, Rows, Slot};

/// Height of a spring, of one that has but a line, and the least and the greatest gap below it.
const SPRING: f64 = 44.0;
const SPRING_LINE: f64 = 20.0;
const SPRING_GAP: f64 = 2.0;
const SPRING_GAP_MAX: f64 = 12.0;
/// Edge of a tile in the tray, and where the first lies.
const TRAY_TILE: f64 = 14.0;
const TRAY_FIRST: f64 = 16.0;
/// At most so many pending pods are shown one by one.
const TRAY_TILES_MAX: usize = 24;

/// Where the springs lie: all of them with two lines, or with one, or as many as there is room for.
struct Springs {
    top: f64,
    pitch: f64,
    height: f64,
    shown: usize,
}

impl Springs {
    fn new(count: usize, room: f64) -> Self {
        let wanted = room / count.max(1) as f64;
        let height = if wanted >= SPRING + SPRING_GAP { SPRING } else { SPRING_LINE };
        let pitch = wanted.clamp(height + SPRING_GAP, height + SPRING_GAP_MAX);
        let fit = (room / pitch + 1e-6) as usize;
        // The last line says how many more there are.
        let shown = if count <= fit { count } else { fit.saturating_sub(1) };
        let all = pitch * count.min(fit) as f64;
        Self { top: TRAY + 16.0 + ((room - all) / 3.0).max(0.0), pitch, height, shown }
    }

    /// The upper edge of one. Those that are not shown lie together in the last line.
    fn y(&self, number: usize) -> f64 {
        self.top + self.pitch * number.min(self.shown) as f64
    }
}

impl Engine {
    fn springs(&self, rows: &Rows) -> Springs {
        Springs::new(rows.services().len(), self.height - TRAY - 24.0)
    }

    pub(super) fn spring_at(&self, rows: &Rows, y: f64) -> Option<Id> {
        let springs = self.springs(rows);
        let found = (0..springs.shown).find(|n| (springs.y(*n)..=springs.y(*n) + springs.height).contains(&y))?;
        rows.services().keys().nth(found).cloned()
    }

    pub(super) fn draw_springs(&self, rows: &Rows) {
        if self.edge(rows) < 1.0 {
            return;
        }
        let pen = &self.pen;
        let springs = self.springs(rows);
        let (width, height) = (EDGE - 28.0, springs.height);
        pen.set_text_baseline("middle");
        pen.set_text_align("left");
        for (number, (id, service)) in rows.services().iter().take(springs.shown).enumerate() {
            let y = springs.y(number);
            pen.set_fill_style_str(&self.palette.surface);
            pen.fill_rect(16.0, y, width, height);
            let dry = service.ready == 0;
            let selected =
                self.selection.as_ref().is_some_and(|s| s.kind == "Service" && s.namespace == id.0 && s.name == id.1);
            pen.set_stroke_style_str(if dry {
                &self.palette.error
            } else if selected {
                &self.palette.focus
            } else {
                &self.palette.line
            });
            pen.set_line_width(if dry || selected { 2.0 } else { 1.0 });
            pen.stroke_rect(16.5, y + 0.5, width - 1.0, height - 1.0);
            pen.set_fill_style_str(if dry { &self.palette.error } else { &self.palette.flow });
            pen.fill_rect(16.0 + width - 3.0, y + height * 0.18, 3.0, height * 0.64);
            pen.set_fill_style_str(&self.palette.text);
            self.font(12.0, 600);
            let middle = if height < SPRING { height / 2.0 + 1.0 } else { 14.0 };
            self.write(&cut(&service.name, width - 20.0, 12.0), 24.0, y + middle);
            if height < SPRING {
                continue;
            }
            self.font(11.0, 400);
            pen.set_fill_style_str(if dry { &self.palette.error } else { &self.palette.text_quiet });
            let all = service.ready + service.not_ready;
            let text = if service.ready == all && all > 0 {
                self.language.fill(Text::AllReady, &[&all.to_string()])
            } else {
                self.language.fill(Text::ReadyOf, &[&service.ready.to_string(), &all.to_string()])
            };
            self.write(&cut(&text, width - 20.0, 11.0), 24.0, y + 30.0);
        }
        let more = rows.services().len() - springs.shown;
        if more > 0 {
            self.font(11.0, 400);
            pen.set_fill_style_str(&self.palette.text_quiet);
            self.write(&format!("+ {more}"), 24.0, springs.y(springs.shown) + height / 2.0);
        }
    }

    /// Where a service's requests come from.
    fn spring_mouth(&self, rows: &Rows, service: &Id) -> Option<(f64, f64)> {
        let number = rows.services().keys().position(|id| id == service)?;
        let edge = self.edge(rows);
        let springs = self.springs(rows);
        let y = if edge < 1.0 { TRAY + 20.0 } else { springs.y(number) + springs.height / 2.0 };
        Some(((edge - 12.0).max(0.0), y))
    }

    /// The middle of a pod's tile, or of its tank where tiles are too small.
    fn pod_middle(&self, rows: &Rows, slot: Slot) -> Option<(f64, f64)> {
        if self.shows_tiles() {
            let (x, y) = self.screen(self.sprites.get(slot)?.seen(f64::INFINITY).at);
            let half = TILE * self.camera.scale / 2.0;
            return Some((x + half, y + half));
        }
        let pod = rows.pod(slot)?;
        let tank = self.names.iter().position(|n| *n == pod.node)?;
        let (x, y) = self.layout.tank(tank);
        Some(self.screen((x + self.layout.tank_width() / 2.0, y + self.layout.tank_height() / 2.0)))
    }

    pub(super) fn draw_flows(&self, rows: &Rows, now_ms: f64) {
        let pen = &self.pen;
        if !self.flows.lines.is_empty() {
            pen.set_stroke_style_str(&self.palette.flow);
            pen.set_line_width(1.25);
            // The dashes run from the spring to the pod; without motion they stand.
            self.dash(&[2.0, 6.0]);
            pen.set_line_dash_offset(if self.motion { -now_ms * 0.06 } else { 0.0 });
            for band in [0.7, 0.4] {
                pen.set_global_alpha(band);
                pen.begin_path();
                for line in &self.flows.lines {
                    let fresh = line.alpha(now_ms) > 0.5;
                    if fresh != (band > 0.5) {
                        continue;
                    }
                    let ends = (self.spring_mouth(rows, &line.service), self.pod_middle(rows, line.pod));
                    if let (Some((x, y)), Some((to_x, to_y))) = ends {
                        let bend = (to_x - x) * 0.5;
                        pen.move_to(x, y);
                        pen.bezier_curve_to(x + bend, y, to_x - bend, to_y, to_x, to_y);
                    }
                }
                pen.stroke();
            }
            self.dash(&[]);
        }
        pen.set_stroke_style_str(&self.palette.spark);
        pen.set_line_width(2.0);
        for spark in &self.flows.sparks {
            let at = match spark.pod {
                Some(slot) => self.pod_middle(rows, slot),
                None => self.spring_mouth(rows, &spark.service),
            };
            let Some((x, y)) = at else { continue };
            let part = if self.motion { spark.part(now_ms) } else { 0.5 };
            pen.set_global_alpha(1.0 - spark.part(now_ms) * 0.8);
            let (inner, outer) = (4.0 + 5.0 * part, 7.0 + 9.0 * part);
            pen.begin_path();
            for ray in 0..8 {
                let angle = f64::from(ray) * std::f64::consts::FRAC_PI_4;
                let (right, down) = (Math::cos(angle), Math::sin(angle));
                pen.move_to(x + right * inner, y + down * inner);
                pen.line_to(x + right * outer, y + down * outer);
            }
            pen.stroke();
        }
        pen.set_global_alpha(1.0);
    }

    pub(super) fn tray_at(rows: &Rows, x: f64) -> Option<Slot> {
        let number = ((x - TRAY_FIRST) / (TRAY_TILE + 3.0)).floor();
        if number < 0.0 || number >= TRAY_TILES_MAX as f64 {
            return None;
        }
        rows.unbound().iter().nth(number as usize).copied()
    }

    /// The tray: pods without a node, and why the first of them waits.
    pub(super) fn draw_tray(&self, rows: &Rows) {
        let pen = &self.pen;
        pen.set_fill_style_str(&self.palette.surface);
        pen.fill_rect(0.0, 0.0, self.width, TRAY);
        pen.set_fill_style_str(&self.palette.line);
        pen.fill_rect(0.0, TRAY - 1.0, self.width, 1.0);
        let ghosts = self.feed.ghosts().as_ref().map_or((0, String::new()), |g| (g.pending, g.reason.clone()));
        let waiting = rows.unbound().len();
        let shown = waiting.min(TRAY_TILES_MAX).min(((self.width * 0.4) / (TRAY_TILE + 3.0)) as usize);
        let y = (TRAY - TRAY_TILE) / 2.0;
        let mut by_state: [Vec<(f64, f64, f64)>; PodState::COUNT] = Default::default();
        for (number, slot) in rows.unbound().iter().take(shown).enumerate() {
            let state = rows.pod(*slot).map_or(PodState::Pending, |p| p.state);
            by_state[state as usize].push((TRAY_FIRST + number as f64 * (TRAY_TILE + 3.0), y, 1.0));
        }
        for state in Self::ORDER {
            self.draw_state(state, &by_state[state as usize], TRAY_TILE);
        }
        let mut x = TRAY_FIRST + shown as f64 * (TRAY_TILE + 3.0);
        pen.set_stroke_style_str(&self.palette.ghost);
        pen.set_line_width(1.5);
        self.dash(&[3.0, 2.0]);
        for _ in 0..ghosts.0.min(12) {
            pen.stroke_rect(x + 0.5, y + 0.5, TRAY_TILE - 1.0, TRAY_TILE - 1.0);
            x += TRAY_TILE + 3.0;
        }
        self.dash(&[]);
        pen.set_text_baseline("middle");
        pen.set_text_align("left");
        self.font(12.0, 400);
        let first = rows.unbound().iter().find_map(|slot| rows.pod(*slot).filter(|p| !p.message.is_empty()));
        let (text, loud) = if ghosts.0 > 0 {
            let count = self.language.fill(Text::WouldPend, &[&ghosts.0.to_string()]);
            (format!("{count}: {}", brief(&ghosts.1)), true)
        } else if let Some(pod) = first {
            let count = self.language.fill(Text::PendingPods, &[&waiting.to_string()]);
            (format!("{count}: {}", brief(&pod.message)), true)
        } else if waiting > 0 {
            (self.language.fill(Text::PendingPods, &[&waiting.to_string()]), true)
        } else {
            (self.language.text(Text::NothingPending).to_owned(), false)
        };
        pen.set_fill_style_str(if loud { &self.palette.text } else { &self.palette.text_quiet });
        let x = if x > TRAY_FIRST { x + 6.0 } else { TRAY_FIRST };
        self.write(&cut(&text, self.width - x - 120.0, 12.0), x, TRAY / 2.0);
    }

    /// What an empty map says.
    pub(super) fn draw_emptiness(&self) {
        if self.names.is_empty() {
            let pen = &self.pen;
            pen.set_text_baseline("middle");
            pen.set_text_align("center");
            self.font(14.0, 400);
            pen.set_fill_style_str(&self.palette.text_quiet);
            self.write(self.language.text(Text::NoNodes), self.width / 2.0, self.height / 2.0);
        }
    }

    pub(super) fn draw_hover(&self, rows: &Rows) {
        let Some((target, x, y)) = &self.hover else { return };
        let Some((title, detail)) = self.describe(rows, target) else { return };
        let pen = &self.pen;
        let longest = title.chars().count().max(detail.chars().count()).min(56);
        let width = (longest as f64 * 6.6 + 20.0).min(self.width - 16.0);
        let height = if detail.is_empty() { 26.0 } else { 44.0 };
        let left = (x + 14.0).min(self.width - width - 8.0).max(8.0);
        let top = if y + 18.0 + height > self.height { y - height - 8.0 } else { y + 18.0 };
        pen.set_fill_style_str(&self.palette.raised);
        pen.fill_rect(left, top, width, height);
        pen.set_stroke_style_str(&self.palette.glass_line);
        pen.set_line_width(1.0);
        pen.stroke_rect(left.round() + 0.5, top.round() + 0.5, width.round(), height.round());
        pen.set_text_baseline("middle");
        pen.set_text_align("left");
        pen.set_fill_style_str(&self.palette.text);
        self.font(12.0, 600);
        self.write(&cut(&title, width - 12.0, 12.0), left + 8.0, top + 14.0);
        self.font(12.0, 400);
        pen.set_fill_style_str(&self.palette.text_quiet);
        self.write(&cut(&detail, width - 12.0, 12.0), left + 8.0, top + 32.0);
    }

    fn describe(&self, rows: &Rows, target: &Target) -> Option<(String, String)> {
        Some(match target {
            Target::Pod(slot) => {
                let pod = rows.pod(*slot)?;
                let state = self.language.text(state_text(pod.state));
                let why = if pod.reason.is_empty() { String::new() } else { format!(": {}", pod.reason) };
                (pod.name.to_string(), format!("{state}{why}"))
            }
            Target::Node(name) => {
                let place = rows.places().get(name)?;
                let pods = || format!("{} {}", self.language.text(Text::Pods), place.states.total());
                let levels = place.node.as_ref().map(|n| self.level_texts(n, place).join("  "));
                (name.to_string(), levels.unwrap_or_else(pods))
            }
            Target::Service(namespace, name) => {
                let service = rows.services().get(&(namespace.clone(), name.clone()))?;
                let ports: Vec<String> = service.ports.iter().map(|p| p.port.to_string()).collect();
                (name.to_string(), format!("{} {}:{}", service.kind, service.cluster_ip, ports.join(",")))
            }
        })
    }
}

/// Kubernetes' sentence without what it says of preemption.
fn brief(message: &str) -> &str {
    let end = [" preemption:", " no new claims"].into_iter().filter_map(|rest| message.find(rest)).min();
    end.map_or(message, |end| &message[..end])
}

/// A node's number in the grid.
pub(super) fn position(names: &[Name], name: &str) -> Option<usize> {
    names.iter().position(|n| n == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn springs_lie_in_their_room_and_never_over_one_another() {
        for (count, room, lines, shown) in [
            (1, 600.0, 2, 1),
            (10, 600.0, 2, 10),
            (13, 600.0, 2, 13),
            (14, 600.0, 1, 14),
            (27, 600.0, 1, 27),
            (28, 600.0, 1, 26),
            (1_000, 600.0, 1, 26),
            (3, 30.0, 1, 0),
            (3, -50.0, 1, 0),
        ] {
            let springs = Springs::new(count, room);
            assert_eq!((springs.height < SPRING, springs.shown), (lines == 1, shown), "{count} in {room}");
            assert!(springs.pitch > springs.height, "{count} in {room}");
            // The last line says how many more there are.
            let last = if shown < count { shown } else { shown - 1 };
            if shown > 0 {
                assert!(springs.y(last) + springs.height <= TRAY + 16.0 + room, "{count} in {room}");
            }
        }
    }
}
