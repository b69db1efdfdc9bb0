//! The pen: text in the page's typeface, cut to its room, and dashed lines.

use super::engine::Engine;

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

    pub(super) fn dash(&self, lengths: &[f64]) {
        let list: js_sys::Array = lengths.iter().map(|n| wasm_bindgen::JsValue::from_f64(*n)).collect();
        // Positive numbers are a valid pattern.
        let _ = self.pen.set_line_dash(&list);
    }
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
