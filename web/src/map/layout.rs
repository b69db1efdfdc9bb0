//! Where everything lies, in map units: a grid of equal tanks, and tiles in them. Plain numbers, no drawing.

/// Edge of a tile and the distance between two.
pub(super) const TILE: f64 = 14.0;
pub(super) const PITCH: f64 = 16.0;
/// Height of a tank's rim, where its name is.
pub(super) const RIM: f64 = 15.0;
/// Between a tank's glass and its tiles.
pub(super) const PAD: f64 = 5.0;
/// Between two tanks.
const GAP: f64 = 8.0;
/// The largest scale at which a map is fitted: a small cluster should not look swollen.
const FIT_SCALE_MAX: f64 = 2.2;

/// A grid of tanks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// How many tanks there are.
    pub(super) tanks: usize,
    /// How many of them stand side by side.
    pub(super) columns: usize,
    /// How many tiles lie side by side in a tank.
    pub(super) tile_columns: usize,
    /// For how many rows of tiles a tank has room.
    pub(super) tile_rows: usize,
}

/// What a point of the map is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The tile of that number in the tank of that number; there may be no pod.
    Tile(usize, usize),
    /// The tank of that number.
    Tank(usize),
}

/// Room for tiles grows in steps, so that tanks do not change their size with every pod.
const ROOM_STEPS: [usize; 12] = [12, 20, 30, 42, 56, 72, 90, 110, 150, 200, 300, 500];

impl Layout {
    /// The layout for that many tanks, the fullest of which holds so many tiles, in a window of that proportion
    /// (width by height).
    pub(super) fn new(tanks: usize, tiles_max: usize, proportion: f64) -> Self {
        let room = ROOM_STEPS.into_iter().find(|r| *r >= tiles_max).unwrap_or(tiles_max);
        let tile_columns = ((room as f64 * 1.7).sqrt().ceil() as usize).max(1);
        let tile_rows = room.div_ceil(tile_columns).max(2);
        let mut layout = Self { tanks, columns: 1, tile_columns, tile_rows };
        // The number of columns with which the grid fills the window best.
        let mut best = 0.0;
        for columns in 1..=tanks.max(1) {
            let next = Self { columns, ..layout };
            let scale = (proportion / next.width()).min(1.0 / next.height());
            if scale > best {
                best = scale;
                layout.columns = columns;
            } else if scale < best * 0.5 {
                break;
            }
        }
        layout
    }

    pub(super) fn tank_width(&self) -> f64 {
        self.tile_columns as f64 * PITCH - (PITCH - TILE) + 2.0 * PAD
    }

    pub(super) fn tank_height(&self) -> f64 {
        RIM + self.tile_rows as f64 * PITCH - (PITCH - TILE) + 2.0 * PAD
    }

    pub(super) fn width(&self) -> f64 {
        self.columns as f64 * (self.tank_width() + GAP) - GAP
    }

    pub(super) fn height(&self) -> f64 {
        self.tanks.div_ceil(self.columns.max(1)).max(1) as f64 * (self.tank_height() + GAP) - GAP
    }

    /// Upper left corner of a tank.
    pub(super) fn tank(&self, number: usize) -> (f64, f64) {
        let (column, row) = (number % self.columns.max(1), number / self.columns.max(1));
        (column as f64 * (self.tank_width() + GAP), row as f64 * (self.tank_height() + GAP))
    }

    /// Upper left corner of a tile: the first lies at the lower left, further ones to the right, then above.
    /// Tiles for which there is no room lie on the uppermost row.
    pub(super) fn tile(&self, tank: usize, number: usize) -> (f64, f64) {
        let (x, y) = self.tank(tank);
        let (column, row) = (number % self.tile_columns, (number / self.tile_columns).min(self.tile_rows - 1));
        (x + PAD + column as f64 * PITCH, y + self.tank_height() - PAD - TILE - row as f64 * PITCH)
    }

    /// What lies at a point.
    pub(super) fn at(&self, x: f64, y: f64) -> Option<Spot> {
        let (width, height) = (self.tank_width(), self.tank_height());
        if x < 0.0 || y < 0.0 || self.tanks == 0 {
            return None;
        }
        let (column, row) = ((x / (width + GAP)) as usize, (y / (height + GAP)) as usize);
        let number = row * self.columns + column;
        let (left, top) = self.tank(number);
        if column >= self.columns || number >= self.tanks || x > left + width || y > top + height {
            return None;
        }
        let (dx, up) = (x - left - PAD, top + height - PAD - y);
        if dx >= 0.0 && up >= 0.0 && dx % PITCH <= TILE && up % PITCH <= TILE {
            let (tile_column, tile_row) = ((dx / PITCH) as usize, (up / PITCH) as usize);
            if tile_column < self.tile_columns && tile_row < self.tile_rows {
                return Some(Spot::Tile(number, tile_row * self.tile_columns + tile_column));
            }
        }
        Some(Spot::Tank(number))
    }

    /// The scale at which all of it fits into a window.
    pub(super) fn fit(&self, width: f64, height: f64) -> f64 {
        (width / self.width()).min(height / self.height()).clamp(0.02, FIT_SCALE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_is_found_where_it_lies() {
        for (tanks, tiles) in [(1, 1), (5, 12), (100, 30), (1_000, 110), (3, 400)] {
            let layout = Layout::new(tanks, tiles, 1.6);
            for tank in [0, tanks / 2, tanks - 1] {
                for tile in [0, tiles / 2, tiles - 1] {
                    let (x, y) = layout.tile(tank, tile);
                    assert_eq!(layout.at(x + 7.0, y + 7.0), Some(Spot::Tile(tank, tile)), "{tanks} {tiles}");
                }
            }
        }
    }

    #[test]
    fn what_is_beside_the_tanks_is_nothing() {
        let layout = Layout::new(5, 12, 1.6);
        for (x, y) in [(-1.0, 5.0), (5.0, -1.0), (layout.width() + 1.0, 5.0), (5.0, layout.height() + 1.0)] {
            assert_eq!(layout.at(x, y), None);
        }
        assert_eq!(layout.at(1.0, 1.0), Some(Spot::Tank(0)), "the rim");
        assert_eq!(Layout::new(0, 0, 1.6).at(1.0, 1.0), None, "no tanks");
    }

    #[test]
    fn a_grid_fills_its_window() {
        for (proportion, tanks) in [(1.6, 100), (0.5, 100), (1.6, 1_000), (1.0, 10)] {
            let layout = Layout::new(tanks, 30, proportion);
            let (width, height) = (1_000.0 * proportion, 1_000.0);
            let scale = layout.fit(width, height);
            let filled = layout.width() * layout.height() * scale * scale / (width * height);
            assert!(filled > 0.6, "{tanks} tanks, {proportion}: {filled}");
        }
    }

    #[test]
    fn one_pod_more_seldom_changes_the_size_of_tanks() {
        let changes = (1..110).filter(|n| Layout::new(50, *n, 1.6) != Layout::new(50, n + 1, 1.6)).count();
        assert!(changes < 9, "{changes}");
    }
}
