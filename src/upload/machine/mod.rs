//! The upload state machine: this file decides what to send, `response` processes responses and failures, and
//! `reply` handles the server's reply.
//!
//! The two submodules only add methods to [`UploadMachine`]; as child modules they have access to its private
//! fields.

mod reply;
mod response;

use std::time::Duration;

use super::checkpoint::{Checkpoint, ResumeState, UploadPhase};
use super::fragment_sizer::FragmentSizer;
use super::retry::{RetryDecision, RetrySchedule, StallGuard, retries_exhausted};
use super::{Action, Trust, UploadOptions, UploadRequest, destination};
use crate::error::{Error, Status};
use crate::proto::packet::is_content_name;
use crate::proto::url::Url;
use crate::proto::{FragmentRange, PacketKind, names};

/// How long a Cancel-Session is retried (PROTOCOL 6.8).
const CANCEL_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// One upload, as a state machine without I/O.
///
/// Call [`Self::next_action`], carry out the [`Action`], report the outcome, and repeat until the action is
/// [`Action::Done`] or [`Action::Failed`]:
///
/// - after [`Action::Send`], call either [`Self::on_response`] or [`Self::on_failure`];
/// - after [`Action::FetchReply`], call either [`Self::reply_fetched`] or [`Self::on_failure`].
///
/// If `next_action` is called without a report, for example after a pause, the request counts as interrupted.
///
/// `now_ms` is in milliseconds since 1970-01-01 UTC, because some times are kept across runs. Within one run the
/// clock should not go backwards; [`crate::clock::SteadyClock`] is such a clock.
///
/// # Examples
///
/// ```
/// use bitsup::proto::{Ack, PacketKind};
/// use bitsup::upload::{Action, UploadMachine, UploadOptions};
///
/// let mut upload = UploadMachine::new("http://server/dir/file", 5, UploadOptions::default(), 1)?;
/// let Action::Send(request) = upload.next_action(0) else { panic!("expected a request") };
/// assert_eq!(request.kind, PacketKind::CreateSession);
///
/// // The driver sends the request and reports the response.
/// upload.on_response(20, &Ack { session_id: Some("{1}".into()), ..Ack::ok() });
/// let Action::Send(request) = upload.next_action(20) else { panic!("expected a request") };
/// assert_eq!((request.kind, request.offset, request.length), (PacketKind::Fragment, 0, 5));
/// # Ok::<(), bitsup::Error>(())
/// ```
#[derive(Debug)]
pub struct UploadMachine {
    checkpoint: Checkpoint,
    content_name: Option<String>,
    /// Send a Ping before continuing an interrupted session (PROTOCOL 6.2).
    ping_first: bool,
    sizer: FragmentSizer,
    retry: RetrySchedule,
    stalls: StallGuard,
    /// The server of the host id was unreachable at least once in this run.
    host_unreachable: bool,
    in_flight: Option<InFlight>,
    wants_reply: bool,
    /// An [`Action::FetchReply`] is being carried out.
    fetching: bool,
    /// The last fragment of this session was sent again to learn the reply URL.
    resent_last_fragment: bool,
    pending_wait: Option<PendingWait>,
    termination: Option<Termination>,
}

/// The request that has been sent and not yet reported.
#[derive(Debug)]
struct InFlight {
    kind: PacketKind,
    length: u64,
    sent_ms: u64,
}

/// A delay that the next action will return.
#[derive(Debug)]
struct PendingWait {
    delay: Duration,
    attempt: u32,
    cause: Error,
}

/// How the upload ends.
#[derive(Debug)]
enum Termination {
    /// The source has changed; one Cancel-Session is sent first, whatever its outcome.
    CancelFirst(Error),
    Done,
    Failed(Error),
}

impl UploadMachine {
    /// Creates an upload of `total` bytes to `url`. `seed` initializes the random delays between retries.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if `url` is not the absolute http or https URL of a file, has credentials or a
    /// fragment, is not percent-encoded or is longer than 2200 characters; or if the fragment size or the rate limit
    /// is 0.
    pub fn new(url: &str, total: u64, options: UploadOptions, seed: u64) -> Result<Self, Error> {
        destination::check(url)?;
        Self::with_checkpoint(Checkpoint::new(url, total), options, seed)
    }

    /// Continues an earlier upload from `state`. If it had a session, the first request is a Ping (CLI-27).
    ///
    /// The caller must make sure that the source is unchanged.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`]; also [`Status::InvalidArgument`] if `state` belongs to another URL or length,
    /// was written by a newer version, or is damaged.
    pub fn resume(
        url: &str,
        total: u64,
        options: UploadOptions,
        state: &ResumeState,
        seed: u64,
    ) -> Result<Self, Error> {
        destination::check(url)?;
        let checkpoint = state.open(url, total)?.clone();
        let mut upload = Self::with_checkpoint(checkpoint, options, seed)?;
        upload.ping_first = !matches!(upload.checkpoint.phase, UploadPhase::Create | UploadPhase::Cancel);
        match upload.checkpoint.phase {
            UploadPhase::Cancel => upload.cancel(),
            UploadPhase::FetchReply if !upload.wants_reply => upload.checkpoint.phase = UploadPhase::Close,
            // The earlier run did not want a reply and therefore did not store its URL.
            UploadPhase::Close if upload.wants_reply && upload.checkpoint.reply_url.is_none() => {
                upload.rewind_to_last_fragment();
            }
            _ => {}
        }
        Ok(upload)
    }

