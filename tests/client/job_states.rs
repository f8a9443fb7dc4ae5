//! Checks the table of docs/reference/jobs.md: the result of every call in every job state.

use std::sync::Arc;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Job, Source};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use bitsup::upload::RetryPolicy;
use bitsup::{Error, Status};

const MANUAL: &str = include_str!("../../docs/reference/jobs.md");

/// Starts a server; if it is not enabled, it rejects every packet.
fn server(is_enabled: bool) -> Server {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
    config.allow_overwrite = true;
    let engine = Engine::new(config).unwrap();
    engine.set_enabled(is_enabled).unwrap();
    Server::start(ServerConfig::default().mount("/", engine)).unwrap()
}

/// A job of three fragments with two attempts per request.
fn new_job(url: &str) -> Job {
    let delay = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(delay).max_delay(delay).max_attempts(2);
    let config = ClientConfig::default().fragment_size(6_000).retry(retry);
    Client::new(config).unwrap().job(&format!("{url}f"), Source::from_bytes(vec![1; 15_000])).unwrap()
}

/// A job in `state`.
fn job_in(state: &str, url: &str) -> Job {
    let mut job = new_job(url);
    let steps = match state {
        "READY" | "CLOSED" | "FAILED" => 0,
        "TRANSFERRING" => 2,
        "TRANSFERRED" => 4,
        _ => 1,
    };
    for _ in 0..steps {
        job.step().unwrap();
    }
    match state {
        "SUSPENDED" => {
            job.control().suspend();
            job.step().unwrap_err();
        }
        "CANCELLED" => job.cancel().unwrap(),
        "CLOSED" => job.run().unwrap(),
        "FAILED" => drop(job.run().unwrap_err()),
        _ => {}
    }
    assert_eq!(state_name(&job), state);
    job
}

fn call(job: &mut Job, name: &str, url: &str) -> Result<(), Error> {
    match name {
        "step" => job.step().map(drop),
        "run" => job.run(),
        "close" => job.close(),
        "cancel" => job.cancel(),
        "import" => job.import(&new_job(url).control().export().unwrap()),
        "export" => job.control().export().map(drop),
        _ => panic!("docs/reference/jobs.md: unknown call {name}"),
    }
}

fn state_name(job: &Job) -> String {
    constant(&format!("{:?}", job.control().state()))
}

/// Turns `FetchingReply` into `FETCHING_REPLY`.
fn constant(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

fn outcome(job: &mut Job, name: &str, url: &str) -> String {
    let status: Option<Status> = call(job, name, url).err().map(|error| error.status());
    let error = status.map_or(String::new(), |status| format!("{}, ", constant(&format!("{status:?}"))));
    format!("{error}`{}`", state_name(job))
}

/// The cells of the row that begins with `first`.
fn row(first: &str) -> Vec<&'static str> {
    let lines = MANUAL.lines().filter(|line| line.starts_with(&format!("| {first} | ")));
    let rows: Vec<_> = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert_eq!(rows.len(), 1, "docs/reference/jobs.md: the row {first}");
    rows.into_iter().next().unwrap()
}

#[test]
fn every_call_in_every_state_leads_to_the_documented_state() {
    let (enabled, disabled) = (server(true), server(false));
    let calls = row("State");
    for state in [
        "READY",
        "CONNECTING",
        "TRANSFERRING",
        "WAITING",
        "SUSPENDED",
        "TRANSFERRED",
        "CLOSED",
        "CANCELLED",
        "FAILED",
    ] {
        let url = match state {
            "WAITING" => "http://127.0.0.1:1/".to_owned(),
            "FAILED" => disabled.url(),
            _ => enabled.url(),
        };
        let cells = row(&format!("`{state}`"));
        assert_eq!(cells.len(), calls.len());
        for (name, expected) in calls.iter().zip(cells).skip(1) {
            let name = name.trim_matches('`');
            let mut job = job_in(state, &url);
            assert_eq!(outcome(&mut job, name, &url), expected, "{name} in {state}");
        }
    }
}

/// Fails if a row is added that the test above does not check.
#[test]
fn the_manual_lists_no_other_states() {
    let rows = MANUAL.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 8);
    assert_eq!(rows.count(), 9);
}
