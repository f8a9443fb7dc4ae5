//! What became of the request under way, and what is owed next.

use super::judge::{self, Verdict};
use super::machine::{Ending, Flight, Upload};
use super::retry::MAX_RESTARTS;
use super::state::Phase;
use crate::error::{Error, Status};
use crate::proto::{Ack, HResult, PacketKind};

impl Upload {
    /// The request was answered. Without a request under way, nothing happens.
    pub fn answered(&mut self, now_ms: u64, ack: &Ack) {
        let Some(flight) = self.flight.take() else { return };
        if matches!(self.ending, Some(Ending::CancelFirst(_))) {
            if ack.is_ack && (ack.is_success() || ack.is_session_lost()) {
                self.memory.forget_session();
            }
            return self.interrupted(&flight);
        }
        if self.memory.phase == Phase::Cancel && flight.kind != PacketKind::CancelSession {
            return self.answered_too_late(&flight, ack);
        }
        let last = flight.offset.saturating_add(flight.length) == self.memory.total;
        let is_ours = judge::check_ack(flight.kind, self.session_id(), ack);
        let outcome = match judge::verdict(flight.kind, last, ack) {
            Verdict::Accepted => is_ours.and_then(|()| self.accepted(now_ms, &flight, ack)),
            Verdict::OutOfStep => is_ours.and_then(|()| self.acknowledged(ack)),
            Verdict::SessionLost => return self.session_lost(now_ms, &flight, ack),
            Verdict::Shorten if self.plan.refused(flight.length) => Ok(()),
            Verdict::Shorten | Verdict::Stop => Err(judge::refusal(flight.kind, last, ack)),
            Verdict::Again => Err(judge::refusal(flight.kind, last, ack).transient()),
        };
        match outcome {
            Ok(()) => self.host_reached(),
            // What is no Ack may be a gateway's before a server that is gone.
            Err(_) if !ack.is_ack => self.host_missed(now_ms),
            Err(_) => {}
        }
        if let Err(error) = outcome {
            self.refused(now_ms, &flight, error);
        }
    }

    /// The request was not answered: a transport error (transient) or a source error (final). A source error
    /// may also be found with no request under way. Or the reply was not fetched.
    pub fn failed(&mut self, now_ms: u64, error: Error) {
        if std::mem::take(&mut self.fetching) {
            return self.reply_failed(now_ms, error);
        }
        let flight = self.flight.take();
        if let Some(flight) = &flight {
            self.interrupted(flight);
            if self.memory.phase == Phase::Cancel && flight.kind != PacketKind::CancelSession {
                return;
            }
            self.line_failed(flight, error.status());
            if error.is_transient() {
                self.host_missed(now_ms);
            }
        }
        match (&self.ending, error.is_transient()) {
            (Some(_), _) => {}
            (None, true) => self.stumble(now_ms, error),
            (None, false) => self.stop(error),
        }
    }

    /// A reply that is gone for good may have gone with its session, and only a packet can tell.
    fn reply_failed(&mut self, now_ms: u64, error: Error) {
        match (self.memory.phase, error.http_status()) {
            (Phase::FetchReply, Some(404 | 410)) if !self.asked_again => self.ask_again(),
            (Phase::FetchReply, _) if error.is_transient() => self.stumble(now_ms, error),
            (Phase::FetchReply, _) => self.ending = Some(Ending::Failed(error)),
            _ => {}
        }
    }

    /// A transport error tells about the line, and about how far a Close-Session can have come.
    fn line_failed(&mut self, flight: &Flight, status: Status) {
        match (flight.kind, status) {
            (PacketKind::Fragment, Status::Timeout | Status::Disconnected) => self.plan.broken(flight.length),
            // There was no connection: the server has not seen it.
            (PacketKind::CloseSession, Status::Resolve | Status::Connect | Status::Tls) => {
                self.memory.close_in_doubt = flight.close_was_in_doubt;
            }
            _ => {}
        }
    }

    fn accepted(&mut self, now_ms: u64, flight: &Flight, ack: &Ack) -> Result<(), Error> {
        match flight.kind {
            PacketKind::Ping => self.ping_first = false,
            PacketKind::CreateSession => {
                let session = judge::opened(ack)?.to_owned();
                // The server that has the session is greeted before it gets the file (CLI-21).
                if let Some(host) = judge::host_id(ack)? {
                    self.memory.host_id = Some(host);
                    self.ping_first = true;
                }
                self.memory.session = Some(session);
                self.memory.phase = Phase::Fragment;
                self.asked_again = false;
            }
            PacketKind::Fragment => {
                self.acknowledged(ack)?;
                self.plan.carried(flight.length, now_ms.saturating_sub(flight.sent_ms));
            }
            PacketKind::CloseSession => self.ending = Some(Ending::Done),
            PacketKind::CancelSession => self.cancelled(),
        }
        Ok(())
    }

