//! The machine: what is owed to the server, and the one request under way.

use std::time::Duration;

use super::plan::Plan;
use super::retry::{Decision, Retry, Setbacks};
use super::state::{Memory, Phase};
use super::{Action, Request, ResumeState, Trust, UploadOptions, destination};
use crate::error::{Error, Status};
use crate::proto::packet::is_content_name;
use crate::proto::url::Url;
use crate::proto::{FragmentRange, PacketKind, names};

/// The machine.
///
/// It alternates: [`Self::next`] says what to do; after an [`Action::Send`] exactly one of
/// [`Self::answered`] and [`Self::failed`] follows, after an [`Action::FetchReply`] one of
/// [`Self::reply_fetched`] and [`Self::failed`]. A request that was given up without either, as on a pause,
/// counts as interrupted when `next` is called again.
///
/// `now_ms` is milliseconds since 1970-01-01 UTC, for some times are kept across runs; best from a clock that
/// never steps back within one, such as [`crate::clock::SteadyClock`].
#[derive(Debug)]
pub struct Upload {
    pub(super) memory: Memory,
    content_name: Option<String>,
    /// An interrupted session is taken up by a Ping (PROTOCOL 6.2).
    pub(super) ping_first: bool,
    pub(super) plan: Plan,
    pub(super) retry: Retry,
    pub(super) setbacks: Setbacks,
    /// The host id's server was not reached, in this run.
    missed_host: bool,
    pub(super) flight: Option<Flight>,
    pub(super) wants_reply: bool,
    /// The reply is being fetched.
    pub(super) fetching: bool,
    /// The last fragment of this session was sent again to learn where the reply is.
    pub(super) asked_again: bool,
    pause: Option<Pause>,
    pub(super) ending: Option<Ending>,
}

/// The request under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) kind: PacketKind,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) sent_ms: u64,
    /// [`Memory::close_in_doubt`] before this request.
    pub(super) close_was_in_doubt: bool,
}

#[derive(Debug)]
struct Pause {
    decision: Decision,
    cause: Error,
}

#[derive(Debug)]
pub(super) enum Ending {
    /// Failed for good; one Cancel-Session first, whatever becomes of it (CLI-17).
    CancelFirst(Error),
    Done,
    Failed(Error),
}

impl Upload {
    /// A new upload of `total` bytes to `url`. `seed` feeds the jitter.
    ///
    /// Errors: [`Status::InvalidArgument`] when `url` is no absolute http or https URL of a file (over 2200
    /// characters, with credentials, with a fragment, not percent-encoded, ending with `/`), or when a
    /// fragment size or a rate of 0 is asked for.
    pub fn new(url: &str, total: u64, options: UploadOptions, seed: u64) -> Result<Self, Error> {
        destination::check(url)?;
        Self::with_memory(Memory::new(url, total), options, seed)
    }

    /// Continues a former upload: begins with a Ping (CLI-27) when there is a session to continue. The
    /// caller has checked that the source is the same.
    ///
    /// Errors: as [`Self::new`]; and [`Status::InvalidArgument`] when `state` is of another URL or length,
    /// of a newer version, or damaged.
    pub fn resume(
        url: &str,
        total: u64,
        options: UploadOptions,
        state: &ResumeState,
        seed: u64,
    ) -> Result<Self, Error> {
        destination::check(url)?;
        let memory = state.open(url, total)?.clone();
        let mut upload = Self::with_memory(memory, options, seed)?;
        upload.ping_first = !matches!(upload.memory.phase, Phase::Create | Phase::Cancel);
        match upload.memory.phase {
            Phase::Cancel => upload.cancel(),
            Phase::FetchReply if !upload.wants_reply => upload.memory.phase = Phase::Close,
            // The former run wanted no reply and did not look where it is.
            Phase::Close if upload.wants_reply && upload.memory.reply_url.is_none() => upload.rewind(),
            _ => {}
        }
        Ok(upload)
    }

    fn with_memory(memory: Memory, options: UploadOptions, seed: u64) -> Result<Self, Error> {
        let zero = |what| Err(Error::new(Status::InvalidArgument, format!("{what} of 0 sends nothing")));
        if options.fragment_size == Some(0) {
            return zero("a fragment size");
        }
        if options.rate_limit == Some(0) {
            return zero("a rate limit");
        }
        Ok(Self {
            setbacks: Setbacks::new(memory.offset),
            memory,
            content_name: options.content_name.filter(|name| is_content_name(name)),
            ping_first: false,
            plan: Plan::new(options.fragment_size, options.rate_limit),
            retry: Retry::new(options.retry, options.no_progress_timeout, seed),
            missed_host: false,
            flight: None,
            wants_reply: options.reply,
            fetching: false,
            asked_again: false,
            pause: None,
            ending: None,
        })
    }

