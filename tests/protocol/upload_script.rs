//! Plays a script against the upload machine. The script stands for the server and the network. Steps are separated
//! by line breaks or `|`.
//!
//! ```text
//! -> Fragment 0-9/10 session=abc    expects this request; only the fields given here are checked
//! -> Fragment at=node               expects a request to a host other than the URL's
//! -> GET http://h/r http://g/r      expects a download of the reply from these URLs
//! <- fetched                        the reply was downloaded
//! <- 200 received=10                the response to the request; `noack` omits BITS-Packet-Type
//! !! Disconnected                   the request fails with this status
//! !! 404                            the response to the GET of the reply (5xx: transient, others: final)
//! .. attempt=2                      expects a wait; the time passes
//! ++ 10                             this number of seconds passes
//! ** cancel                         the user cancels
//! ** restart                        the process restarts and resumes from the last saved state
//! == done                           expects success
//! == failed Range transient         expects this error; also `http=`, `hresult=` and `final`
//! ```

use std::time::Duration;

use bitsup::proto::{Ack, HResult, Headers, PacketKind, names};
use bitsup::upload::{Action, ResumeState, RetryPolicy, UploadMachine, UploadOptions, UploadRequest};
use bitsup::{Error, Status};

pub const URL: &str = "http://server/upload/file.bin";

/// Fragments of ten bytes, retries without a limit on attempts.
pub fn options() -> UploadOptions {
    let retry = RetryPolicy::default()
        .first_delay(Duration::from_secs(1))
        .max_delay(Duration::from_secs(60))
        .max_attempts(None);
    UploadOptions::default().fragment_size(10).retry(retry)
}

pub struct Player {
    pub upload: UploadMachine,
    pub now_ms: u64,
    /// The last request.
    pub request: Option<UploadRequest>,
    /// The delay of the last wait.
    pub waited: Duration,
    total: u64,
    pub options: UploadOptions,
    saved: ResumeState,
}

/// Plays a script against a new upload of `total` bytes.
pub fn play(total: u64, script: &str) -> Player {
    let mut player = Player::new(total, options());
    player.play(script);
    player
}

/// Creates a session with the id `abc`.
pub const CREATED: &str = "
    -> Create-Session
    <- 200 session=abc protocol={7df0354d-249b-430f-820d-3d2a9bef4931}";

/// Creates a session with the id `abc`, then plays a script.
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
                _ => panic!("unknown step: {line}"),
            }
        }
    }

    /// Returns the next action. Saves new steps first, as `Job` does.
    fn next(&mut self) -> Action {
        let action = self.upload.next_action(self.now_ms);
        let state = self.upload.state();
        if state.requires_save(&self.saved) {
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
        let Action::FetchReply(locations) = action else { panic!("{line}: got {action:?}") };
        assert!(
            locations.iter().map(|location| location.url.as_str()).eq(words.iter().copied()),
            "{line}: {locations:?}"
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
        assert_eq!(format!("{action:?}"), format!("{:?}", self.next()), "the end changed");
    }

    /// The error that ended the upload.
    pub fn error(&mut self) -> Error {
        match self.next() {
            Action::Failed(error) => error,
            other => panic!("not a failure: {other:?}"),
        }
    }
}

pub fn header<'a>(request: &'a UploadRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}

/// Asserts that a packet has its fields (PROTOCOL 3) in the captured order (13.1).
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

/// Parses a response from header fields, as the transport does.
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
        let error = Error::new(Status::HttpStatus, "response of the script").with_http_status(status);
        return if status >= 500 { error.transient() } else { error };
    }
    let status = match name {
        "Resolve" => Status::Resolve,
        "Connect" => Status::Connect,
        "Timeout" => Status::Timeout,
        "Disconnected" => Status::Disconnected,
        "Certificate" => return Error::new(Status::Tls, "the certificate is not valid"),
        "Unsupported" => return Error::new(Status::Unsupported, "unknown scheme").with_http_status(401),
        "SourceChanged" => {
            let error = Error::new(Status::SourceChanged, "the source changed");
            return error.with_hresult(HResult::BG_E_LOCAL_FILE_CHANGED);
        }
        "Io" => return Error::new(Status::Io, "the source cannot be read"),
        _ => panic!("unknown status: {name}"),
    };
    Error::new(status, format!("{name} in the script")).transient()
}