    fn with_checkpoint(checkpoint: Checkpoint, options: UploadOptions, seed: u64) -> Result<Self, Error> {
        let reject_zero = |what: &str| {
            let message = format!("invalid {what} 0: use at least 1, or none");
            Err(Error::new(Status::InvalidArgument, message))
        };
        if options.fragment_size == Some(0) {
            return reject_zero("fragment size");
        }
        if options.rate_limit == Some(0) {
            return reject_zero("rate limit");
        }
        Ok(Self {
            stalls: StallGuard::new(checkpoint.offset),
            checkpoint,
            content_name: options.content_name.filter(|name| is_content_name(name)),
            ping_first: false,
            sizer: FragmentSizer::new(options.fragment_size, options.rate_limit),
            retry: RetrySchedule::new(options.retry, options.no_progress_timeout, seed),
            host_unreachable: false,
            in_flight: None,
            wants_reply: options.reply,
            fetching: false,
            resent_last_fragment: false,
            pending_wait: None,
            termination: None,
        })
    }

    /// Returns what to do now.
    ///
    /// Before it carries out an [`Action::Send`], the caller saves [`Self::state`] if
    /// [`ResumeState::requires_save`] returns `true`. After [`Action::Wait`], the next call continues regardless of
    /// how long the caller really waited. [`Action::Done`] and [`Action::Failed`] are returned again by every later
    /// call.
    pub fn next_action(&mut self, now_ms: u64) -> Action {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("upload", &self.checkpoint.url);
        if let Some(abandoned) = self.in_flight.take() {
            self.on_interrupted(&abandoned);
        }
        self.fetching = false;
        if self.checkpoint.phase == UploadPhase::Cancel && self.checkpoint.session.is_none() {
            self.termination = Some(Termination::Done);
        }
        match &self.termination {
            Some(Termination::Done) => return Action::Done,
            Some(Termination::Failed(error)) => return Action::Failed(error.clone()),
            Some(Termination::CancelFirst(_)) | None => {}
        }
        let fallback_in = self.host_fallback_in(now_ms);
        if let Some(PendingWait { delay, attempt, cause }) = self.pending_wait.take() {
            let delay = fallback_in.map_or(delay, |left| delay.min(left));
            return Action::Wait { delay, cause, attempt };
        }
        if fallback_in.is_some_and(|left| left.is_zero()) {
            self.checkpoint.host_id = None;
        }
        match self.due_packet() {
            Some(packet) => self.send(packet, now_ms),
            None => self.fetch_reply(),
        }
    }

    /// Cancels the upload: from now on it sends Cancel-Session until the server acknowledges it. Has no effect on a
    /// completed upload.
    ///
    /// If a Create-Session is in flight, its response may still be reported to [`Self::on_response`]; the
    /// session it opens is then cancelled as well.
    pub fn cancel(&mut self) {
        if matches!(self.termination, Some(Termination::Done)) {
            return;
        }
        self.checkpoint.phase = UploadPhase::Cancel;
        self.termination = None;
        self.pending_wait = None;
        self.ping_first = false;
        self.retry.reset();
        self.retry.shorten_timeout(CANCEL_TIMEOUT);
    }

    /// Changes [`UploadOptions::rate_limit`], effective from the next fragment.
    pub fn set_rate_limit(&mut self, bytes_per_second: Option<u64>) {
        self.sizer.set_rate_limit(bytes_per_second);
    }

    /// Returns the state to save for [`Self::resume`].
    pub fn state(&self) -> ResumeState {
        ResumeState::new(self.checkpoint.clone())
    }

    /// Returns the number of bytes that the server has acknowledged. Decreases if the server requests bytes
    /// again.
    pub fn sent(&self) -> u64 {
        self.checkpoint.offset
    }

    /// Returns the session id, exactly as the server sent it.
    pub fn session_id(&self) -> Option<&str> {
        self.checkpoint.session.as_deref()
    }

    /// Returns whether only Close-Session is left: all bytes are acknowledged and the reply, if one is
    /// wanted, is fetched.
    pub fn is_transferred(&self) -> bool {
        self.checkpoint.phase == UploadPhase::Close && !matches!(self.termination, Some(Termination::Done))
    }

    /// Returns whether [`Self::next_action`] would return a request rather than a wait or the end of the
    /// upload.
    pub fn is_request_due(&self) -> bool {
        self.pending_wait.is_none()
            && !matches!(self.termination, Some(Termination::Done | Termination::Failed(_)))
    }

    /// Returns whether the upload has been cancelled.
    pub fn is_cancelling(&self) -> bool {
        self.checkpoint.phase == UploadPhase::Cancel
    }

