//! Runs external programs; a failure shows all their output.

use std::process::{Command, Output};

/// Warning flags; every warning is an error.
pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// Returns the command for a required tool. Panics with the name of the `package` to install if it is missing.
pub fn tool(name: &str, package: &str) -> Command {
    let is_installed =
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(is_installed, "`{name}` is not installed; on Debian: apt-get install {package}");
    Command::new(name)
}

/// Runs a command. Panics with its output if it fails.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    output
}
