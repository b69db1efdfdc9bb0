//! kubectl, for where there is no shell: a command line in, requests to the Kubernetes API and what kubectl prints out.
//!
//! A line travels through [`words`] (quotes, here-documents), `flags` and `commands` to one file per command. What a
//! command needs of the world outside (the API, the clock, a place to print, a text to read) is one trait, [`Host`]; so
//! it runs in a page, in front of a simulated or a live cluster, and in tests. What can be asked of the API is asked of
//! it: which resources there are, the columns of tables, the words of `explain`. Output, errors and exit codes are those of
//! kubectl 1.32.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod about;
mod api;
mod apply;
mod auth;
mod call;
mod commands;
mod complete;
mod config;
mod create;
mod delete;
mod describe;
mod diff;
mod discovery;
mod drain;
mod edit;
mod events;
mod explain;
mod failure;
mod files;
mod flags;
mod generate;
mod get;
mod go;
mod help;
mod host;
mod jsonpath;
mod label;
mod logs;
mod lookup;
mod merge;
mod node;
mod output;
mod patch;
mod run;
mod scale;
mod session;
mod table;
mod tabs;
mod target;
mod top;
mod wait;
pub mod words;

pub use complete::Completion;
pub use host::{Host, Pending, Stream};
pub use session::Session;
