//! Builds as if typed by a person: without what the `make` and the `cargo` above this test have set.

use std::env;
use std::process::Command;

use crate::cc::tool;
use crate::repository;

/// `make` in the repository.
pub fn make(target: &str) -> Command {
    let mut command = tool("make", "make");
    command.arg("--silent").arg(target);
    as_if_typed(command)
}

/// Build scripts of dependencies look at what cargo sets for a test, so with it they would be built anew here, and
/// once more by the next who has not set it.
pub fn as_if_typed(mut command: Command) -> Command {
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
