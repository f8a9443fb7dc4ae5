//! A server that replies to every upload with its number of lines, and discards the file.
//!
//! ```text
//! cargo run --example reply -- DIR
//! ```
//!
//! Prints its URL, and runs until the end of stdin.

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{Content, DirOptions, DirStore};

struct LineCounter;

impl Hooks for LineCounter {
    fn on_create(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        if !upload.target.ends_with(".txt") {
            verdict.reject(
                403,
                HResult::E_ACCESSDENIED,
                Context::Application,
                "only .txt files are accepted",
            );
        }
    }

    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let Some(content) = upload.content else { return };
        match count_lines(content) {
            Ok(lines) => {
                verdict.set_keep_file(false);
                verdict.set_reply_bytes(format!("{lines}\n"));
            }
            // The client sends the last fragment again later, which calls this hook again.
            Err(_) => {
                verdict.reject(503, HResult::http(503), Context::Application, "the upload cannot be read")
            }
        }
    }
}

fn count_lines(content: &dyn Content) -> io::Result<usize> {
    let (mut lines, mut offset) = (0, 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = content.read_at(offset, &mut buffer)?;
        if count == 0 {
            return Ok(lines);
        }
        lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        offset += count as u64;
    }
}

fn serve(root: &str) -> Result<(), bitsup::Error> {
    let store = DirStore::open(root, DirOptions::default())?;
    let config = EngineConfig::new(Arc::new(store)).hooks(Arc::new(LineCounter));
    let mut server = Server::start(ServerConfig::default().mount("/", Engine::new(config)?))?;
    println!("listening on {}", server.url());
    // Waits for the end of stdin.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    server.stop(Duration::from_secs(5))
}

fn main() -> ExitCode {
    let Some(root) = std::env::args().nth(1) else {
        eprintln!("usage: reply DIR");
        return ExitCode::from(2);
    };
    match serve(&root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
