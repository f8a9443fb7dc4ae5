//! The raw layers of the bindings are up to date with the C header.

use std::path::Path;
use std::process::{Command, Output};

/// Runs Python in the `bindings` folder, without writing bytecode files there.
fn python(arguments: &[&str]) -> Output {
    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings");
    Command::new("python3")
        .arg("-B")
        .args(arguments)
        .current_dir(bindings)
        .output()
        .unwrap_or_else(|error| panic!("python3: {error}; on Debian: apt-get install python3"))
}

fn run(arguments: &[&str]) {
    let output = python(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_raw_layers_are_generated_from_the_header() {
    run(&["generate.py", "--check"]);
}

#[test]
fn the_tests_of_the_generator_pass() {
    run(&["-m", "unittest", "discover", "--top-level-directory", ".", "rawgen"]);
}
