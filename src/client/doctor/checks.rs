//! The checks that store nothing. What the verb and its override find out decides how the others ask.

use std::time::Duration;

use super::advice::Problem;
use super::hop::{Hop, introduction};
use super::{Check, Grade, Report};
use crate::client::http::{Heard, Http, Question, Url};
use crate::error::{Error, Status};
use crate::proto::limits::MAX_FRAGMENT;
use crate::proto::{Ack, PacketKind, names};

/// A session that there is not.
const NO_SESSION: &str = "{00000000-0000-4000-8000-000000000000}";
/// Lengths at which something may begin to refuse: from the longest that clients send by themselves down.
const LENGTHS: [u64; 5] = [MAX_FRAGMENT, 5 << 20, (1 << 20) + 1, 1 << 20, 64 << 10];

/// How packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Verb,
    Override,
}

/// The way under examination.
pub(super) struct Patient<'a> {
    pub http: &'a Http,
    pub uri: &'a Url,
    user_agent: &'a str,
    pub patience: Duration,
    /// How packets get through; `None`: they do not.
    pub mode: Option<Mode>,
    checks: Vec<Check>,
}

impl<'a> Patient<'a> {
    pub fn new(http: &'a Http, uri: &'a Url, user_agent: &'a str, patience: Duration) -> Self {
        Self { http, uri, user_agent, patience, mode: None, checks: Vec::new() }
    }

    pub fn into_report(self) -> Report {
        Report { checks: self.checks }
    }

    /// All of them, as far as they make sense.
    pub fn check(&mut self, override_wanted: bool) {
        if !self.connects() || !self.speaks_http() {
            return;
        }
        let (verb, by_post) = (self.ping(Mode::Verb), self.ping(Mode::Override));
        self.mode = match override_wanted {
            true => by_post.is_ok().then_some(Mode::Override),
            false => verb.is_ok().then_some(Mode::Verb),
        };
        self.judge_verb(verb, by_post.is_ok(), override_wanted);
        self.judge_override(by_post, override_wanted);
        if let Some(mode) = self.mode {
            self.keeps_connections(mode);
            self.passes_bodies(mode);
            self.takes_lengths(mode);
            self.answers_expectations(mode);
        }
    }

    /// Resolves and connects.
    fn connects(&mut self) -> bool {
        let host = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        match self.http.open(self.uri, self.patience) {
            Ok(_) => {
                self.ok("resolve", format!("{host} has an address"));
                self.ok("connect", format!("{host} takes connections"));
                true
            }
            Err(error) => self.gives_up(&error),
        }
    }

    /// Asks as a browser would: who is there, in what version, and is it elsewhere?
    fn speaks_http(&mut self) -> bool {
        let question = Question { method: "GET", ..self.question(Vec::new()) };
        let heard = match self.http.ask(self.uri, &question, self.patience) {
            Ok(heard) => heard,
            Err(error) => return self.gives_up(&error),
        };
        if self.uri.scheme_str() == Some("https") {
            self.ok("tls", "the certificate is good, and of that name".into());
        }
        let who = introduction(&heard.headers);
        match (heard.version == "HTTP/1.1", heard.status) {
            (false, _) => self.bad("http", Grade::Fail, &heard, Problem::OldAnswer),
            (true, 300..=399) => self.bad("http", Grade::Fail, &heard, Problem::Redirect),
            (true, _) => self.ok("http", format!("HTTP/1.1 is spoken by {who}")),
        }
        heard.version == "HTTP/1.1"
    }

    fn judge_verb(&mut self, verb: Result<Heard, Wrong>, by_post: bool, override_wanted: bool) {
        match verb {
            Ok(_) => self.ok("verb", "a Ping by BITS_POST is answered".into()),
            // The way out is taken.
            Err(wrong) if override_wanted && by_post => self.wrong("verb", Grade::Warn, wrong),
            Err(wrong) => self.wrong("verb", Grade::Fail, wrong),
        }
    }

