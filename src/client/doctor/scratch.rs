//! The checks that take an upload to make, of a file that never comes to be.

use std::time::Duration;

use super::Grade;
use super::advice::Problem;
use super::checks::{Mode, Patient, Wrong};
use crate::client::http::{Heard, Url, parse_url};
use crate::error::Error;
use crate::proto::{Ack, PacketKind, names};

/// What is sent in one piece: just more than nginx takes by default, and what a good line soon leads to.
const FRAGMENTS: [u64; 2] = [(1 << 20) + 1, 5 << 20];
/// The fragment that breaks off, and how much of it is sent.
const BROKEN: (u64, u64) = (1 << 20, 512 << 10);
/// How long what was sent of it has to arrive before the connection ends.
const LINGER: Duration = Duration::from_millis(500);

/// Beside a file, or in a folder: a name that nothing else has.
pub(super) fn url(uri: &Url) -> String {
    let whole = uri.to_string();
    let path = whole.split('?').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    format!("{folder}/bitsup-doctor-{:016x}", fastrand::u64(..))
}

impl<'a> Patient<'a> {
    /// Begins an upload to `url`, sends fragments of it, breaks one off and cancels it. Nothing is checked when
    /// packets do not get through.
    ///
    /// Errors: none; a URL beside a good one is a good one.
    pub fn check_by_writing(&mut self, url: &str) -> Result<(), Error> {
        let Some(mode) = self.mode else { return Ok(()) };
        let uri = parse_url(url)?;
        match Scratch::begin(self, mode, &uri) {
            Ok(scratch) => {
                self.ok("session", format!("an upload to {url} was begun"));
                let next = self.sends_fragments(&scratch);
                if let Some(next) = next {
                    self.breaks_off(&scratch, next);
                }
                self.cancels(&scratch);
            }
            Err(wrong) => self.wrong("session", Grade::Fail, wrong),
        }
        Ok(())
    }

    /// Whole fragments; where the next one begins, unless one was refused.
    fn sends_fragments(&mut self, scratch: &Scratch) -> Option<u64> {
        let mut next = 0_u64;
        for length in FRAGMENTS {
            match scratch.send(self, next, length, length) {
                Ok(heard) if heard.status == 413 => {
                    self.bad("fragments", Grade::Warn, &heard, Problem::TooLarge);
                    return None;
                }
                Ok(heard) => match Problem::of(heard.status, &heard.headers) {
                    None => next = next.saturating_add(length),
                    // Shorter packets got through: a proxy lost the server over a limit of its own.
                    Some(Problem::Gateway) => {
                        self.bad("fragments", Grade::Fail, &heard, Problem::TooLarge);
                        return None;
                    }
                    Some(problem) => {
                        self.bad("fragments", Grade::Fail, &heard, problem);
                        return None;
                    }
                },
                Err(error) => {
                    self.wrong("fragments", Grade::Fail, Wrong::silent(error, Problem::TooLarge));
                    return None;
                }
            }
        }
        self.ok("fragments", format!("fragments of {} and {} bytes were stored", FRAGMENTS[0], FRAGMENTS[1]));
        Some(next)
    }

    /// A fragment of which only the beginning comes: the server has stored that, unless somebody collected it.
    fn breaks_off(&mut self, scratch: &Scratch, next: u64) {
        let (length, sent) = BROKEN;
        // It has no answer, whatever becomes of it.
        let _ = scratch.send(self, next, length, sent);
        let beyond = next.saturating_add(length).saturating_add(1);
        let heard = match scratch.send(self, beyond, 1, 1) {
            Ok(heard) => heard,
            Err(error) => return self.wrong("buffering", Grade::Warn, Wrong::silent(error, Problem::Other)),
        };
        match Ack::from_headers(heard.status, &heard.headers).received {
            Some(stored) if stored > next => {
                self.ok(
                    "buffering",
                    format!("of a fragment that broke off, {} bytes were kept", stored.saturating_sub(next)),
                );
            }
            Some(_) => {
                let advice = Problem::Buffered.advice(super::hop::Hop::of(&heard.headers));
                let finding =
                    "of a fragment that broke off, nothing was kept: it is collected on the way".into();
                self.add("buffering", Grade::Warn, finding, Some(advice));
            }
            None => self.bad("buffering", Grade::Warn, &heard, Problem::Other),
        }
    }

    fn cancels(&mut self, scratch: &Scratch) {
        let fields = vec![(names::SESSION_ID, scratch.session.clone())];
        let cancel = self.packet(scratch.mode, PacketKind::CancelSession, fields, 0);
        match self.http.ask(scratch.uri, &cancel, self.patience) {
            Ok(heard) => match Problem::of(heard.status, &heard.headers) {
                None => self.ok("cancel", "the upload was cancelled, and left nothing".into()),
                Some(problem) => self.bad("cancel", Grade::Warn, &heard, problem),
            },
            Err(error) => self.wrong("cancel", Grade::Warn, Wrong::silent(error, Problem::Gateway)),
        }
    }
}

/// An upload that was begun.
struct Scratch<'a> {
    uri: &'a Url,
    mode: Mode,
    session: String,
}

impl<'a> Scratch<'a> {
    fn begin(patient: &Patient<'_>, mode: Mode, uri: &'a Url) -> Result<Self, Wrong> {
        let fields = vec![(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID.to_owned())];
        let create = patient.packet(mode, PacketKind::CreateSession, fields, 0);
        let heard = patient.http.ask(uri, &create, patient.patience);
        let heard = heard.map_err(|error| Wrong::silent(error, Problem::Gateway))?;
        let problem = Problem::of(heard.status, &heard.headers);
        match (problem, heard.headers.get(names::SESSION_ID)) {
            (None, Some(session)) => Ok(Self { uri, mode, session: session.to_owned() }),
            (problem, _) => Err(Wrong::heard(&heard, problem.unwrap_or(Problem::Stripped))),
        }
    }

    /// Sends the first `sent` bytes of a fragment.
    fn send(&self, patient: &Patient<'_>, from: u64, length: u64, sent: u64) -> Result<Heard, Error> {
        let whole: u64 = FRAGMENTS.iter().sum();
        // More than is ever sent, so that the file does not come to be.
        let total = whole.saturating_add(BROKEN.0.saturating_mul(2));
        let last = from.saturating_add(length).saturating_sub(1);
        let fields = vec![
            (names::SESSION_ID, self.session.clone()),
            (names::CONTENT_RANGE, format!("bytes {from}-{last}/{total}")),
        ];
        let mut fragment = patient.packet(self.mode, PacketKind::Fragment, fields, length);
        fragment.sent = sent;
        // To one that breaks off there is no answer.
        let patience = if sent < length { LINGER.min(patient.patience) } else { patient.patience };
        patient.http.ask(self.uri, &fragment, patience)
    }
}
