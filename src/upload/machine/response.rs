//! Processes responses and failures.

use super::{InFlight, Termination, UploadMachine};
use crate::error::{Error, Status};
use crate::proto::{Ack, HResult, PacketKind};
use crate::upload::checkpoint::UploadPhase;
use crate::upload::classify::{self, ResponseClass};
use crate::upload::retry::MAX_RESTARTS;

impl UploadMachine {
    /// Reports the response to the request in flight. Does nothing if no request is in flight.
    pub fn on_response(&mut self, now_ms: u64, ack: &Ack) {
        let Some(request) = self.in_flight.take() else { return };
        if matches!(self.termination, Some(Termination::CancelFirst(_))) {
            if ack.is_ack && (ack.is_success() || ack.is_session_lost()) {
                self.checkpoint.forget_session();
            }
            return self.on_interrupted(&request);
        }
        if self.checkpoint.phase == UploadPhase::Cancel && request.kind != PacketKind::CancelSession {
            return self.on_response_after_cancel(&request, ack);
        }
        let ack_check = classify::check_ack(request.kind, self.session_id(), ack);
        let outcome = match classify::classify(request.kind, ack) {
            ResponseClass::Accepted => ack_check.and_then(|()| self.on_accepted(now_ms, &request, ack)),
            ResponseClass::OffsetMismatch => ack_check.and_then(|()| self.on_offset(ack)),
            ResponseClass::SessionLost => return self.on_session_lost(now_ms, &request, ack),
            ResponseClass::TooLong if self.sizer.on_too_long(request.length) => Ok(()),
            ResponseClass::TooLong | ResponseClass::Fatal => Err(classify::rejection(request.kind, ack)),
            ResponseClass::Retry => Err(classify::rejection(request.kind, ack).transient()),
        };
        match outcome {
            Ok(()) => self.on_host_reached(),
            // A response that is not an Ack may come from a gateway whose server is gone.
            Err(_) if !ack.is_ack => self.on_host_unreachable(now_ms),
            Err(_) => {}
        }
        if let Err(error) = outcome {
            self.on_error_response(now_ms, &request, error);
        }
    }

    /// Reports that the request in flight got no response, or that the reply was not fetched.
    ///
    /// A [transient](Error::is_transient) error is retried; any other ends the upload. An error of the source may
    /// also be reported with no request in flight.
    pub fn on_failure(&mut self, now_ms: u64, error: Error) {
        if std::mem::take(&mut self.fetching) {
            return self.on_reply_failed(now_ms, error);
        }
        let request = self.in_flight.take();
        if let Some(request) = &request {
            self.on_interrupted(request);
            if self.checkpoint.phase == UploadPhase::Cancel && request.kind != PacketKind::CancelSession {
                return;
            }
            let was_lost = matches!(error.status(), Status::Timeout | Status::Disconnected);
            if request.kind == PacketKind::Fragment && was_lost {
                self.sizer.on_connection_lost(request.length);
            }
            if error.is_transient() {
                self.on_host_unreachable(now_ms);
            }
        }
        match (&self.termination, error.is_transient()) {
            (Some(_), _) => {}
            (None, true) => self.on_transient_error(now_ms, error),
            (None, false) => self.fail(error),
        }
    }

    /// A reply that no longer exists may have been deleted with its session; sending a packet shows whether
    /// it was.
    fn on_reply_failed(&mut self, now_ms: u64, error: Error) {
        match (self.checkpoint.phase, error.http_status()) {
            (UploadPhase::FetchReply, Some(404 | 410)) if !self.resent_last_fragment => {
                self.resend_last_fragment();
            }
            (UploadPhase::FetchReply, _) if error.is_transient() => self.on_transient_error(now_ms, error),
            (UploadPhase::FetchReply, _) => self.termination = Some(Termination::Failed(error)),
            _ => {}
        }
    }

