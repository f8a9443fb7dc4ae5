//! The published crate has what it needs to be built and read, and nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use test_support::cc::succeed;
use test_support::make::in_clean_environment;

/// The files and folders of the crate. Cargo adds `Cargo.toml.orig`, and `.cargo_vcs_info.json` in a Git repository.
const CONTENTS: [&str; 16] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "build.rs",
    "cbindgen.toml",
    "docs",
    "examples",
    "include",
    "src",
];

#[test]
fn the_crate_has_its_sources_documents_and_examples_only() {
    let mut cargo = in_clean_environment(Command::new(env!("CARGO")));
    let output =
        succeed(cargo.args(["package", "--package", "bitsup", "--list", "--allow-dirty", "--offline"]));
    let listed = String::from_utf8(output.stdout).unwrap();
    let found = listed.lines().map(|path| path.split('/').next().unwrap());
    let found: BTreeSet<_> = found.filter(|name| *name != ".cargo_vcs_info.json").collect();
    assert_eq!(found, BTreeSet::from(CONTENTS));
}