    /// What to do now.
    ///
    /// After [`Action::Wait`] the next call goes on, however long the caller really waited. When an
    /// [`Action::Send`] has changed [`Self::state`] by [`ResumeState::is_new_step`], the caller saves it
    /// before sending. [`Action::Done`] and [`Action::Failed`] are repeated for ever.
    pub fn next(&mut self, now_ms: u64) -> Action {
        #[cfg(feature = "planted-panics")]
        crate::fault_injection::maybe_panic("upload", &self.memory.url);
        if let Some(abandoned) = self.flight.take() {
            self.interrupted(&abandoned);
        }
        self.fetching = false;
        if self.memory.phase == Phase::Cancel && self.memory.session.is_none() {
            self.ending = Some(Ending::Done);
        }
        match &self.ending {
            Some(Ending::Done) => return Action::Done,
            Some(Ending::Failed(error)) => return Action::Failed(error.clone()),
            Some(Ending::CancelFirst(_)) | None => {}
        }
        let fallback = self.host_left(now_ms);
        if let Some(Pause { decision: Decision::Wait { delay, attempt }, cause }) = self.pause.take() {
            return Action::Wait { delay: fallback.map_or(delay, |left| delay.min(left)), cause, attempt };
        }
        if fallback.is_some_and(|left| left.is_zero()) {
            self.memory.host_id = None;
        }
        match self.due() {
            Some(packet) => self.send(packet, now_ms),
            None => self.fetch(),
        }
    }

    /// From now on: Cancel-Session, until acknowledged. An upload that is done stays done.
    ///
    /// A Create-Session under way may still be reported by [`Self::answered`], so that its session is
    /// cancelled, too.
    pub fn cancel(&mut self) {
        if matches!(self.ending, Some(Ending::Done)) {
            return;
        }
        self.memory.phase = Phase::Cancel;
        self.ending = None;
        self.pause = None;
        self.ping_first = false;
        self.retry.progress();
        self.retry.limit(super::CANCEL_TIMEOUT);
    }

    /// The caller sends at most so many bytes per second from now on; see [`UploadOptions::rate_limit`].
    pub fn limit_rate(&mut self, bytes_per_second: Option<u64>) {
        self.plan.limit(bytes_per_second);
    }

    /// What to keep for [`Self::resume`].
    pub fn state(&self) -> ResumeState {
        ResumeState::new(self.memory.clone())
    }

    /// Acknowledged bytes. May shrink after a rewind.
    pub fn sent(&self) -> u64 {
        self.memory.offset
    }

    /// The session, byte for byte as the server named it.
    pub fn session_id(&self) -> Option<&str> {
        self.memory.session.as_deref()
    }

    /// Whether all bytes are acknowledged, the reply is fetched where one is wanted, and only Close-Session is
    /// owed.
    pub fn is_transferred(&self) -> bool {
        self.memory.phase == Phase::Close && !matches!(self.ending, Some(Ending::Done))
    }

    /// Whether [`Self::next`] has a request to make: neither a wait nor the end comes first.
    pub fn is_request_due(&self) -> bool {
        self.pause.is_none() && !matches!(self.ending, Some(Ending::Done | Ending::Failed(_)))
    }

    /// Whether the upload is given up, and only its Cancel-Session is owed.
    pub fn is_cancelling(&self) -> bool {
        self.memory.phase == Phase::Cancel
    }

    /// Where packets go.
    pub(super) fn url(&self) -> String {
        match &self.memory.host_id {
            Some(host) => host.url(&self.memory.url),
            None => self.memory.url.clone(),
        }
    }

    /// Whose server that is.
    pub(super) fn trust(&self, url: &str) -> Trust {
        let is_at = |base: &str| {
            Url::parse(url).zip(Url::parse(base)).is_some_and(|(one, other)| one.is_same_server(&other))
        };
        if is_at(&self.memory.url) {
            Trust::Own
        } else if is_at(&self.url()) {
            Trust::Named
        } else {
            Trust::Foreign
        }
    }