    /// The URL that packets are sent to.
    fn packet_url(&self) -> String {
        match &self.checkpoint.host_id {
            Some(host) => host.apply_to(&self.checkpoint.url),
            None => self.checkpoint.url.clone(),
        }
    }

    fn trust_of(&self, url: &str) -> Trust {
        let is_at_server_of = |base: &str| {
            Url::parse(url).zip(Url::parse(base)).is_some_and(|(one, other)| one.is_same_server(&other))
        };
        if is_at_server_of(&self.checkpoint.url) {
            Trust::Origin
        } else if is_at_server_of(&self.packet_url()) {
            Trust::HostId
        } else {
            Trust::ThirdParty
        }
    }

    fn send(&mut self, packet: PacketKind, now_ms: u64) -> Action {
        let request = self.request(packet);
        self.in_flight = Some(InFlight { kind: request.kind, length: request.length, sent_ms: now_ms });
        Action::Send(request)
    }

    /// The packet to send next; `None` if the reply has to be fetched first.
    fn due_packet(&self) -> Option<PacketKind> {
        Some(match self.checkpoint.phase {
            _ if matches!(self.termination, Some(Termination::CancelFirst(_))) => PacketKind::CancelSession,
            _ if self.ping_first => PacketKind::Ping,
            UploadPhase::Create => PacketKind::CreateSession,
            UploadPhase::Fragment => PacketKind::Fragment,
            UploadPhase::FetchReply => return None,
            UploadPhase::Close => PacketKind::CloseSession,
            UploadPhase::Cancel => PacketKind::CancelSession,
        })
    }

    /// Builds a packet (PROTOCOL 3) with its fields in the order of the captured client (PROTOCOL 13.1).
    fn request(&self, kind: PacketKind) -> UploadRequest {
        let mut headers = vec![(names::PACKET_TYPE, kind.name().to_owned())];
        let mut put = |name, value: Option<String>| headers.extend(value.map(|value| (name, value)));
        let (mut offset, mut length) = (0, 0);
        match kind {
            PacketKind::Ping => {}
            PacketKind::CreateSession => {
                put(names::SUPPORTED_PROTOCOLS, Some(names::PROTOCOL_GUID.to_owned()))
            }
            PacketKind::Fragment | PacketKind::CloseSession | PacketKind::CancelSession => {
                put(names::SESSION_ID, self.checkpoint.session.clone());
            }
        }
        if kind != PacketKind::Ping {
            put(names::CONTENT_NAME, self.content_name.clone());
        }
        if kind == PacketKind::Fragment {
            (offset, length) = self.next_fragment();
            // `None` stands for a range without bytes, which is the one fragment of an empty file.
            let range = FragmentRange::new(offset, length, self.checkpoint.total);
            put(names::CONTENT_RANGE, Some(range.unwrap_or(FragmentRange::EmptyFile).to_string()));
        }
        let url = self.packet_url();
        UploadRequest { kind, trust: self.trust_of(&url), url, headers, offset, length }
    }

    /// Offset and length of the next fragment.
    fn next_fragment(&self) -> (u64, u64) {
        let (offset, total) = (self.checkpoint.offset, self.checkpoint.total);
        debug_assert!(
            offset < total || (offset, total) == (0, 0),
            "no fragment at {offset} of {total} bytes"
        );
        (offset, self.sizer.length().min(total.saturating_sub(offset)))
    }

    fn on_transient_error(&mut self, now_ms: u64, cause: Error) {
        match self.retry.on_failure(now_ms, cause.retry_after()) {
            RetryDecision::Wait { delay, attempt } => {
                self.pending_wait = Some(PendingWait { delay, attempt, cause });
            }
            // Tries the origin once before the run fails.
            RetryDecision::Abort { .. }
                if self.host_fallback_in(now_ms).is_some_and(|left| left.is_zero()) => {}
            RetryDecision::Abort { attempts, elapsed_ms } => {
                let error = retries_exhausted(cause, attempts, elapsed_ms);
                self.termination = Some(Termination::Failed(error));
            }
        }
    }

    /// Records that a request to the server of the host id failed, if there is one.
    fn on_host_unreachable(&mut self, now_ms: u64) {
        if let Some(host) = &mut self.checkpoint.host_id {
            host.mark_unreachable(now_ms);
            self.host_unreachable = true;
        }
    }

    fn on_host_reached(&mut self) {
        if let Some(host) = &mut self.checkpoint.host_id {
            host.mark_reached();
        }
    }

    /// Time until packets go to the origin again. `None` until a request of this run has failed: every run tries the
    /// host id first, because its server may be back.
    fn host_fallback_in(&self, now_ms: u64) -> Option<Duration> {
        if !self.host_unreachable {
            return None;
        }
        self.checkpoint.host_id.as_ref()?.fallback_in(now_ms)
    }

    /// Handles a request that got no response.
    fn on_interrupted(&mut self, request: &InFlight) {
        if request.kind == PacketKind::Fragment && self.checkpoint.phase == UploadPhase::Fragment {
            self.ping_first = true;
        }
        if let Some(Termination::CancelFirst(error)) = &self.termination {
            self.termination = Some(Termination::Failed(error.clone()));
        }
    }
}
