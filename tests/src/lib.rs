//! Tests that look at Kubarium from outside, and what they stand on: recorded answers, a browser, Docker hosts,
//! made-up load.

#[cfg(feature = "browser")]
pub mod browser;
pub mod certificates;
pub mod clients;
pub mod desk;
#[cfg(feature = "docker")]
pub mod hosts;
pub mod kubectl;
pub mod property;
pub mod replay;
pub mod report;
pub mod server;
pub mod wait;
pub mod workload;
