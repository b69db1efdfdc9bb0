//! Kubarium's server and command line: the control plane of `kubarium-core` on real Docker hosts.
//!
//! Everything is decided in the core. This crate carries requests to it over HTTP ([`http`]), keeps its objects on
//! disk ([`storage`]), carries out its effects on Docker ([`docker`]) and lets traffic through ([`proxy`]); one
//! loop, the [`driver`], owns it.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod clock;
pub mod clock_command;
pub mod config;
pub mod docker;
pub mod driver;
mod failure;
mod hex;
pub mod http;
pub mod kubeconfig;
pub mod logging;
pub mod metrics;
pub mod proxy;
pub mod remote;
pub mod serve;
pub mod simulate;
pub mod spdy;
pub mod storage;
pub mod tls;
pub mod token;
pub mod why;

pub use failure::Failure;
