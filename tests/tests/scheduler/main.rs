//! Schedulers, seen from outside: where pods go, when they are tried again, and what is said of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod apart;
mod bad_input;
mod churn;
mod clearing;
mod configuration;
mod decisions;
mod explanation;
mod fits;
mod fixture;
mod hard_rules;
mod hindrances;
mod long_life;
mod neighbours;
mod plugins;
mod preemption;
mod preview;
mod properties;
mod queue;
mod remedies;
mod rules;
