//! What a loop drives, as everybody else sees it: a cluster, and the time that counts in it.

use crate::clock;
use kubarium_core::sim::{Pace, World};
use kubarium_core::{Cluster, Time};
use std::sync::Arc;
use tokio::sync::RwLock;

/// A simulated cluster, and how its time runs.
#[derive(Debug)]
pub struct Simulation {
    /// The cluster with its machines.
    pub world: World,
    /// How its time runs.
    pub pace: Pace,
}

/// The time of a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The present instant.
    pub now: Time,
    /// Whether time stands.
    pub paused: bool,
    /// How many seconds shall pass in a real one.
    pub speed: f64,
    /// How many did lately: fewer where there is too much to do, none where time stands.
    pub reached: f64,
}

impl Simulation {
    /// Its time.
    pub fn clock(&self) -> Clock {
        let Self { world, pace } = self;
        Clock { now: world.now(), paused: !pace.is_playing(), speed: pace.speed(), reached: pace.reached() }
    }
}

/// Where the state is that readers look at.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A live cluster, in real time.
    Live(Arc<RwLock<Cluster>>),
    /// A simulated one, in its own.
    Simulated(Arc<RwLock<Simulation>>),
}

impl Place {
    /// Looks at the cluster and its present instant.
    pub(super) async fn read<T>(&self, look: impl FnOnce(Time, &Cluster) -> T) -> T {
        match self {
            Self::Live(cluster) => look(clock::now(), &*cluster.read().await),
            Self::Simulated(simulation) => {
                let world = &simulation.read().await.world;
                look(world.now(), world.cluster())
            }
        }
    }

    /// The cluster's time. That of a live one is the real one.
    pub(super) async fn clock(&self) -> Clock {
        match self {
            Self::Live(_) => Clock { now: clock::now(), paused: false, speed: 1.0, reached: 1.0 },
            Self::Simulated(simulation) => simulation.read().await.clock(),
        }
    }
}