    fn send(&mut self, packet: PacketKind, now_ms: u64) -> Action {
        let request = self.request(packet);
        self.flight = Some(Flight {
            kind: request.kind,
            offset: request.offset,
            length: request.length,
            sent_ms: now_ms,
            close_was_in_doubt: self.memory.close_in_doubt,
        });
        if request.kind == PacketKind::CloseSession {
            self.memory.close_in_doubt = true;
        }
        Action::Send(request)
    }

    /// The packet that is due; `None`: first the reply.
    fn due(&self) -> Option<PacketKind> {
        Some(match self.memory.phase {
            _ if matches!(self.ending, Some(Ending::CancelFirst(_))) => PacketKind::CancelSession,
            _ if self.ping_first => PacketKind::Ping,
            Phase::Create => PacketKind::CreateSession,
            Phase::Fragment => PacketKind::Fragment,
            Phase::FetchReply => return None,
            Phase::Close => PacketKind::CloseSession,
            Phase::Cancel => PacketKind::CancelSession,
        })
    }

    /// The packet of PROTOCOL 3, its fields in the order of the captured client (PROTOCOL 13.1).
    fn request(&self, kind: PacketKind) -> Request {
        let mut headers = vec![(names::PACKET_TYPE, kind.name().to_owned())];
        let mut put = |name, value: Option<String>| headers.extend(value.map(|value| (name, value)));
        let (mut offset, mut length) = (0, 0);
        match kind {
            PacketKind::Ping => {}
            PacketKind::CreateSession => {
                put(names::SUPPORTED_PROTOCOLS, Some(names::PROTOCOL_GUID.to_owned()))
            }
            PacketKind::Fragment | PacketKind::CloseSession | PacketKind::CancelSession => {
                put(names::SESSION_ID, self.memory.session.clone());
            }
        }
        if kind != PacketKind::Ping {
            put(names::CONTENT_NAME, self.content_name.clone());
        }
        if kind == PacketKind::Fragment {
            let total = self.memory.total;
            offset = self.memory.offset;
            length = self.plan.length().min(total.saturating_sub(offset));
            let range = FragmentRange::new(offset, length, total).unwrap_or(FragmentRange::EmptyFile);
            put(names::CONTENT_RANGE, Some(range.to_string()));
        }
        let url = self.url();
        Request { kind, trust: self.trust(&url), url, headers, offset, length }
    }

    /// Something failed that may pass.
    pub(super) fn stumble(&mut self, now_ms: u64, cause: Error) {
        match self.retry.failed(now_ms, cause.retry_after()) {
            decision @ Decision::Wait { .. } => self.pause = Some(Pause { decision, cause }),
            // The original host is asked before this run ends.
            Decision::GiveUp { .. } if self.host_left(now_ms).is_some_and(|left| left.is_zero()) => {}
            Decision::GiveUp { attempts, elapsed_ms } => {
                self.ending = Some(Ending::Failed(gave_up(cause, attempts, elapsed_ms)));
            }
        }
    }

    /// The server of the host id could not be reached, if it was asked.
    pub(super) fn host_missed(&mut self, now_ms: u64) {
        if let Some(host) = &mut self.memory.host_id {
            host.missed(now_ms);
            self.missed_host = true;
        }
    }

    pub(super) fn host_reached(&mut self) {
        if let Some(host) = &mut self.memory.host_id {
            host.reached();
        }
    }

    /// How long until the host id is given up. Every run tries it first: however long ago the last one was, the
    /// server may be back.
    fn host_left(&self, now_ms: u64) -> Option<Duration> {
        self.memory.host_id.as_ref().filter(|_| self.missed_host)?.left(now_ms)
    }

    /// The request has no answer.
    pub(super) fn interrupted(&mut self, flight: &Flight) {
        if flight.kind == PacketKind::Fragment && self.memory.phase == Phase::Fragment {
            self.ping_first = true;
        }
        if let Some(Ending::CancelFirst(error)) = &self.ending {
            self.ending = Some(Ending::Failed(error.clone()));
        }
    }
}

/// The last cause, saying that it was not the first.
pub(crate) fn gave_up(cause: Error, attempts: u32, elapsed_ms: u64) -> Error {
    let seconds = Duration::from_millis(elapsed_ms).as_secs();
    let message = format!("{cause}; gave up after {attempts} failed attempts in {seconds} s");
    let mut error = Error::new(cause.status(), message).transient();
    if let Some(status) = cause.http_status() {
        error = error.with_http_status(status);
    }
    if let Some(hresult) = cause.hresult() {
        error = error.with_hresult(hresult);
    }
    if let Some(context) = cause.context() {
        error = error.with_context(context);
    }
    error.with_source(cause)
}
