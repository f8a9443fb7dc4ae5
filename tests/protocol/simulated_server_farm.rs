//! The simulation harness with two servers over one root: any request may reach either of them. What holds for one
//! server holds for both together.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitsup::engine::{Hooks, Upload, Verdict};

use crate::simulation::faults::{FAULTS, Fault};
use crate::simulation::{Outcome, Simulation};

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
        let mut k = 0;
        loop {
            let mut simulation = Simulation::farm(size, None, move |request| usize::from(request == k));
            assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes, {k}\n{}", simulation.story());
            simulation.assert_delivered();
            if simulation.messages() <= k {
                break;
            }
            k += 1;
        }
        assert!(k >= 3, "{size} bytes");
    }
}

fn every_message_may_meet(faults: &[Fault]) {
    for (size, fault) in SIZES.into_iter().flat_map(|size| faults.iter().map(move |fault| (size, *fault))) {
        let mut k = 0;
        loop {
            // What follows on a request goes to the other server, and so does a doubled one.
            let mut simulation = Simulation::farm(size, None, |request| request % 2);
            let outcome = simulation.run(|message| (message == k).then_some(fault));
            let label = format!("{size} bytes, {fault:?} at message {k}\n{}", simulation.story());
            simulation.assert_arrived(outcome, &label);
            if simulation.messages() <= k {
                break;
            }
            k += 1;
        }
        assert!(k >= 3, "{size} bytes, {fault:?}: no message met it");
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
    let seed = std::env::var("BITSUP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BITSUP_SEED={seed} repeats these schedules");
    let mut random = fastrand::Rng::with_seed(seed);
    for schedule in 0..50 {
        let mut routes = random.fork();
        let mut simulation = Simulation::farm(random.usize(0..40_000), None, move |_| routes.usize(0..2));
        let probability = random.f64() * 0.4;
        let mut faults = random.usize(0..25);
        let outcome = simulation.run(|_| {
            let happens = faults > 0 && random.f64() < probability;
            faults -= usize::from(happens);
            happens.then(|| FAULTS[random.usize(0..FAULTS.len())])
        });
        simulation
            .assert_arrived(outcome, &format!("seed {seed}, schedule {schedule}\n{}", simulation.story()));
    }
}
