//! Where a browser keeps something for the page. It may forbid it; then what was to be kept lasts as long as the page.

use web_sys::Storage;

/// Kept for good.
pub(crate) fn of_browser() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Kept for as long as the tab is open.
pub(crate) fn of_tab() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}
