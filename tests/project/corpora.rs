//! Runs the fuzz corpora as ordinary tests. fuzz/README.md explains how to find more inputs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

macro_rules! corpora {
    ($($name:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                run(stringify!($name), fuzz_targets::$name::run);
            }
        )*
    };
}

corpora! { capi exchange head packet range resume_blob }

#[test]
fn every_fuzz_target_is_run_and_documented() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let stems = |name: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder.join(name)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let run_here: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stems("targets"), run_here);
    assert_eq!(stems("corpus"), run_here);
    let [manifest, readme] =
        ["Cargo.toml", "README.md"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    for name in TARGETS {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not a [[bin]]");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in fuzz/README.md");
    }
}

fn run(name: &str, target: fn(&[u8])) {
    let inputs = inputs(name);
    assert!(inputs.len() >= 5, "a corpus of {} inputs", inputs.len());
    for (path, input) in inputs {
        // Printed if the target panics.
        println!("{}", path.display());
        target(&input);
        // The property must also hold for every prefix, and with one bit flipped in every byte.
        for at in 0..input.len() {
            let mut changed = input.clone();
            target(&changed[..at]);
            changed[at] ^= 1 << (at % 8);
            target(&changed);
        }
    }
}

/// Returns the inputs of a corpus, sorted by name.
fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}
