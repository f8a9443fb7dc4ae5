//! The simulation harness with two servers over one root: any request may reach either of them. What holds for one
//! server holds for both together.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitsup::engine::{Hooks, Upload, Verdict};

use crate::simulation::faults::{FAULTS, Fault};
use crate::simulation::{Outcome, Simulation, schedules};

/// Fewer than for one server, which has the same decisions.
const SIZES: [usize; 3] = [0, 5121, 10_240];

#[derive(Default)]
struct Counting(AtomicUsize);

impl Hooks for Counting {
    fn on_received(&self, _: &Upload<'_>, _: &mut Verdict) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn servers_may_take_turns() {
    for size in SIZES {
        let app = Arc::new(Counting::default());
        let mut simulation = Simulation::farm(size, Some(app.clone()), |request| request % 2);
        assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes\n{}", simulation.story());
        simulation.assert_delivered();
        assert_eq!(simulation.sessions(), 0, "{size} bytes: the session is closed");
        assert_eq!(app.0.load(Ordering::SeqCst), 1, "{size} bytes: one notification");
    }
}

#[test]
fn any_one_request_may_reach_the_other_server() {
    for size in SIZES {
        let met = schedules::for_every_message(|k| {
            let mut simulation = Simulation::farm(size, None, move |request| usize::from(request == k));
            assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes, {k}\n{}", simulation.story());
            simulation.assert_delivered();
            simulation
        });
        assert!(met >= 3, "{size} bytes");
    }
}

fn every_message_may_meet(faults: &[Fault]) {
    for (size, fault) in SIZES.into_iter().flat_map(|size| faults.iter().map(move |fault| (size, *fault))) {
        // Each request goes to the other server than the one before, and so does a doubled one.
        schedules::fault_at_every_message(size, fault, || {
            Simulation::farm(size, None, |request| request % 2)
        });
    }
}

#[test]
fn every_message_may_meet_a_mishap_of_the_network() {
    every_message_may_meet(&FAULTS[..5]);
}

#[test]
fn every_message_may_meet_the_death_of_a_side() {
    every_message_may_meet(&FAULTS[5..]);
}

#[test]
fn fifty_random_schedules() {
    schedules::random(50, |random| {
        let mut routes = random.fork();
        Simulation::farm(random.usize(0..40_000), None, move |_| routes.usize(0..2))
    });
}
