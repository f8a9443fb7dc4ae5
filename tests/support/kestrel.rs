//! ASP.NET Core's HTTP server with the engine in it, by the C# library: the host of `examples/csharp/Embed` with a test in
//! the place of its application, `bindings/csharp/Bitsup.Embedded`.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use super::cc::{library, succeed};
use super::embedded::Embedded;
use super::vector::app::App;
use super::vector::drive::Host;
use super::vector::world::{EngineSettings, Mode};
use super::{reads_otherwise, refuses_without_asking, vectors};

const KESTREL: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
    Box::new(run(root, settings, app))
}

fn run(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Embedded {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        succeed(dotnet().args([
            "build",
            "--nologo",
            "--verbosity",
            "quiet",
            "bindings/csharp/Bitsup.Embedded",
        ]));
    });
    let mut command = dotnet();
    command.arg("target/csharp/bin/Bitsup.Embedded/Bitsup.Embedded.dll").env("BITSUP_LIBRARY", library());
    Embedded::run(command, root, settings, app)
}

fn dotnet() -> Command {
    let mut command = Command::new("tools/dotnet");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Cases that Kestrel answers itself, without asking the engine, and how.
const ANSWERED: &[(&str, &str)] = &[
    ("no spelling leaves the root", "Kestrel answers %00 with a 400 of its own, which has no BITS fields"),
    ("an absolute target, as some clients send it", "Kestrel answers 400 where Host names another host"),
];

vectors! { KESTREL, ANSWERED; general ping create fragment close cancel sessions app reply }

/// Heads that Kestrel reads otherwise than bitsup's own listener: see the table for libmicrohttpd.
const OTHERWISE: &[(&str, &str, u16, u16, &str)] = &[
    ("BITS_POST /a HTTP/1.0", "", 505, 200, "it speaks HTTP/1.0"),
    ("BITS_POST /a HTTP/1.1", "Expect: money\r\n", 417, 200, "it passes over other expectations"),
];

#[test]
fn some_heads_are_read_otherwise() {
    let root = tempfile::tempdir().unwrap();
    reads_otherwise(&run(root.path(), &EngineSettings::new(), None), OTHERWISE);
}

/// PROTOCOL 2.1 #15
#[test]
fn a_refused_client_that_waits_to_be_asked_is_not_asked() {
    let root = tempfile::tempdir().unwrap();
    refuses_without_asking(&run(root.path(), &EngineSettings::new(), None));
}
