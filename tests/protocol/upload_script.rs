//! Plays a readable script against the upload machine: the script is the server and the network. A line
//! ends with the line, or with `|`.
//!
//! ```text
//! -> Fragment 0-9/10 session=abc    the machine sends that; what is not mentioned is not looked at
//! -> Fragment at=node               it sends that to another host than the URL's
//! -> GET http://h/r http://g/r      the machine wants a reply from there
//! <- fetched                        the reply is there
//! <- 200 received=10                it is answered that; `noack` leaves BITS-Packet-Type out
//! !! Disconnected                   it fails by that status (3xx: transient, others: final)
//! !! 404                            the reply is answered that
//! .. attempt=2                      the machine waits, and the time it asks for passes
//! ++ 10                             so many seconds pass
//! ** cancel                         the user cancels
//! ** restart                        the process dies; the next one resumes from the state saved last
//! == done                           the machine is done
//! == failed Range transient         the machine failed; `http=`, `hresult=` and `final` likewise
//! ```

use std::time::Duration;

use bitsup::proto::{Ack, HResult, Headers, PacketKind, names};
use bitsup::upload::{Action, ResumeState, RetryPolicy, UploadMachine, UploadOptions, UploadRequest};
use bitsup::{Error, Status};

pub const URL: &str = "http://server/upload/file.bin";

/// Fragments of ten bytes, delays of exactly known bounds.
pub fn options() -> UploadOptions {
    let retry = RetryPolicy {
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(60),
        max_attempts: None,
    };
    UploadOptions { fragment_size: Some(10), retry, ..UploadOptions::default() }
}

pub struct Player {
    pub upload: UploadMachine,
    pub now_ms: u64,
    /// The request last sent.
    pub request: Option<UploadRequest>,
    /// The wait last asked for.
    pub waited: Duration,
    total: u64,
    pub options: UploadOptions,
    saved: ResumeState,
}

/// Plays a script against a fresh upload of `total` bytes.
pub fn play(total: u64, script: &str) -> Player {
    let mut player = Player::new(total, options());
    player.play(script);
    player
}

/// Opens a session of the id `abc`.
pub const CREATED: &str = "
    -> Create-Session
    <- 200 session=abc protocol={7df0354d-249b-430f-820d-3d2a9bef4931}";

/// A script that begins with a session of the id `abc`.
pub fn session(total: u64, script: &str) -> Player {
    play(total, &format!("{CREATED} | {script}"))
}

impl Player {
    pub fn new(total: u64, options: UploadOptions) -> Self {
        let upload = UploadMachine::new(URL, total, options.clone(), 1).unwrap();
        let saved = upload.state();
        Self { upload, now_ms: 1_000_000, request: None, waited: Duration::ZERO, total, options, saved }
    }

    pub fn play(&mut self, script: &str) {
        for line in script.split(['\n', '|']).map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[0] {
                "->" if words[1] == "GET" => self.expect_fetch(line, &words[2..]),
                "->" => self.expect_send(line, &words[1..]),
                "<-" if words[1] == "fetched" => self.upload.reply_fetched(),
                "<-" => self.upload.on_response(self.now_ms, &ack(&words[1..])),
                "!!" => self.upload.on_failure(self.now_ms, error(words[1])),
                ".." => self.expect_wait(line, &words[1..]),
                "++" => self.now_ms += words[1].parse::<u64>().unwrap() * 1000,
                "**" if words[1] == "cancel" => self.upload.cancel(),
                "**" if words[1] == "restart" => self.restart(),
                "==" => self.expect_end(line, &words[1..]),
                _ => panic!("no such line: {line}"),
            }
        }
    }

    /// As the job loop does it: what is a new step is saved before anything is sent.
    fn next(&mut self) -> Action {
        let action = self.upload.next_action(self.now_ms);
        let state = self.upload.state();
        if state.is_new_step(&self.saved) {
            self.saved = state;
        }
        action
    }

    fn restart(&mut self) {
        let json = serde_json::to_string(&self.saved).unwrap();
        let state = serde_json::from_str(&json).unwrap();
        self.upload = UploadMachine::resume(URL, self.total, self.options.clone(), &state, 2).unwrap();
    }

    fn expect_send(&mut self, line: &str, words: &[&str]) {
        let action = self.next();
        let Action::Send(request) = action else { panic!("{line}: got {action:?}") };
        assert_eq!(request.kind.name(), words[0], "{line}");
        let host = words.iter().find_map(|word| word.strip_prefix("at="));
        assert_eq!(request.url, URL.replace("server", host.unwrap_or("server")), "{line}");
        check_headers(&request);
        for word in &words[1..] {
            match word.split_once('=') {
                Some(("at", _)) => {}
                Some(("session", id)) => assert_eq!(header(&request, names::SESSION_ID), Some(id), "{line}"),
                _ => {
                    let range = format!("bytes {word}");
                    assert_eq!(header(&request, names::CONTENT_RANGE), Some(range.as_str()), "{line}");
                }
            }
        }
        self.request = Some(request);
    }

    fn expect_fetch(&mut self, line: &str, words: &[&str]) {
        let action = self.next();
        let Action::FetchReply(places) = action else { panic!("{line}: got {action:?}") };
        assert!(
            places.iter().map(|place| place.url.as_str()).eq(words.iter().copied()),
            "{line}: {places:?}"
        );
    }

    fn expect_wait(&mut self, line: &str, words: &[&str]) {
        let action = self.next();
        let Action::Wait { delay, attempt, .. } = action else { panic!("{line}: got {action:?}") };
        for word in words {
            assert_eq!(*word, format!("attempt={attempt}"), "{line}");
        }
        self.waited = delay;
        self.now_ms += u64::try_from(delay.as_millis()).unwrap();
    }

    fn expect_end(&mut self, line: &str, words: &[&str]) {
        let action = self.next();
        match (words[0], &action) {
            ("done", Action::Done) => {}
            ("failed", Action::Failed(error)) => check_error(line, &words[1..], error),
            _ => panic!("{line}: got {action:?}"),
        }
        assert_eq!(format!("{action:?}"), format!("{:?}", self.next()), "an end stays");
    }

    /// The error the machine ended with.
    pub fn error(&mut self) -> Error {
        match self.next() {
            Action::Failed(error) => error,
            other => panic!("no failure: {other:?}"),
        }
    }
}

