//! Cuts of power, simulated: what a process asked the system to do, and all that may be left of it.

pub mod disk;
pub mod trace;

use std::collections::{HashMap, HashSet};

use disk::{Disk, Fate, State};
use trace::{Argument, Call};

/// How many random fates each moment gets.
const RANDOM: usize = 2;
/// From how many changes on not each of them is lost or kept alone.
const MANY: usize = 8;

/// Goes through the calls and tells of every state that a cut at any moment may leave, each once, together with
/// what was said on standard output until then: lines that begin with `@`.
pub fn cuts(mut disk: Disk, calls: &[Call], mut check: impl FnMut(&State, &[String])) -> usize {
    let (mut said, mut seen) = (Vec::new(), HashSet::new());
    let mut random = fastrand::Rng::with_seed(1);
    for call in calls {
        let mut told = false;
        if call.name == "write" && call.number(0) == 1 && call.bytes(1).starts_with(b"@") {
            said.extend(call.text(1).lines().map(str::to_owned));
            told = true;
        }
        if disk.apply(call) | told {
            for state in states(&disk, &mut random) {
                if seen.insert((state.clone(), said.len())) {
                    check(&state, &said);
                }
            }
        }
    }
    seen.len()
}

/// What was done to files and directories between two lines on standard output, in short: the call and the last
/// part of each path, `session` for that of a session.
pub fn steps(calls: &[Call], from: &str, to: &str) -> Vec<String> {
    let is = |call: &&Call, line: &str| {
        call.name == "write" && call.number(0) == 1 && call.text(1).starts_with(&format!("@{line}"))
    };
    let mut names: HashMap<i64, String> = HashMap::new();
    let (mut steps, mut inside) = (Vec::new(), false);
    for call in calls {
        inside = (inside || is(&call, from)) && !is(&call, to);
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
                let made = call.word(2).contains("O_CREAT").then(|| format!("make {name}"));
                names.insert(call.result, name);
                made
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
    let whole = |of_files: Fate, of_names: Fate| {
        disk.cut(&mut |_, is_file| if is_file { of_files } else { of_names })
    };
    let mut states = vec![
        whole(Lost, Lost),
        whole(Kept, Kept),
        whole(Lost, Kept),
        whole(Torn, Kept),
        whole(Zeros, Kept),
        whole(Kept, Lost),
    ];
    let changes = disk.pending();
    if changes <= MANY {
        for one in 0..changes {
            states.push(disk.cut(&mut |change, _| if change == one { Kept } else { Lost }));
            states.push(disk.cut(&mut |change, _| if change == one { Lost } else { Kept }));
        }
    }
    for _ in 0..RANDOM {
        let fates = [Kept, Lost, Torn, Zeros];
        states.push(disk.cut(&mut |_, _| fates[random.usize(0..fates.len())]));
    }
    states
}
