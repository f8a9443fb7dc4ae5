//! Simulated power loss: the system calls of a process, and the states of the disk that they may leave.

pub mod disk;
pub mod trace;

use std::collections::{HashMap, HashSet};

use disk::{Disk, Fate, State};
use trace::{Argument, Call};

/// The number of random states for each moment.
const RANDOM: usize = 2;
/// The maximum number of changes for which each single one is lost or kept.
const MAX_SINGLE: usize = 8;

/// Calls `check` once for every state that a power loss after any of the calls may leave, with the lines beginning with
/// `@` that the process had printed. Returns the number of states.
pub fn power_losses(mut disk: Disk, calls: &[Call], mut check: impl FnMut(&State, &[String])) -> usize {
    let (mut output, mut seen) = (Vec::new(), HashSet::new());
    let mut random = fastrand::Rng::with_seed(1);
    for call in calls {
        let mut printed = false;
        if call.name == "write" && call.number(0) == 1 && call.bytes(1).starts_with(b"@") {
            output.extend(call.text(1).lines().map(str::to_owned));
            printed = true;
        }
        if disk.apply(call) | printed {
            for state in states(&disk, &mut random) {
                if seen.insert((state.clone(), output.len())) {
                    check(&state, &output);
                }
            }
        }
    }
    seen.len()
}

/// Returns the calls on files and directories between two lines of output. Each is the name of the call with the last
/// segment of each path; `session` stands for that of a session.
pub fn steps(calls: &[Call], from: &str, to: &str) -> Vec<String> {
    let prints = |call: &&Call, line: &str| {
        call.name == "write" && call.number(0) == 1 && call.text(1).starts_with(&format!("@{line}"))
    };
    let mut names: HashMap<i64, String> = HashMap::new();
    let (mut steps, mut inside) = (Vec::new(), false);
    for call in calls {
        inside = (inside || prints(&call, from)) && !prints(&call, to);
        let name = |at: usize| match &call.arguments[at] {
            Argument::Text(_) if call.text(at).starts_with('{') => "session".to_owned(),
            Argument::Text(_) => call.text(at).to_owned(),
            Argument::Other(number) => {
                number.parse().ok().and_then(|number: i64| names.get(&number)).cloned().unwrap_or_default()
            }
        };
        let step = match call.name.as_str() {
            "openat" => {
                let name = name(1);
                let step = call.word(2).contains("O_CREAT").then(|| format!("make {name}"));
                names.insert(call.result, name);
                step
            }
            "mkdirat" | "unlinkat" => Some(format!("{} {}", call.name, name(1))),
            "linkat" | "renameat" | "renameat2" => Some(format!("{} {} {}", call.name, name(1), name(3))),
            "write" | "pwrite64" | "fsync" | "fdatasync" if call.number(0) > 2 => {
                Some(format!("{} {}", call.name, name(0)))
            }
            _ => None,
        };
        steps.extend(step.filter(|_| inside));
    }
    steps
}

fn states(disk: &Disk, random: &mut fastrand::Rng) -> Vec<State> {
    use Fate::{Kept, Lost, Torn, Zeros};
    let all = |of_files: Fate, of_names: Fate| {
        disk.lose_power(&mut |_, is_file| if is_file { of_files } else { of_names })
    };
    let mut states = vec![
        all(Lost, Lost),
        all(Kept, Kept),
        all(Lost, Kept),
        all(Torn, Kept),
        all(Zeros, Kept),
        all(Kept, Lost),
    ];
    let changes = disk.pending();
    if changes <= MAX_SINGLE {
        for single in 0..changes {
            states.push(disk.lose_power(&mut |change, _| if change == single { Kept } else { Lost }));
            states.push(disk.lose_power(&mut |change, _| if change == single { Lost } else { Kept }));
        }
    }
    for _ in 0..RANDOM {
        let fates = [Kept, Lost, Torn, Zeros];
        states.push(disk.lose_power(&mut |_, _| fates[random.usize(0..fates.len())]));
    }
    states
}
