//! Small pieces that pages and shell are made of. Each is a function of its properties.

mod controller_bar;
mod dialog;
mod icon;
mod manifest_input;
mod moment;
mod quantity;
mod state_mark;
mod table;
mod token;

pub(crate) use controller_bar::ControllerBar;
pub(crate) use dialog::Dialog;
pub(crate) use icon::{Icon, IconName};
pub(crate) use manifest_input::ManifestInput;
pub(crate) use moment::{clock_text, span_text};
pub(crate) use quantity::{bytes_text, cpu_text, percent};
pub(crate) use state_mark::{StateMark, state_text};
pub(crate) use table::{Column, Table, TableRow};
pub(crate) use token::{colour, computed};
