//! What the page is looking at and what it knows: the address, the settings, the feed of rows, what can be undone.
//!
//! Knows nothing of how rows arrive or how they are drawn.

mod address;
mod feed;
mod history;
mod settings;
mod undo;

pub(crate) use address::{Address, Field, Navigator, Page, Selection, World, use_address, use_navigator};
<<<<<<< HEAD
pub(crate) use feed::{Connection, Feed, Subscription, use_feed};
=======
pub(crate) use feed::{Connection, Feed, use_feed};
pub(crate) use history::{History, Sample};
>>>>>>> 6f1869b (Pages: lists of every kind, explore, inspector with YAML, create, charts, and the live client)
pub(crate) use settings::{Settings, Theme, use_settings};
pub(crate) use undo::{Undo, UndoStack};
