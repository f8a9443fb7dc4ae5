//! Schedules of faults, for one server and for several.

use super::Simulation;
use super::faults::{FAULTS, Fault};

/// Runs a simulation for each message of an upload, numbered from 0, until the upload has no such message. Returns
/// the number of messages.
pub fn for_every_message(run: impl Fn(usize) -> Simulation) -> usize {
    let mut k = 0;
    while run(k).messages() > k {
        k += 1;
    }
    k
}

/// Injects `fault` at every message of an upload, one run per message.
pub fn fault_at_every_message(size: usize, fault: Fault, new: impl Fn() -> Simulation) {
    let description = format!("{size} bytes, {fault:?}");
    let messages = for_every_message(|k| {
        let mut simulation = new();
        let outcome = simulation.run(|message| (message == k).then_some(fault));
        simulation.assert_outcome(outcome, &format!("{description} at message {k}\n{}", simulation.log()));
        simulation
    });
    assert!(messages >= 3, "{description}: only {messages} messages");
}

/// Runs uploads of random size with random faults. The seed is printed, and read from `BITSUP_SEED`.
pub fn random(count: usize, mut new: impl FnMut(&mut fastrand::Rng) -> Simulation) {
    let seed = std::env::var("BITSUP_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BITSUP_SEED={seed} repeats these schedules");
    let mut random = fastrand::Rng::with_seed(seed);
    for schedule in 0..count {
        let mut simulation = new(&mut random);
        let probability = random.f64() * 0.4;
        let mut faults = random.usize(0..25);
        let outcome = simulation.run(|_| {
            let happens = faults > 0 && random.f64() < probability;
            faults -= usize::from(happens);
            happens.then(|| FAULTS[random.usize(0..FAULTS.len())])
        });
        simulation
            .assert_outcome(outcome, &format!("seed {seed}, schedule {schedule}\n{}", simulation.log()));
    }
}
