//! Tests that look at Kubarium from outside, and what they stand on: a browser and Docker hosts.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "docker")]
pub mod hosts;
