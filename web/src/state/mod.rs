//! What the page is looking at and what it knows: the address, the settings, the feed of rows, what can be undone.
//!
//! Knows nothing of how rows arrive or how they are drawn.

mod address;
mod feed;
mod history;
pub(crate) mod scenario;
mod settings;
pub(crate) mod storage;
mod undo;

pub(crate) use address::{Address, Field, Navigator, Page, Selection, World, use_address, use_navigator};
pub(crate) use feed::{Connection, Feed, Subscription, use_feed};
pub(crate) use history::{History, Sample};
pub(crate) use settings::{Settings, Theme, use_settings};
pub(crate) use undo::{Undo, UndoStack};
