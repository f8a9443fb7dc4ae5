//! The checks that store nothing on the server. The checks of `BITS_POST` and of the method override
//! determine how the later checks send packets.

use super::advice::Problem;
use super::probe::{CheckFailure, PacketMethod, Probe};
use super::report::Grade;
use super::server_software::{ServerSoftware, describe_path};
use crate::client::http::{RawRequest, RawResponse, authority};
use crate::error::{Error, Status};
use crate::proto::limits::MAX_FRAGMENT;
use crate::proto::{Ack, PacketKind, names};

/// The id of a session that does not exist.
const NO_SESSION: &str = "{00000000-0000-4000-8000-000000000000}";
/// Fragment lengths around common limits of proxies, in descending order; the first is the longest that
/// clients send by default.
const LENGTHS: [u64; 5] = [MAX_FRAGMENT, 5 << 20, (1 << 20) + 1, 1 << 20, 64 << 10];

impl Probe<'_> {
    /// Runs all checks, up to a failure that makes the rest pointless.
    pub fn check(&mut self, override_wanted: bool) {
        if !self.check_connection() || !self.check_http() {
            return;
        }
        let (verb, by_post) = (self.ping(PacketMethod::Verb), self.ping(PacketMethod::Override));
        self.mode = if override_wanted {
            by_post.is_ok().then_some(PacketMethod::Override)
        } else {
            verb.is_ok().then_some(PacketMethod::Verb)
        };
        self.report_verb(verb, by_post.is_ok(), override_wanted);
        self.report_override(by_post, override_wanted);
        if let Some(mode) = self.mode {
            self.check_keep_alive(mode);
            self.check_body(mode);
            self.check_length(mode);
            self.check_expect(mode);
        }
    }

    /// Resolves and connects.
    fn check_connection(&mut self) -> bool {
        let host = authority(self.uri);
        match self.http.open_raw(self.uri, self.timeout) {
            Ok(_) => {
                self.report_ok("resolve", format!("{host} resolves to an address"));
                self.report_ok("connect", format!("{host} accepts connections"));
                true
            }
            Err(error) => self.report_unreachable(&error),
        }
    }

    /// Sends a GET request as a browser would, to find out which server responds, in which HTTP version, and
    /// whether it redirects.
    fn check_http(&mut self) -> bool {
        let request = RawRequest { method: "GET", ..self.request(Vec::new()) };
        let response = match self.http.send_raw(self.uri, &request, self.timeout) {
            Ok(response) => response,
            Err(error) => return self.report_unreachable(&error),
        };
        if self.uri.scheme_str() == Some("https") {
            self.report_ok("tls", "the certificate is valid for that name".into());
        }
        let who = describe_path(&response.headers);
        match (response.version == "HTTP/1.1", response.status) {
            (false, _) => self.report_response("http", Grade::Fail, &response, Problem::OldResponse),
            (true, 300..=399) => self.report_response("http", Grade::Fail, &response, Problem::Redirect),
            (true, _) => self.report_ok("http", format!("{who} responds in HTTP/1.1")),
        }
        response.version == "HTTP/1.1"
    }

    fn report_verb(&mut self, verb: Result<RawResponse, CheckFailure>, by_post: bool, override_wanted: bool) {
        match verb {
            Ok(_) => self.report_ok("verb", "a Ping by BITS_POST gets a response".into()),
            // The override is in use, so the method itself is not needed.
            Err(failure) if override_wanted && by_post => self.report_failure("verb", Grade::Warn, failure),
            Err(failure) => self.report_failure("verb", Grade::Fail, failure),
        }
    }

    fn report_override(&mut self, by_post: Result<RawResponse, CheckFailure>, is_wanted: bool) {
        match by_post {
            Ok(_) => self
                .report_ok("override", "a Ping by POST with X-HTTP-Method-Override gets a response".into()),
            Err(failure) if is_wanted => self.report_failure("override", Grade::Fail, failure),
            // The override is not needed.
            Err(_) if self.mode.is_some() => {
                self.report_ok("override", "the override is not enabled, and not needed".into());
            }
            Err(failure) => self.report_failure("override", Grade::Warn, failure),
        }
    }

    /// Sends two packets on one connection.
    fn check_keep_alive(&mut self, mode: PacketMethod) {
        let ping = self.packet(mode, PacketKind::Ping, Vec::new(), 0);
        let twice = || {
            let mut connection = self.http.open_raw(self.uri, self.timeout)?;
            let first = connection.send(&ping, self.timeout)?;
            Ok::<_, Error>(if first.is_kept {
                connection.send(&ping, self.timeout).map(|_| None)
            } else {
                Ok(Some(first))
            })
        };
        match twice() {
            Ok(Ok(None)) => self.report_ok("keep-alive", "several packets can use one connection".into()),
            Ok(Ok(Some(first))) => self.report_response("keep-alive", Grade::Warn, &first, Problem::Closed),
            Ok(Err(error)) | Err(error) => self.report_failure(
                "keep-alive",
                Grade::Warn,
                CheckFailure::no_response(error, Problem::Closed),
            ),
        }
    }

    /// Sends a fragment with its body, for a session that does not exist. Expects the response for an unknown
    /// session.
    fn check_body(&mut self, mode: PacketMethod) {
        let mut fragment = self.fragment(mode, 1);
        fragment.sent = 1;
        match self.http.send_raw(self.uri, &fragment, self.timeout) {
            Ok(response) if is_session_not_found(&response) => {
                self.report_ok("body", "a fragment arrives with its length".into())
            }
            Ok(response) => {
                let problem = Problem::of(response.status, &response.headers).unwrap_or(Problem::Other);
                self.report_response("body", Grade::Fail, &response, problem);
            }
            Err(error) => {
                self.report_failure("body", Grade::Fail, CheckFailure::no_response(error, Problem::Gateway))
            }
        }
    }

    /// Sends only the heads of fragments: a server that rejects the length does so before the body.
    fn check_length(&mut self, mode: PacketMethod) {
        let mut refused = None;
        for length in LENGTHS {
            let mut fragment = self.fragment(mode, length);
            fragment.fields.push(("Expect", "100-continue".into()));
            match self.http.send_raw(self.uri, &fragment, self.timeout) {
                Ok(response) if response.status == 413 => refused = Some((length, response)),
                // No response is not a rejection either.
                _ => {
                    return match refused {
                        None => {
                            self.report_ok("length", format!("fragments of {length} bytes are not rejected"))
                        }
                        Some((over, response)) => self.too_large(Some(length), over, &response),
                    };
                }
            }
        }
        if let Some((over, response)) = refused {
            self.too_large(None, over, &response);
        }
    }

    fn too_large(&mut self, fits: Option<u64>, over: u64, response: &RawResponse) {
        let server_software = ServerSoftware::of(&response.headers);
        let fits = fits.map(|length| format!("; {length} bytes are accepted")).unwrap_or_default();
        let who = describe_path(&response.headers);
        let finding = format!("fragments of {over} bytes are rejected with 413 by {who}{fits}");
        self.add("length", Grade::Warn, finding, Some(Problem::TooLarge.advice(server_software)));
    }

    fn check_expect(&mut self, mode: PacketMethod) {
        let mut fragment = self.fragment(mode, 64 << 10);
        fragment.fields.push(("Expect", "100-continue".into()));
        match self.http.send_raw(self.uri, &fragment, self.timeout) {
            Ok(response) if response.status == 100 => {
                self.report_ok("expect", "a proxy responds to Expect: 100-continue with 100".into());
            }
            Ok(response) if is_session_not_found(&response) => {
                self.report_ok("expect", "the server responds to Expect: 100-continue".into());
            }
            Ok(response) => self.report_response("expect", Grade::Warn, &response, Problem::Expectation),
            Err(error) => self.report_failure(
                "expect",
                Grade::Warn,
                CheckFailure::no_response(error, Problem::Expectation),
            ),
        }
    }

    fn ping(&self, mode: PacketMethod) -> Result<RawResponse, CheckFailure> {
        let ping = self.packet(mode, PacketKind::Ping, Vec::new(), 0);
        let response = self.http.send_raw(self.uri, &ping, self.timeout);
        let response = response.map_err(|error| CheckFailure::no_response(error, Problem::Verb))?;
        match Problem::of(response.status, &response.headers) {
            None => Ok(response),
            Some(Problem::Verb) if mode == PacketMethod::Override => {
                Err(CheckFailure::from_response(&response, Problem::NoOverride))
            }
            Some(problem) => Err(CheckFailure::from_response(&response, problem)),
        }
    }

    fn fragment(&self, mode: PacketMethod, length: u64) -> RawRequest {
        let range = format!("bytes 0-{}/{length}", length.saturating_sub(1));
        let fields = vec![(names::SESSION_ID, NO_SESSION.to_owned()), (names::CONTENT_RANGE, range)];
        self.packet(mode, PacketKind::Fragment, fields, length)
    }

    /// Ends the examination with a failure to reach the server.
    fn report_unreachable(&mut self, error: &Error) -> bool {
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
}

/// Whether the response is from the server itself and reports that the session does not exist.
fn is_session_not_found(response: &RawResponse) -> bool {
    Ack::from_headers(response.status, &response.headers).is_session_lost()
}