    fn judge_override(&mut self, by_post: Result<Heard, Wrong>, is_wanted: bool) {
        match by_post {
            Ok(_) => self.ok("override", "a Ping by POST with X-HTTP-Method-Override is answered".into()),
            Err(wrong) if is_wanted => self.wrong("override", Grade::Fail, wrong),
            // Nobody needs it.
            Err(_) if self.mode.is_some() => {
                self.ok("override", "POST is not taken for the verb, and need not be".into());
            }
            Err(wrong) => self.wrong("override", Grade::Warn, wrong),
        }
    }

    /// Two packets on one connection.
    fn keeps_connections(&mut self, mode: Mode) {
        let ping = self.packet(mode, PacketKind::Ping, Vec::new(), 0);
        let twice = || {
            let mut wire = self.http.open(self.uri, self.patience)?;
            let first = wire.ask(&ping, self.patience)?;
            Ok::<_, Error>(if first.is_kept {
                wire.ask(&ping, self.patience).map(|_| None)
            } else {
                Ok(Some(first))
            })
        };
        match twice() {
            Ok(Ok(None)) => self.ok("keep-alive", "a connection serves several packets".into()),
            Ok(Ok(Some(first))) => self.bad("keep-alive", Grade::Warn, &first, Problem::Closed),
            Ok(Err(error)) | Err(error) => {
                self.wrong("keep-alive", Grade::Warn, Wrong::silent(error, Problem::Closed))
            }
        }
    }

    /// A fragment with its body, of a session that there is not: the server has to say that, and nobody anything
    /// else.
    fn passes_bodies(&mut self, mode: Mode) {
        let mut fragment = self.fragment(mode, 1);
        fragment.sent = 1;
        match self.http.ask(self.uri, &fragment, self.patience) {
            Ok(heard) if is_of_session(&heard) => {
                self.ok("body", "a fragment arrives with its length".into())
            }
            Ok(heard) => {
                let problem = Problem::of(heard.status, &heard.headers).unwrap_or(Problem::Other);
                self.bad("body", Grade::Fail, &heard, problem);
            }
            Err(error) => self.wrong("body", Grade::Fail, Wrong::silent(error, Problem::Gateway)),
        }
    }

    /// Heads of fragments; who refuses their length need not see the body.
    fn takes_lengths(&mut self, mode: Mode) {
        let mut refused = None;
        for length in LENGTHS {
            let mut fragment = self.fragment(mode, length);
            fragment.fields.push(("Expect", "100-continue".into()));
            match self.http.ask(self.uri, &fragment, self.patience) {
                Ok(heard) if heard.status == 413 => refused = Some((length, heard)),
                // Silence, too, is no refusal.
                _ => {
                    return match refused {
                        None => self.ok("length", format!("fragments of {length} bytes are not refused")),
                        Some((over, heard)) => self.too_large(Some(length), over, &heard),
                    };
                }
            }
        }
        if let Some((over, heard)) = refused {
            self.too_large(None, over, &heard);
        }
    }

    fn too_large(&mut self, fits: Option<u64>, over: u64, heard: &Heard) {
        let hop = Hop::of(&heard.headers);
        let fits = fits.map(|length| format!("; {length} bytes pass")).unwrap_or_default();
        let who = introduction(&heard.headers);
        let finding = format!("fragments of {over} bytes are refused with 413 by {who}{fits}");
        self.add("length", Grade::Warn, finding, Some(Problem::TooLarge.advice(hop)));
    }

    fn answers_expectations(&mut self, mode: Mode) {
        let mut fragment = self.fragment(mode, 64 << 10);
        fragment.fields.push(("Expect", "100-continue".into()));
        match self.http.ask(self.uri, &fragment, self.patience) {
            Ok(heard) if heard.status == 100 => {
                self.ok("expect", "Expect: 100-continue is answered with 100, by a proxy".into());
            }
            Ok(heard) if is_of_session(&heard) => {
                self.ok("expect", "Expect: 100-continue is answered by the server".into());
            }
            Ok(heard) => self.bad("expect", Grade::Warn, &heard, Problem::Expectation),
            Err(error) => self.wrong("expect", Grade::Warn, Wrong::silent(error, Problem::Expectation)),
        }
    }

