//! Tests that need a process of their own.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set in a process that runs one test only.
const ALONE: &str = "BITSUP_TEST_ALONE";

/// Runs the body of a test in a new process of the same test binary, in which no other test runs: for tests that
/// change or measure what a process has once, such as its limits, threads, memory or environment.
///
/// Must be called by the test function itself: the test is found by the path of the closure's type.
pub fn alone<F: FnOnce()>(test: F) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    run(again(test_name::<F>()).env(ALONE, "1"), test_name::<F>());
}

/// A command that runs one test of this binary again, by its path in the crate.
pub fn again(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(name));
    command
}

/// The arguments with which a test binary runs that test only.
pub fn arguments(name: &str) -> [&str; 5] {
    ["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"]
}

/// Runs a command that runs one test; the test must have run and passed.
pub fn run(command: &mut Command, name: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{name}: {}\n{said}", output.status);
    print!("{said}");
}

/// The path in its crate of the test that a closure of type `F` is written in.
fn test_name<F>() -> &'static str {
    let (_, name) = type_name::<F>().split_once("::").unwrap();
    name.split("::{{closure}}").next().unwrap()
}
