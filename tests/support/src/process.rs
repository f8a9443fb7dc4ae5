//! Tests that need their own process.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set in a process that runs a single test.
const ISOLATED: &str = "BITSUP_TEST_ALONE";

/// Runs the body of a test in a new process of the same test binary, in which no other test runs. Needed by tests
/// that change or measure limits, threads, memory or the environment of the process.
///
/// Must be called by the test function itself, because the name of the test comes from the type of the closure.
pub fn isolated<F: FnOnce()>(test: F) {
    if is_isolated() {
        return test();
    }
    run(rerun(test_name::<F>()).env(ISOLATED, "1"), test_name::<F>());
}

/// Returns whether this process was started by [`isolated`] or [`isolated_by`].
pub fn is_isolated() -> bool {
    env::var_os(ISOLATED).is_some()
}

/// Runs a test in a new process that `launcher` starts, a program with arguments that a command line can follow.
pub fn isolated_by(launcher: &mut Command, name: &str) {
    launcher.arg(env::current_exe().unwrap()).args(arguments(name));
    run(launcher.env(ISOLATED, "1"), name);
}

/// Returns a command that runs one test of this binary again, given its path in the crate.
pub fn rerun(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(name));
    command
}

/// Returns the arguments that make a test binary run only this test.
pub fn arguments(name: &str) -> [&str; 5] {
    ["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"]
}

/// Runs a command that runs one test. Panics unless the test ran and passed.
pub fn run(command: &mut Command, name: &str) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{name}: {}\n{text}", output.status);
    print!("{text}");
}

/// Returns the path of the test that contains the closure of type `F`.
pub fn test_name<F>() -> &'static str {
    let (_, name) = type_name::<F>().split_once("::").unwrap();
    name.split("::{{closure}}").next().unwrap()
}
