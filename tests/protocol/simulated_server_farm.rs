//! Simulated uploads to two servers that share a root: any request may reach either of them.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitsup::engine::{Hooks, Upload, Verdict};

use crate::simulation::faults::{FAULTS, Fault};
use crate::simulation::{Outcome, Simulation, schedules};

/// Fewer sizes than for one server, because the decisions are the same.
const SIZES: [usize; 3] = [0, 5121, 10_240];

#[derive(Default)]
struct Counting(AtomicUsize);

impl Hooks for Counting {
    fn on_received(&self, _: &Upload<'_>, _: &mut Verdict) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn requests_may_alternate_between_servers() {
    for size in SIZES {
        let app = Arc::new(Counting::default());
        let mut simulation = Simulation::farm(size, Some(app.clone()), |request| request % 2);
        assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes\n{}", simulation.log());
        simulation.assert_delivered();
        assert_eq!(simulation.sessions(), 0, "{size} bytes: the session is not closed");
        assert_eq!(app.0.load(Ordering::SeqCst), 1, "{size} bytes: number of notifications");
    }
}

#[test]
fn any_single_request_may_reach_the_other_server() {
    for size in SIZES {
        let messages = schedules::for_every_message(|k| {
            let mut simulation = Simulation::farm(size, None, move |request| usize::from(request == k));
            assert_eq!(
                simulation.run(|_| None),
                Outcome::Done,
                "{size} bytes, request {k}\n{}",
                simulation.log()
            );
            simulation.assert_delivered();
            simulation
        });
        assert!(messages >= 3, "{size} bytes");
    }
}

fn fault_at_every_message(faults: &[Fault]) {
    for (size, fault) in SIZES.into_iter().flat_map(|size| faults.iter().map(move |fault| (size, *fault))) {
        // Requests alternate between the servers, duplicates included.
        schedules::fault_at_every_message(size, fault, || {
            Simulation::farm(size, None, |request| request % 2)
        });
    }
}

#[test]
fn an_upload_survives_a_network_fault_at_any_message() {
    fault_at_every_message(&FAULTS[..5]);
}

#[test]
fn an_upload_survives_a_crash_at_any_message() {
    fault_at_every_message(&FAULTS[5..]);
}

#[test]
fn uploads_survive_fifty_random_schedules() {
    schedules::random(50, |random| {
        let mut routes = random.fork();
        Simulation::farm(random.usize(0..40_000), None, move |_| routes.usize(0..2))
    });
}
