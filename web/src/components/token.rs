//! Design tokens for what is drawn on a canvas: CSS resolves them everywhere else.

use web_sys::HtmlElement;

/// A colour token as the theme has it now, in the form `rgb(1, 2, 3)`. The element is a canvas: it shows no text, so
/// that its text colour is free to ask with.
pub(crate) fn colour(canvas: &HtmlElement, token: &str) -> String {
    // A property that every browser knows.
    let _ = canvas.style().set_property("color", &format!("var({token})"));
    computed(canvas, "color")
}

/// Any other token, as it is written.
pub(crate) fn computed(canvas: &HtmlElement, property: &str) -> String {
    let style = web_sys::window().and_then(|w| w.get_computed_style(canvas).ok()?);
    style.and_then(|s| s.get_property_value(property).ok()).unwrap_or_default().trim().to_owned()
}
