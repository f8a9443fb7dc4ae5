//! Simulated uploads: the upload machine against the engine, with a network that loses, duplicates and truncates
//! messages, and with crashes on either side. The file must be bit-exact or absent in every case.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bitsup::engine::{Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult, SessionId};

use crate::simulation::faults::{FAULTS, Fault, SIZES};
use crate::simulation::{self, Outcome, Simulation, schedules};

#[test]
fn an_upload_without_faults_is_delivered() {
    for size in SIZES {
        let mut simulation = Simulation::new(size);
        assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes");
        simulation.assert_delivered();
        assert_eq!(simulation.sessions(), 0, "{size} bytes: the session is not closed");
    }
}

#[test]
fn an_upload_survives_any_fault_at_any_message() {
    for size in SIZES {
        for fault in FAULTS {
            schedules::fault_at_every_message(size, fault, || Simulation::new(size));
        }
    }
}

#[test]
fn a_cancel_at_any_message_leaves_the_whole_file_or_nothing() {
    for size in [0, 5121, 10_240] {
        schedules::for_every_message(|k| {
            let mut simulation = Simulation::new(size);
            simulation.cancel_at(k);
            assert_eq!(simulation.run(|_| None), Outcome::Done, "{}", simulation.log());
            assert_eq!(simulation.sessions(), 0, "{}", simulation.log());
            simulation.assert_exact_or_absent(&simulation.log());
            simulation
        });
    }
}

#[test]
fn uploads_survive_a_thousand_random_schedules() {
    schedules::random(1000, |random| Simulation::new(random.usize(0..40_000)));
}

/// Rejects `rejections` uploads, then accepts. Counts the accepted uploads by session.
#[derive(Default)]
struct Counting {
    rejections: Mutex<usize>,
    accepted: Mutex<BTreeMap<SessionId, usize>>,
}

impl Hooks for Counting {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let mut left = self.rejections.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return verdict.reject(500, HResult::http(500), Context::Application, "rejected by the test");
        }
        *self.accepted.lock().unwrap().entry(upload.session_id.unwrap()).or_default() += 1;
    }
}

#[test]
fn ntf_20_the_application_accepts_each_upload_once_despite_faults() {
    for (size, rejections) in SIZES.into_iter().flat_map(|size| [(size, 0), (size, 2)]) {
        for fault in FAULTS {
            let mut k = 0;
            loop {
                let app = Arc::new(Counting { rejections: Mutex::new(rejections), ..Counting::default() });
                let mut simulation = Simulation::with_hooks(size, Some(app.clone()));
                let outcome = simulation.run(|message| (message == k).then_some(fault));
                let label = format!("{size} bytes, {fault:?} at message {k}\n{}", simulation.log());
                simulation.assert_outcome(outcome, &label);
                let accepted = app.accepted.lock().unwrap();
                assert!(!accepted.is_empty(), "never notified: {label}");
                assert!(accepted.values().all(|count| *count == 1), "{accepted:?}: {label}");
                if simulation.messages() <= k {
                    break;
                }
                k += 1;
            }
        }
    }
}

#[test]
fn an_upload_to_a_server_that_never_returns_times_out_and_leaves_nothing() {
    let mut simulation = Simulation::new(10_000);
    assert_eq!(simulation.run(|message| (message > 1).then_some(Fault::LoseRequest)), Outcome::TimedOut);
    simulation.assert_exact_or_absent("the server never returns");
    assert!(simulation.elapsed() >= simulation::NO_PROGRESS, "failed before the no-progress timeout");
    let delay = simulation::MAX_DELAY;
    assert!(simulation.elapsed() <= simulation::NO_PROGRESS + delay, "failed long after the timeout");
}
