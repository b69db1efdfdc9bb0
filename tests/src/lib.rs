//! Tests that look at Kubarium from outside, and what they stand on: Docker hosts of their own.

#[cfg(feature = "docker")]
pub mod hosts;
