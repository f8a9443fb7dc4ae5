//! Runs builds without the environment of the `make` and the `cargo` that run this test.

use std::env;
use std::process::Command;

use crate::cc::tool;
use crate::repository;

/// Returns a command that runs `make` in the repository.
pub fn make(target: &str) -> Command {
    let mut command = tool("make", "make");
    command.arg("--silent").arg(target);
    in_clean_environment(command)
}

/// Removes the variables that cargo and make set for a test, and runs the command in the repository. Build scripts of
/// dependencies depend on these variables, so cargo would rebuild them here and again in the next ordinary build.
pub fn in_clean_environment(mut command: Command) -> Command {
    let set_by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    for (name, _) in env::vars_os() {
        if set_by_cargo.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    for name in ["OUT_DIR", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR"] {
        command.env_remove(name);
    }
    command.current_dir(repository());
    command
}
