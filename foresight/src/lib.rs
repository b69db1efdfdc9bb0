//! Answers to what would be if, for a simulation that runs somewhere else.
//!
//! The page's module is too small for them, and its simulation's thread has to go on meanwhile. So they are found in a
//! copy: a world that comes to the same state by playing the recording again. It is kept, and goes on from there when the
//! next question comes with a longer recording.

use kubarium_core::Input;
use kubarium_core::api::{ApiError, Reason};
use kubarium_core::apiserver::{Answer, Request, Response};
use kubarium_core::recording::Recording;
use kubarium_core::sim::World;

/// How many events happen between two reports of how far the copy is.
const EVENTS_PER_REPORT: u32 = 1_000;

/// The copy of a simulation.
#[derive(Debug, Default)]
pub struct Replica {
    world: Option<World>,
}

impl Replica {
    /// Comes to where a recording ends, from where it is if that is on the way. Reports how far it is, in percent of what
    /// there was to do, each time that has changed.
    pub fn follow(&mut self, recording: &Recording, mut report: impl FnMut(u32)) {
        let mut world = self
            .world
            .take()
            .filter(|world| recording.passes(world))
            .unwrap_or_else(|| World::new(&recording.scenario));
        let begin = world.events();
        let mut told = 0;
        while !recording.go_on(&mut world, EVENTS_PER_REPORT) {
            let percent = 100 * (world.events() - begin) / (recording.events - begin).max(1);
            if percent != told {
                told = percent;
                report(percent as u32);
            }
        }
        self.world = Some(world);
    }

    /// Asks a fork of the copy, which stays as it is.
    pub fn ask(&self, request: Request) -> Response {
        let answer = |world: &World| world.cluster().clone().handle(world.now(), Input::Request(request)).answer;
        match self.world.as_ref().and_then(answer) {
            Some(Answer::Done(response)) => response,
            _ => (&ApiError::new(400, Reason::BadRequest, "only what would be if is answered here".to_owned())).into(),
        }
    }
}
