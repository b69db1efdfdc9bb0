//! Tiles in motion: where each pod's tile is on its way to where it belongs.
//!
//! Motion follows the cluster: a tile drops in when its pod is bound, slides when it moves, dissolves when the pod is
//! gone. It starts from where the tile is seen, so that it can be interrupted at any time.

use kubarium_core::api::Uid;
use kubarium_core::view::{PodState, Slot};

/// How long a tile is on its way, in milliseconds.
pub(super) const MOTION_MS: f64 = 220.0;

/// More changes than this in one frame are not followed by eye: they happen at once.
const MOVES_MAX: usize = 400;

/// A tile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sprite {
    uid: Uid,
    to: (f64, f64),
    from: (f64, f64),
    /// When the motion began; very long ago where it rests.
    since_ms: f64,
    /// Whether it appears (rather than slides).
    fresh: bool,
    pub(super) state: Option<PodState>,
}

/// A tile of a pod that is gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leaving {
    pub(super) at: (f64, f64),
    pub(super) state: PodState,
    since_ms: f64,
}

/// Where a tile is drawn, and how far it has appeared (0 to 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) at: (f64, f64),
    pub(super) alpha: f64,
}

fn eased(part: f64) -> f64 {
    let left = 1.0 - part.clamp(0.0, 1.0);
    1.0 - left * left * left
}

impl Sprite {
    fn part(&self, now_ms: f64) -> f64 {
        (now_ms - self.since_ms) / MOTION_MS
    }

    pub(super) fn seen(&self, now_ms: f64) -> Seen {
        let part = self.part(now_ms);
        if part >= 1.0 {
            return Seen { at: self.to, alpha: 1.0 };
        }
        let eased = eased(part);
        let between = |from: f64, to: f64| from + (to - from) * eased;
        Seen {
            at: (between(self.from.0, self.to.0), between(self.from.1, self.to.1)),
            alpha: if self.fresh { eased } else { 1.0 },
        }
    }
}

impl Leaving {
    /// How much of it is still seen (0 to 1).
    pub(super) fn alpha(&self, now_ms: f64) -> f64 {
        1.0 - eased((now_ms - self.since_ms) / MOTION_MS)
    }
}

/// All tiles, by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Sprites {
    tiles: Vec<Sprite>,
    leaving: Vec<Leaving>,
    /// Until when something moves.
    moving_until_ms: f64,
    moves: usize,
}

impl Sprites {
    /// Begins a round in which every tile is put where it belongs.
    pub(super) fn begin(&mut self, slots: usize, now_ms: f64) {
        self.tiles.resize(slots, Sprite::default());
        self.leaving.retain(|l| l.alpha(now_ms) > 0.0);
        self.moves = 0;
    }

    /// A tile belongs there. `above` is how far above its place a new one appears; none where it does at once.
    pub(super) fn put(
        &mut self,
        slot: Slot,
        uid: Uid,
        state: PodState,
        to: (f64, f64),
        above: Option<f64>,
        now_ms: f64,
    ) {
        let Some(sprite) = self.tiles.get_mut(slot as usize) else { return };
        let is_same = sprite.state.is_some() && sprite.uid == uid;
        if is_same && sprite.to == to {
            sprite.state = Some(state);
            return;
        }
        let seen = sprite.seen(now_ms).at;
        let (moves, fresh) = (above.is_some() && self.moves < MOVES_MAX, !is_same);
        self.moves += 1;
        *sprite = Sprite {
            uid,
            to,
            from: if is_same { seen } else { (to.0, to.1 - above.unwrap_or(0.0)) },
            since_ms: if moves { now_ms } else { f64::NEG_INFINITY },
            fresh,
            state: Some(state),
        };
        if moves {
            self.moving_until_ms = now_ms + MOTION_MS;
        }
    }

    /// There is no pod in that slot.
    pub(super) fn clear(&mut self, slot: Slot, moves: bool, now_ms: f64) {
        let Some(sprite) = self.tiles.get_mut(slot as usize) else { return };
        if let Some(state) = sprite.state.take()
            && moves
            && self.moves < MOVES_MAX
        {
            self.moves += 1;
            self.leaving.push(Leaving { at: sprite.seen(now_ms).at, state, since_ms: now_ms });
            self.moving_until_ms = now_ms + MOTION_MS;
        }
    }

    /// Every tile, by slot.
    pub(super) fn tiles(&self) -> impl Iterator<Item = (Slot, &Sprite)> {
        (0u32..).zip(&self.tiles).filter(|(_, s)| s.state.is_some())
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Sprite> {
        self.tiles.get(slot as usize).filter(|s| s.state.is_some())
    }

    pub(super) fn leaving(&self) -> &[Leaving] {
        &self.leaving
    }

    pub(super) fn is_moving(&self, now_ms: f64) -> bool {
        now_ms < self.moving_until_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sprites: &mut Sprites, to: (f64, f64), above: Option<f64>, now_ms: f64) {
        sprites.begin(1, now_ms);
        sprites.put(0, Uid::new(1), PodState::Ready, to, above, now_ms);
    }

    #[test]
    fn a_new_tile_drops_to_its_place_and_rests() {
        let mut sprites = Sprites::default();
        put(&mut sprites, (10.0, 50.0), Some(20.0), 1_000.0);
        let at = |ms: f64| sprites.get(0).unwrap().seen(ms);
        assert_eq!(at(1_000.0), Seen { at: (10.0, 30.0), alpha: 0.0 });
        assert_eq!(at(1_000.0 + MOTION_MS), Seen { at: (10.0, 50.0), alpha: 1.0 });
        assert!(sprites.is_moving(1_100.0) && !sprites.is_moving(1_000.0 + MOTION_MS));
    }

    #[test]
    fn an_interrupted_motion_goes_on_from_where_the_tile_is_seen() {
        let mut sprites = Sprites::default();
        put(&mut sprites, (0.0, 0.0), None, 0.0);
        put(&mut sprites, (100.0, 0.0), Some(0.0), 1_000.0);
        let halfway = sprites.get(0).unwrap().seen(1_100.0).at;
        put(&mut sprites, (0.0, 0.0), Some(0.0), 1_100.0);
        assert_eq!(sprites.get(0).unwrap().seen(1_100.0).at, halfway);
    }

    #[test]
    fn without_motion_everything_is_at_its_place_at_once() {
        let mut sprites = Sprites::default();
        put(&mut sprites, (10.0, 50.0), None, 1_000.0);
        assert_eq!(sprites.get(0).unwrap().seen(1_000.0), Seen { at: (10.0, 50.0), alpha: 1.0 });
        sprites.clear(0, false, 1_001.0);
        assert!(!sprites.is_moving(1_001.0) && sprites.leaving().is_empty() && sprites.get(0).is_none());
    }

    #[test]
    fn a_tile_whose_pod_is_gone_dissolves() {
        let mut sprites = Sprites::default();
        put(&mut sprites, (10.0, 50.0), None, 0.0);
        sprites.clear(0, true, 100.0);
        assert!((sprites.leaving()[0].alpha(100.0) - 1.0).abs() < 1e-9);
        sprites.begin(1, 100.0 + MOTION_MS);
        assert!(sprites.leaving().is_empty());
    }
}
