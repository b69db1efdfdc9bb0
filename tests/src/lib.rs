//! Tests that look at Kubarium from outside.
