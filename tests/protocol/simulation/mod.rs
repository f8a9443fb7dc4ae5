//! The simulation harness: simulated time, a network that misbehaves on demand, and two sides that can die.

pub mod faults;
pub mod schedules;
mod stores;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bitsup::clock::{Clock, ManualClock};
use bitsup::engine::{Engine, EngineConfig, Exchange, Hooks, RequestHead, Want};
use bitsup::proto::{Ack, Headers, names};
use bitsup::upload::{Action, ResumeState, RetryPolicy, UploadMachine, UploadOptions, UploadRequest};
use bitsup::{Error, Status};
use faults::Fault;
use stores::Stores;

pub const NO_PROGRESS: Duration = Duration::from_secs(600);
pub const RETRY: RetryPolicy = RetryPolicy {
    first_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(30),
    max_attempts: None,
};

const URL: &str = "http://simulation.test/file.bin";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    GaveUp,
    Failed,
}

pub struct Simulation {
    source: Vec<u8>,
    stores: Stores,
    clock: Arc<ManualClock>,
    /// The application behind the server; it outlives the server's restarts.
    hooks: Option<Arc<dyn Hooks>>,
    /// The servers: one, or a farm.
    engines: Vec<Engine>,
    /// Which of them takes a request, counted from 0 with the doubled ones.
    route: Box<dyn FnMut(usize) -> usize>,
    requests: usize,
    upload: UploadMachine,
    /// What the client's state file held: at the last request, and at the last change of phase.
    kept: Option<ResumeState>,
    stale: Option<ResumeState>,
    phase: Option<&'static str>,
    messages: usize,
    cancel_at: Option<usize>,
    /// Sessions nobody knows of: their Create was answered and the answer lost.
    doubled: bool,
    story: String,
    began_ms: u64,
}

impl Simulation {
    pub fn new(size: usize) -> Self {
        Self::with_hooks(size, None)
    }

    pub fn with_hooks(size: usize, hooks: Option<Arc<dyn Hooks>>) -> Self {
        Self::over(Stores::memory(), 1, size, hooks)
    }

    /// With two servers over one directory; `route` says which of them takes a request.
    pub fn farm(
        size: usize,
        hooks: Option<Arc<dyn Hooks>>,
        route: impl FnMut(usize) -> usize + 'static,
    ) -> Self {
        Self { route: Box::new(route), ..Self::over(Stores::shared(), 2, size, hooks) }
    }

    fn over(stores: Stores, servers: usize, size: usize, hooks: Option<Arc<dyn Hooks>>) -> Self {
        let source: Vec<u8> = (0..size).map(|i| (i ^ (i >> 7)) as u8).collect();
        let clock = Arc::new(ManualClock::new(1_000_000));
        let engines = (0..servers).map(|_| engine(&stores, &clock, hooks.clone())).collect();
        let upload = UploadMachine::new(URL, size as u64, options(), 7).unwrap();
        Self {
            source,
            stores,
            began_ms: clock.now_ms(),
            clock,
            hooks,
            engines,
            route: Box::new(|_| 0),
            requests: 0,
            upload,
            kept: None,
            stale: None,
            phase: None,
            messages: 0,
            cancel_at: None,
            doubled: false,
            story: String::new(),
        }
    }

    pub fn cancel_at(&mut self, message: usize) {
        self.cancel_at = Some(message);
    }

    /// Lets both sides work until the client stops. `fault` decides for each message, counted from 0.
    pub fn run(&mut self, mut fault: impl FnMut(usize) -> Option<Fault>) -> Outcome {
        for _ in 0..10_000 {
            if self.cancel_at == Some(self.messages) {
                self.cancel_at = None;
                self.upload.cancel();
            }
            match self.upload.next_action(self.clock.now_ms()) {
                Action::Send(request) => {
                    self.keep(&request);
                    let chance = fault(self.messages);
                    self.messages += 1;
                    self.send(&request, chance);
                    self.assert_exact_or_absent(&self.story);
                }
                Action::Wait { delay, .. } => {
                    self.clock.advance(u64::try_from(delay.as_millis()).unwrap());
                }
                Action::FetchReply(places) => panic!("no reply is wanted: {places:?}\n{}", self.story),
                Action::Done => return Outcome::Done,
                Action::Failed(error) => {
                    let _ = writeln!(self.story, "failed: {error}");
                    return if error.is_transient() { Outcome::GaveUp } else { Outcome::Failed };
                }
            }
        }
        panic!("no end in sight\n{}", self.story);
    }

    /// The state file: written before a request is sent, at least at each change of phase.
    fn keep(&mut self, request: &UploadRequest) {
        self.kept = Some(self.upload.state());
        if self.phase.replace(request.kind.name()) != Some(request.kind.name()) {
            self.stale = self.kept.clone();
        }
    }