    fn on_accepted(&mut self, now_ms: u64, request: &InFlight, ack: &Ack) -> Result<(), Error> {
        match request.kind {
            PacketKind::Ping => self.ping_first = false,
            PacketKind::CreateSession => {
                let session = classify::opened_session(ack)?.to_owned();
                // The server that has the session gets a Ping before the first fragment (CLI-21).
                if let Some(host) = classify::session_host(ack)? {
                    self.checkpoint.host_id = Some(host);
                    self.ping_first = true;
                }
                self.checkpoint.session = Some(session);
                self.checkpoint.phase = UploadPhase::Fragment;
                self.resent_last_fragment = false;
            }
            PacketKind::Fragment => {
                self.on_offset(ack)?;
                self.sizer.on_acknowledged(request.length, now_ms.saturating_sub(request.sent_ms));
            }
            PacketKind::CloseSession => self.termination = Some(Termination::Done),
            PacketKind::CancelSession => self.on_cancelled(),
        }
        Ok(())
    }

    /// Continues at the server's offset, for both 200 and 416. It is authoritative even if it is not what was
    /// sent (PROTOCOL 6.4).
    fn on_offset(&mut self, ack: &Ack) -> Result<(), Error> {
        let (previous, total) = (self.checkpoint.offset, self.checkpoint.total);
        let offset = classify::acknowledged_offset(ack, total)?;
        self.checkpoint.offset = offset;
        let may_continue = self.stalls.on_offset(previous, offset);
        if offset > previous || offset == total {
            self.retry.reset();
        }
        if offset == total {
            self.on_all_bytes_acknowledged(ack);
        } else if !may_continue {
            self.termination = Some(Termination::Failed(no_progress(offset, ack)));
        }
        Ok(())
    }

    /// The server does not know the session: start again with a new one (CLI-11), except after a Cancel-Session, which
    /// has nothing left to do (CLI-13).
    ///
    /// This also applies to a Close-Session that is sent again because the first one got no response. The server may have
    /// closed the session; but the session may also have expired, or been removed or lost, before the first one arrived, and
    /// then the file was perhaps not delivered. A bitsup server remembers closed sessions and acknowledges the repeated
    /// Close-Session.
    fn on_session_lost(&mut self, now_ms: u64, request: &InFlight, ack: &Ack) {
        if self.checkpoint.phase == UploadPhase::Cancel {
            return self.on_cancelled();
        }
        self.checkpoint.forget_session();
        self.ping_first = false;
        let error = classify::rejection(request.kind, ack).transient();
        match self.stalls.on_session_lost() {
            1 => {}
            2..=MAX_RESTARTS => self.on_transient_error(now_ms, error),
            _ => self.termination = Some(Termination::Failed(error)),
        }
    }

    /// Handles a response that is an error or breaks the protocol.
    fn on_error_response(&mut self, now_ms: u64, request: &InFlight, error: Error) {
        if error.is_transient() {
            self.on_interrupted(request);
            return self.on_transient_error(now_ms, error);
        }
        self.fail(error);
    }

    /// Ends the upload with a final error.
    ///
    /// The session is kept (CLI-17): the response may be a proxy's, or the administrator may solve the problem, and the
    /// next run continues. Only the session of a source that has changed is cancelled, because no run can complete it.
    fn fail(&mut self, error: Error) {
        let is_incomplete = self.checkpoint.phase == UploadPhase::Fragment;
        self.termination = Some(if is_incomplete && error.status() == Status::SourceChanged {
            Termination::CancelFirst(error)
        } else {
            Termination::Failed(error)
        });
    }

    fn on_cancelled(&mut self) {
        self.checkpoint.session = None;
        self.termination = Some(Termination::Done);
    }

    /// Handles the response to a request that was in flight when the upload was cancelled. A session that it opened
    /// has to be cancelled; a file that it completed cannot be.
    fn on_response_after_cancel(&mut self, request: &InFlight, ack: &Ack) {
        match (request.kind, classify::opened_session(ack)) {
            _ if !ack.is_ack || !ack.is_success() => {}
            (PacketKind::CreateSession, Ok(id)) => {
                self.checkpoint.session = Some(id.to_owned());
                // An invalid host id is ignored here: Cancel-Session then goes to the same server as
                // Create-Session.
                if let Ok(Some(host)) = classify::session_host(ack) {
                    self.checkpoint.host_id = Some(host);
                }
            }
            (PacketKind::CloseSession, _) => self.termination = Some(Termination::Done),
            _ => {}
        }
    }
}

fn no_progress(offset: u64, ack: &Ack) -> Error {
    let message = format!(
        "the server responds but accepts no bytes beyond offset {offset}: check its log and try again later"
    );
    Error::new(Status::Range, message)
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_NO_PROGRESS)
        .transient()
}
