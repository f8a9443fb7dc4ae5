//! Programs of the machine, run so that a failure shows all that they said.

use std::process::{Command, Output};

/// Everything here compiles without a warning.
pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// A command that must be there; `package` says what to install when it is not.
pub fn tool(name: &str, package: &str) -> Command {
    let there = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there, "`{name}` is not installed; on Debian: apt-get install {package}");
    Command::new(name)
}

/// Runs a command and fails with all that it said when it fails.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    output
}