pub fn header<'a>(request: &'a UploadRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}

/// PROTOCOL 3: which fields a packet has, and in the captured order (13.1).
fn check_headers(request: &UploadRequest) {
    let fields: &[&str] = match request.kind {
        PacketKind::Ping => &[names::PACKET_TYPE],
        PacketKind::CreateSession => &[names::PACKET_TYPE, names::SUPPORTED_PROTOCOLS, names::CONTENT_NAME],
        PacketKind::Fragment => {
            &[names::PACKET_TYPE, names::SESSION_ID, names::CONTENT_NAME, names::CONTENT_RANGE]
        }
        PacketKind::CloseSession | PacketKind::CancelSession => {
            &[names::PACKET_TYPE, names::SESSION_ID, names::CONTENT_NAME]
        }
    };
    let has_name = header(request, names::CONTENT_NAME).is_some();
    let expected = fields.iter().filter(|name| has_name || **name != names::CONTENT_NAME);
    assert!(request.headers.iter().map(|(name, _)| name).eq(expected), "{request:?}");
    assert!(request.kind == PacketKind::Fragment || request.length == 0, "{request:?}");
}

fn check_error(line: &str, words: &[&str], error: &Error) {
    assert_eq!(format!("{:?}", error.status()), words[0], "{line}: {error}");
    for word in &words[1..] {
        match word.split_once('=') {
            Some(("http", status)) => assert_eq!(error.http_status(), status.parse().ok(), "{line}"),
            Some(("hresult", text)) => assert_eq!(error.hresult(), HResult::from_wire(text), "{line}"),
            _ => assert_eq!(error.is_transient(), *word == "transient", "{line}: {error}"),
        }
    }
}

/// An answer, read from its header fields as the transport reads it.
fn ack(words: &[&str]) -> Ack {
    let mut headers = Headers::new();
    if !words.contains(&"noack") {
        headers.push(names::PACKET_TYPE, "Ack");
    }
    for (key, value) in words[1..].iter().filter_map(|word| word.split_once('=')) {
        let name = match key {
            "session" => names::SESSION_ID,
            "received" => names::RECEIVED_CONTENT_RANGE,
            "protocol" => names::PROTOCOL,
            "error" => names::ERROR,
            "code" => names::ERROR_CODE,
            "context" => names::ERROR_CONTEXT,
            "retry" => names::RETRY_AFTER,
            "host" => names::HOST_ID,
            "fallback" => names::HOST_ID_FALLBACK_TIMEOUT,
            "reply" => names::REPLY_URL,
            other => other,
        };
        headers.push(name, value);
    }
    Ack::from_headers(words[0].parse().unwrap(), &headers)
}

fn error(name: &str) -> Error {
    if let Ok(status) = name.parse::<u16>() {
        let error = Error::new(Status::HttpStatus, "as the script says").with_http_status(status);
        return if status >= 500 { error.transient() } else { error };
    }
    let status = match name {
        "Resolve" => Status::Resolve,
        "Connect" => Status::Connect,
        "Timeout" => Status::Timeout,
        "Disconnected" => Status::Disconnected,
        "Certificate" => return Error::new(Status::Tls, "the certificate is not valid"),
        "Unsupported" => return Error::new(Status::Unsupported, "no such scheme").with_http_status(401),
        "SourceChanged" => {
            let error = Error::new(Status::SourceChanged, "the source changed");
            return error.with_hresult(HResult::BG_E_LOCAL_FILE_CHANGED);
        }
        "Io" => return Error::new(Status::Io, "the source cannot be read"),
        _ => panic!("no such status: {name}"),
    };
    Error::new(status, format!("{name} as the script says")).transient()
}