    fn send(&mut self, request: &UploadRequest, fault: Option<Fault>) {
        let lost = || Error::new(Status::Disconnected, "the connection was lost").transient();
        let _ =
            writeln!(self.story, "{} {}+{} {fault:?}", request.kind.name(), request.offset, request.length);
        match fault {
            None => self.exchange(request),
            Some(Fault::LoseRequest) => self.upload.on_failure(self.clock.now_ms(), lost()),
            Some(Fault::LoseAnswer) => {
                self.deliver(request);
                self.upload.on_failure(self.clock.now_ms(), lost());
            }
            Some(Fault::CutBody) => {
                self.deliver_half(request);
                self.upload.on_failure(self.clock.now_ms(), lost());
            }
            Some(Fault::DoubleAndSeeFirst) => {
                self.exchange(request);
                self.deliver(request);
            }
            Some(Fault::DoubleAndSeeSecond) => {
                self.doubled = true;
                self.deliver(request);
                self.exchange(request);
            }
            Some(Fault::RestartServerBefore) => {
                self.restart_server();
                self.exchange(request);
            }
            Some(Fault::RestartServerAfter) => {
                self.deliver(request);
                self.restart_server();
                self.upload.on_failure(self.clock.now_ms(), lost());
            }
            Some(Fault::RestartClient) => {
                self.deliver(request);
                self.restart_client(self.kept.clone());
            }
            Some(Fault::RestartClientStale) => {
                self.deliver(request);
                self.restart_client(self.stale.clone());
            }
            Some(Fault::RestartBoth) => {
                self.deliver_half(request);
                self.restart_server();
                self.restart_client(self.stale.clone());
            }
        }
    }

    /// Restarts the server that takes the next request.
    fn restart_server(&mut self) {
        let server = (self.route)(self.requests);
        self.engines[server] = engine(&self.stores, &self.clock, self.hooks.clone());
    }

    fn restart_client(&mut self, state: Option<ResumeState>) {
        let total = self.source.len() as u64;
        let state = state.expect("a state was kept before the request");
        self.upload = UploadMachine::resume(URL, total, options(), &state, 8).unwrap();
        self.phase = None;
    }

    fn exchange(&mut self, request: &UploadRequest) {
        let ack = self.deliver(request);
        let _ = writeln!(self.story, "  {} {:?} {:?}", ack.status, ack.received, ack.error);
        self.upload.on_response(self.clock.now_ms(), &ack);
    }

    fn deliver(&mut self, request: &UploadRequest) -> Ack {
        let mut exchange = self.begin(request);
        if let Want::Body(count) = exchange.want() {
            assert_eq!(count, request.length);
            exchange.body(self.body(request));
        }
        let response = exchange.finish();
        let headers: Headers = response.headers.into_iter().collect();
        Ack::from_headers(response.status, &headers)
    }

    fn begin(&mut self, request: &UploadRequest) -> Exchange {
        let server = (self.route)(self.requests);
        self.requests += 1;
        let _ = writeln!(self.story, "  to server {server}");
        self.engines[server].begin(head(request))
    }

    fn deliver_half(&mut self, request: &UploadRequest) {
        let mut exchange = self.begin(request);
        let body = self.body(request);
        exchange.body(&body[..body.len() / 2]);
    }

    fn body(&self, request: &UploadRequest) -> &[u8] {
        let offset = usize::try_from(request.offset).unwrap();
        &self.source[offset..offset + usize::try_from(request.length).unwrap()]
    }

    pub fn assert_delivered(&self) {
        assert_eq!(self.stores.file("file.bin").as_ref(), Some(&self.source), "{}", self.story);
    }

    pub fn assert_exact_or_absent(&self, label: &str) {
        if let Some(file) = self.stores.file("file.bin") {
            assert!(file == self.source, "{} bytes instead of {}: {label}", file.len(), self.source.len());
        }
    }

    /// The upload succeeded. Where a message was doubled and the client saw the second answer, it may also
    /// have failed, because its own first request already closed the session or delivered the file.
    pub fn assert_arrived(&self, outcome: Outcome, label: &str) {
        self.assert_exact_or_absent(label);
        match outcome {
            Outcome::Done => assert_eq!(self.stores.file("file.bin").as_ref(), Some(&self.source), "{label}"),
            outcome => {
                assert!(self.doubled, "{outcome:?}: {label}");
                assert_eq!(self.stores.file("file.bin").as_ref(), Some(&self.source), "{label}");
            }
        }
    }

    pub fn sessions(&self) -> u64 {
        self.stores.sessions()
    }

    pub fn messages(&self) -> usize {
        self.messages
    }

    pub fn story(&self) -> String {
        self.story.clone()
    }

    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.clock.now_ms() - self.began_ms)
    }
}

fn options() -> UploadOptions {
    UploadOptions {
        fragment_size: Some(5120),
        retry: RETRY,
        no_progress_timeout: NO_PROGRESS,
        ..UploadOptions::default()
    }
}

fn engine(stores: &Stores, clock: &Arc<ManualClock>, hooks: Option<Arc<dyn Hooks>>) -> Engine {
    let config = EngineConfig { clock: clock.clone(), hooks, ..EngineConfig::new(stores.store()) };
    Engine::new(config).unwrap()
}

fn head(request: &UploadRequest) -> RequestHead {
    let mut headers: Headers = request.headers.iter().map(|(name, value)| (*name, value)).collect();
    headers.push(names::CONTENT_LENGTH, request.length.to_string());
    let target = request.url.strip_prefix("http://simulation.test").unwrap().to_owned();
    RequestHead { method: names::METHOD.to_owned(), target, headers, ..RequestHead::default() }
}
