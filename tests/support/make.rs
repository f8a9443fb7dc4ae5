//! Targets of the Makefile.

use std::path::Path;
use std::process::Command;

use crate::run::tool;

/// `make` in the repository, as if typed: without what another make above this test has set.
pub fn make(target: &str) -> Command {
    let mut command = tool("make", "make");
    command.arg("--silent").arg(target).current_dir(repository());
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR"] {
        command.env_remove(name);
    }
    command
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
