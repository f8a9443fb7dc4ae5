//! The pair harness with two servers over one root: any request may reach either of them. What holds for one
//! server holds for both together.
#![cfg(unix)]

#[path = "support/pair.rs"]
mod pair;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitsup::engine::{Hooks, Upload, Verdict};
use pair::mishap::{MISHAPS, Mishap};
use pair::{Outcome, Pair};

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
        let mut pair = Pair::farm(size, Some(app.clone()), |request| request % 2);
        assert_eq!(pair.run(|_| None), Outcome::Done, "{size} bytes\n{}", pair.story());
        pair.assert_delivered();
        assert_eq!(pair.sessions(), 0, "{size} bytes: the session is closed");
        assert_eq!(app.0.load(Ordering::SeqCst), 1, "{size} bytes: one notification");
    }
}

#[test]
fn any_one_request_may_reach_the_other_server() {
    for size in SIZES {
        let mut k = 0;
        loop {
            let mut pair = Pair::farm(size, None, move |request| usize::from(request == k));
            assert_eq!(pair.run(|_| None), Outcome::Done, "{size} bytes, {k}\n{}", pair.story());
            pair.assert_delivered();
            if pair.messages() <= k {
                break;
            }
            k += 1;
        }
        assert!(k >= 3, "{size} bytes");
    }
}

fn every_message_may_meet(mishaps: &[Mishap]) {
    for (size, mishap) in SIZES.into_iter().flat_map(|size| mishaps.iter().map(move |mishap| (size, *mishap)))
    {
        let mut k = 0;
        loop {
            // What follows on a request goes to the other server, and so does a doubled one.
            let mut pair = Pair::farm(size, None, |request| request % 2);
            let outcome = pair.run(|message| (message == k).then_some(mishap));
            let label = format!("{size} bytes, {mishap:?} at message {k}\n{}", pair.story());
            pair.assert_arrived(outcome, &label);
            if pair.messages() <= k {
                break;
            }
            k += 1;
        }
        assert!(k >= 3, "{size} bytes, {mishap:?}: no message met it");
    }
}

#[test]
fn every_message_may_meet_a_mishap_of_the_network() {
    every_message_may_meet(&MISHAPS[..5]);
}

#[test]
fn every_message_may_meet_the_death_of_a_side() {
    every_message_may_meet(&MISHAPS[5..]);
}

#[test]
fn fifty_random_schedules() {
    let seed = std::env::var("BITSUP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BITSUP_SEED={seed} repeats these schedules");
    let mut random = fastrand::Rng::with_seed(seed);
    for schedule in 0..50 {
        let mut routes = random.fork();
        let mut pair = Pair::farm(random.usize(0..40_000), None, move |_| routes.usize(0..2));
        let probability = random.f64() * 0.4;
        let mut mishaps = random.usize(0..25);
        let outcome = pair.run(|_| {
            let happens = mishaps > 0 && random.f64() < probability;
            mishaps -= usize::from(happens);
            happens.then(|| MISHAPS[random.usize(0..MISHAPS.len())])
        });
        pair.assert_arrived(outcome, &format!("seed {seed}, schedule {schedule}\n{}", pair.story()));
    }
}
