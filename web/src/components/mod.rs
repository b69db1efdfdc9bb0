//! Small pieces that pages and shell are made of. Each is a function of its properties.

mod controller_bar;
mod dialog;
mod icon;
mod moment;

pub(crate) use controller_bar::ControllerBar;
pub(crate) use dialog::Dialog;
pub(crate) use icon::{Icon, IconName};
pub(crate) use moment::{clock_text, span_text};
