//! The dashboard: one WebAssembly module that is both the page and, in a thread of its own, the simulation.
//!
//! How the parts fit, from the cluster to the eye:
//!
//! ```text
//! worker::Stage (core's World)  --Update-->  client::Simulation  --\
//! Kubernetes list and watch     ---------->  client::Live        ----> state::Feed (core's view::Rows)
//!                                                                       |
//! state::Address (the URL) ------------------> shell, map, pages  <-----/
//!        ^                                        |
//!        \------------- Navigator ----------------/----> Session::change, SimControl
//! ```
//!
//! - [`worker`]: runs off the page's thread. `protocol` is all that passes between the two.
//! - [`client`]: the one trait behind which both worlds stand, and the session that pages get from
//!   `use_session()`.
//! - [`state`]: address, settings, feed, undo. `use_feed(every_ms)` gives the rows and draws again when they change;
//!   `use_address()` and `use_navigator()` are the only way to select, filter and scroll.
//! - [`shell`]: header, navigation, inspector's frame, lower bar; puts the page of the address in the middle.
//! - [`map`]: the canvas. Reads the feed in every frame by itself and never makes components draw.
//! - [`console`]: kubectl's console; what it understands is another module (`kubectl`), loaded when it is first opened.
//! - [`client::SimControl::foresee`]: what would be if is answered by a third module (`foresight`), loaded when it is first asked.
//! - [`pages`] and [`components`]: everything else; plain functions of feed and address.
//! - [`text`]: every word, in each language.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod client;
mod components;
mod console;
mod map;
mod pages;
mod shell;
mod state;
mod text;
mod worker;

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAP: kubarium_heap::Heap = kubarium_heap::Heap::new();

fn main() {
    if !worker::run() {
        yew::Renderer::<shell::App>::new().render();
    }
}