    /// Takes over the server's offset, on 200 as on 416: it is the truth even where it is not what was sent
    /// (PROTOCOL 6.4).
    fn acknowledged(&mut self, ack: &Ack) -> Result<(), Error> {
        let (former, total) = (self.memory.offset, self.memory.total);
        let offset = judge::received(ack, total)?;
        self.memory.offset = offset;
        let goes_on = self.setbacks.moved(former, offset);
        if offset > former || offset == total {
            self.retry.progress();
        }
        if offset == total {
            self.complete(ack);
        } else if !goes_on {
            self.ending = Some(Ending::Failed(no_progress(offset, ack)));
        }
        Ok(())
    }

    /// The server does not know the session: from the start with a new one (CLI-11), with two exceptions.
    ///
    /// A Cancel-Session has nothing left to do (CLI-13). And a Close-Session that was sent before without
    /// a clear answer has been processed: the server forgot the session *because* it closed it. To start
    /// anew would send the whole file again, and where overwriting is not allowed it would fail although
    /// the file is there. The first Close-Session of a session has no such excuse.
    fn session_lost(&mut self, now_ms: u64, flight: &Flight, ack: &Ack) {
        if self.memory.phase == Phase::Cancel {
            return self.cancelled();
        }
        if flight.close_was_in_doubt {
            self.ending = Some(Ending::Done);
            return;
        }
        self.memory.forget_session();
        self.ping_first = false;
        let error = judge::refusal(flight.kind, false, ack).transient();
        match self.setbacks.restarted() {
            1 => {}
            2..=MAX_RESTARTS => self.stumble(now_ms, error),
            _ => self.ending = Some(Ending::Failed(error)),
        }
    }

    /// The answer is an error, or not to be believed.
    fn refused(&mut self, now_ms: u64, flight: &Flight, error: Error) {
        if error.is_transient() {
            self.interrupted(flight);
            return self.stumble(now_ms, error);
        }
        if matches!(error.http_status(), Some(401 | 407)) {
            // Nothing was looked at, and Cancel-Session would fare no better. With credentials the session
            // can go on.
            self.memory.close_in_doubt = flight.close_was_in_doubt;
            self.ending = Some(Ending::Failed(error));
            return;
        }
        if flight.kind == PacketKind::CloseSession {
            // The file may have been discarded: a session unknown from now on is no sign of success.
            self.memory.close_in_doubt = false;
        }
        self.stop(error);
    }

    /// Failed for good. The session of an unfinished file is cancelled, not left to its timeout (CLI-17). A
    /// transport that fails would fail on Cancel-Session, too; one that was stopped is to go on one day.
    fn stop(&mut self, error: Error) {
        let is_unfinished = self.memory.phase == Phase::Fragment;
        let can_cancel = match error.status() {
            Status::Io | Status::NotFound | Status::Denied | Status::SourceChanged => true,
            // What wants credentials wants them for Cancel-Session, too.
            _ => error.http_status().is_some_and(|status| !matches!(status, 401 | 407)),
        };
        self.ending = Some(match is_unfinished && can_cancel {
            true => Ending::CancelFirst(error),
            false => Ending::Failed(error),
        });
    }

    fn cancelled(&mut self) {
        self.memory.session = None;
        self.ending = Some(Ending::Done);
    }

    /// The answer to what was under way when the upload was cancelled. A session that it opens, or a file
    /// that it completes, is there all the same.
    fn answered_too_late(&mut self, flight: &Flight, ack: &Ack) {
        match (flight.kind, judge::opened(ack)) {
            _ if !ack.is_ack || !ack.is_success() => {}
            (PacketKind::CreateSession, Ok(id)) => {
                self.memory.session = Some(id.to_owned());
                self.memory.host_id = judge::host_id(ack).unwrap_or_default().or(self.memory.host_id.take());
            }
            (PacketKind::CloseSession, _) => self.ending = Some(Ending::Done),
            _ => {}
        }
    }
}

fn no_progress(offset: u64, ack: &Ack) -> Error {
    let message = format!(
        "the server answers, but takes no bytes beyond offset {offset}; look at its log and try again later"
    );
    Error::new(Status::Range, message)
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_NO_PROGRESS)
        .transient()
}