    fn ping(&self, mode: Mode) -> Result<Heard, Wrong> {
        let ping = self.packet(mode, PacketKind::Ping, Vec::new(), 0);
        let heard = self.http.ask(self.uri, &ping, self.patience);
        let heard = heard.map_err(|error| Wrong::silent(error, Problem::Verb))?;
        match Problem::of(heard.status, &heard.headers) {
            None => Ok(heard),
            Some(Problem::Verb) if mode == Mode::Override => Err(Wrong::heard(&heard, Problem::NoOverride)),
            Some(problem) => Err(Wrong::heard(&heard, problem)),
        }
    }

    fn fragment(&self, mode: Mode, length: u64) -> Question {
        let range = format!("bytes 0-{}/{length}", length.saturating_sub(1));
        let fields = vec![(names::SESSION_ID, NO_SESSION.to_owned()), (names::CONTENT_RANGE, range)];
        self.packet(mode, PacketKind::Fragment, fields, length)
    }

    /// A packet whose body is still to be sent.
    pub fn packet(
        &self,
        mode: Mode,
        kind: PacketKind,
        fields: Vec<(&'static str, String)>,
        length: u64,
    ) -> Question {
        let mut own = vec![(names::PACKET_TYPE, kind.name().to_owned())];
        let method = match mode {
            Mode::Verb => names::METHOD,
            Mode::Override => {
                own.push((names::METHOD_OVERRIDE, names::METHOD.to_owned()));
                "POST"
            }
        };
        own.extend(fields);
        Question { method, length: Some(length), ..self.question(own) }
    }

    fn question(&self, fields: Vec<(&'static str, String)>) -> Question {
        let mut all = vec![("User-Agent", self.user_agent.to_owned()), ("Accept", "*/*".to_owned())];
        all.extend(fields);
        Question { fields: all, ..Question::default() }
    }

    /// There is no way at all.
    fn gives_up(&mut self, error: &Error) -> bool {
        let name = match error.status() {
            Status::Resolve => "resolve",
            Status::Tls => "tls",
            Status::Protocol => "http",
            Status::HttpStatus => "tunnel",
            _ => "connect",
        };
        self.add(name, Grade::Fail, error.message().to_owned(), None);
        false
    }

    pub fn ok(&mut self, name: &'static str, finding: String) {
        self.add(name, Grade::Ok, finding, None);
    }

    pub fn bad(&mut self, name: &'static str, grade: Grade, heard: &Heard, problem: Problem) {
        self.wrong(name, grade, Wrong::heard(heard, problem));
    }

    pub fn wrong(&mut self, name: &'static str, grade: Grade, wrong: Wrong) {
        self.add(name, grade, wrong.finding, Some(wrong.advice));
    }

    pub fn add(&mut self, name: &'static str, grade: Grade, finding: String, advice: Option<String>) {
        self.checks.push(Check { name, grade, finding, advice });
    }
}

/// What is not as it should be, and how to mend it.
pub(super) struct Wrong {
    finding: String,
    advice: String,
}

impl Wrong {
    /// The answer is not what it should be.
    pub fn heard(heard: &Heard, problem: Problem) -> Self {
        let Heard { status, headers, version, .. } = heard;
        let mut finding = format!("{version} {status} from {}", introduction(headers));
        if let Some(hresult) = Ack::from_headers(*status, headers).error {
            finding.push_str(&format!(", {hresult}"));
        }
        if let Some(location) = headers.get("Location") {
            finding.push_str(&format!(", to {location}"));
        }
        Self { finding, advice: problem.advice(Hop::of(headers)) }
    }

    /// There is no answer.
    pub fn silent(error: Error, problem: Problem) -> Self {
        Self { finding: error.message().to_owned(), advice: problem.advice(Hop::Unknown) }
    }
}

/// Whether the server, and nobody before it, says that there is no such session.
fn is_of_session(heard: &Heard) -> bool {
    Ack::from_headers(heard.status, &heard.headers).is_session_lost()
}
