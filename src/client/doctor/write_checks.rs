//! The checks that upload to a file that is never completed.

use std::time::Duration;

use super::advice::Problem;
use super::probe::{CheckFailure, PacketMethod, Probe};
use super::report::Grade;
use super::server_software::ServerSoftware;
use crate::client::http::{RawResponse, Uri, parse_url};
use crate::error::Error;
use crate::proto::{Ack, PacketKind, names};

/// Lengths of the fragments: slightly more than nginx accepts by default, and a length that clients use on a
/// fast connection.
const FRAGMENTS: [u64; 2] = [(1 << 20) + 1, 5 << 20];
/// Length of the fragment that is interrupted, and how much of it is sent.
const INTERRUPTED: (u64, u64) = (1 << 20, 512 << 10);
/// How long to wait for the sent part to arrive before closing the connection.
const LINGER: Duration = Duration::from_millis(500);

/// A URL in the directory of `uri` with a random name.
pub(super) fn random_url(uri: &Uri) -> String {
    let whole = uri.to_string();
    let path = whole.split_once('?').map_or(&*whole, |(path, _)| path);
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    format!("{folder}/bitsup-doctor-{:016x}", fastrand::u64(..))
}

impl Probe<'_> {
    /// Starts an upload to `url`, sends fragments, interrupts one and cancels the upload. Does nothing if
    /// packets do not reach the server.
    pub fn check_by_writing(&mut self, url: &str) -> Result<(), Error> {
        let Some(mode) = self.mode else { return Ok(()) };
        let uri = parse_url(url)?;
        match TestUpload::begin(self, mode, &uri) {
            Ok(test_upload) => {
                self.report_ok("session", format!("an upload to {url} was started"));
                if let Some(next) = self.check_fragments(&test_upload) {
                    self.check_buffering(&test_upload, next);
                }
                self.check_cancel(&test_upload);
            }
            Err(failure) => self.report_failure("session", Grade::Fail, failure),
        }
        Ok(())
    }

    /// Sends complete fragments. Returns the offset of the next one, or `None` if one was rejected.
    fn check_fragments(&mut self, test_upload: &TestUpload) -> Option<u64> {
        let mut next = 0_u64;
        for length in FRAGMENTS {
            match test_upload.send(self, next, length, length) {
                Ok(response) if response.status == 413 => {
                    self.report_response("fragments", Grade::Warn, &response, Problem::TooLarge);
                    return None;
                }
                Ok(response) => match Problem::of(response.status, &response.headers) {
                    None => next = next.saturating_add(length),
                    // Shorter packets were forwarded, so the proxy failed because of a limit.
                    Some(Problem::Gateway) => {
                        self.report_response("fragments", Grade::Fail, &response, Problem::TooLarge);
                        return None;
                    }
                    Some(problem) => {
                        self.report_response("fragments", Grade::Fail, &response, problem);
                        return None;
                    }
                },
                Err(error) => {
                    self.report_failure(
                        "fragments",
                        Grade::Fail,
                        CheckFailure::no_response(error, Problem::TooLarge),
                    );
                    return None;
                }
            }
        }
        self.report_ok(
            "fragments",
            format!("fragments of {} and {} bytes were stored", FRAGMENTS[0], FRAGMENTS[1]),
        );
        Some(next)
    }

    /// Interrupts a fragment. The server has stored the beginning, unless a proxy buffers requests.
    fn check_buffering(&mut self, test_upload: &TestUpload, next: u64) {
        let (length, sent) = INTERRUPTED;
        // There is no response to an incomplete request.
        let _ = test_upload.send(self, next, length, sent);
        let beyond = next.saturating_add(length).saturating_add(1);
        let response = match test_upload.send(self, beyond, 1, 1) {
            Ok(response) => response,
            Err(error) => {
                return self.report_failure(
                    "buffering",
                    Grade::Warn,
                    CheckFailure::no_response(error, Problem::Other),
                );
            }
        };
        match Ack::from_headers(response.status, &response.headers).received {
            Some(stored) if stored > next => {
                self.report_ok(
                    "buffering",
                    format!("{} bytes of an interrupted fragment were stored", stored.saturating_sub(next)),
                );
            }
            Some(_) => {
                let advice = Problem::Buffered.advice(ServerSoftware::of(&response.headers));
                let finding =
                    "nothing of an interrupted fragment was stored: a proxy buffers requests".into();
                self.add("buffering", Grade::Warn, finding, Some(advice));
            }
            None => self.report_response("buffering", Grade::Warn, &response, Problem::Other),
        }
    }

    fn check_cancel(&mut self, test_upload: &TestUpload) {
        let fields = vec![(names::SESSION_ID, test_upload.session.clone())];
        let cancel = self.packet(test_upload.mode, PacketKind::CancelSession, fields, 0);
        match self.http.send_raw(test_upload.uri, &cancel, self.timeout) {
            Ok(response) => match Problem::of(response.status, &response.headers) {
                None => self.report_ok("cancel", "the upload was cancelled".into()),
                Some(problem) => self.report_response("cancel", Grade::Warn, &response, problem),
            },
            Err(error) => {
                self.report_failure("cancel", Grade::Warn, CheckFailure::no_response(error, Problem::Gateway))
            }
        }
    }
}

/// The upload that the checks started.
struct TestUpload<'a> {
    uri: &'a Uri,
    mode: PacketMethod,
    session: String,
}

impl<'a> TestUpload<'a> {
    fn begin(probe: &Probe<'_>, mode: PacketMethod, uri: &'a Uri) -> Result<Self, CheckFailure> {
        let fields = vec![(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID.to_owned())];
        let create = probe.packet(mode, PacketKind::CreateSession, fields, 0);
        let response = probe.http.send_raw(uri, &create, probe.timeout);
        let response = response.map_err(|error| CheckFailure::no_response(error, Problem::Gateway))?;
        let problem = Problem::of(response.status, &response.headers);
        match (problem, response.headers.get(names::SESSION_ID)) {
            (None, Some(session)) => Ok(Self { uri, mode, session: session.to_owned() }),
            (problem, _) => Err(CheckFailure::from_response(&response, problem.unwrap_or(Problem::Stripped))),
        }
    }

    /// Sends the first `sent` bytes of a fragment.
    fn send(&self, probe: &Probe<'_>, from: u64, length: u64, sent: u64) -> Result<RawResponse, Error> {
        let whole: u64 = FRAGMENTS.iter().sum();
        // More than is ever sent, so that the file is never completed.
        let total = whole.saturating_add(INTERRUPTED.0.saturating_mul(2));
        let last = from.saturating_add(length).saturating_sub(1);
        let fields = vec![
            (names::SESSION_ID, self.session.clone()),
            (names::CONTENT_RANGE, format!("bytes {from}-{last}/{total}")),
        ];
        let mut fragment = probe.packet(self.mode, PacketKind::Fragment, fields, length);
        fragment.sent = sent;
        // There is no response to an incomplete fragment.
        let timeout = if sent < length { LINGER.min(probe.timeout) } else { probe.timeout };
        probe.http.send_raw(self.uri, &fragment, timeout)
    }
}
