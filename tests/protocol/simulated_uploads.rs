//! Both sides in memory: the upload machine and the engine, with a network between them that loses, doubles
//! and cuts messages, and with either side dying. Whatever happens, the file is bit-exact or absent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bitsup::engine::{Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult, SessionId};

use crate::simulation::faults::{FAULTS, Fault, SIZES};
use crate::simulation::{self, Outcome, Simulation, schedules};

#[test]
fn an_undisturbed_upload_arrives() {
    for size in SIZES {
        let mut simulation = Simulation::new(size);
        assert_eq!(simulation.run(|_| None), Outcome::Done, "{size} bytes");
        simulation.assert_delivered();
        assert_eq!(simulation.sessions(), 0, "{size} bytes: the session is closed");
    }
}

#[test]
fn every_message_may_meet_every_mishap_once() {
    for size in SIZES {
        for fault in FAULTS {
            schedules::fault_at_every_message(size, fault, || Simulation::new(size));
        }
    }
}

#[test]
fn a_cancel_at_any_message_leaves_the_whole_file_or_none() {
    for size in [0, 5121, 10_240] {
        schedules::for_every_message(|k| {
            let mut simulation = Simulation::new(size);
            simulation.cancel_at(k);
            assert_eq!(simulation.run(|_| None), Outcome::Done, "{}", simulation.story());
            assert_eq!(simulation.sessions(), 0, "{}", simulation.story());
            simulation.assert_exact_or_absent(&simulation.story());
            simulation
        });
    }
}

#[test]
fn a_thousand_random_schedules() {
    schedules::random(1000, |random| Simulation::new(random.usize(0..40_000)));
}

/// Rejects as often as it was told to, then accepts; counts what it accepted, by session.
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
            return verdict.reject(500, HResult::http(500), Context::Application, "told to");
        }
        *self.accepted.lock().unwrap().entry(upload.session_id.unwrap()).or_default() += 1;
    }
}

#[test]
fn ntf_20_the_application_accepts_each_upload_once_whatever_happens_to_its_messages() {
    for (size, rejections) in SIZES.into_iter().flat_map(|size| [(size, 0), (size, 2)]) {
        for fault in FAULTS {
            let mut k = 0;
            loop {
                let app = Arc::new(Counting { rejections: Mutex::new(rejections), ..Counting::default() });
                let mut simulation = Simulation::with_hooks(size, Some(app.clone()));
                let outcome = simulation.run(|message| (message == k).then_some(fault));
                let label = format!("{size} bytes, {fault:?} at message {k}\n{}", simulation.story());
                simulation.assert_arrived(outcome, &label);
                let accepted = app.accepted.lock().unwrap();
                assert!(!accepted.is_empty(), "never told: {label}");
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
fn a_server_that_never_comes_back_is_given_up_and_leaves_nothing() {
    let mut simulation = Simulation::new(10_000);
    assert_eq!(simulation.run(|message| (message > 1).then_some(Fault::LoseRequest)), Outcome::GaveUp);
    simulation.assert_exact_or_absent("never comes back");
    assert!(simulation.elapsed() >= simulation::NO_PROGRESS, "not before the no-progress timeout");
    let slowest = simulation::MAX_DELAY;
    assert!(simulation.elapsed() <= simulation::NO_PROGRESS + slowest, "and not long after it");
}
