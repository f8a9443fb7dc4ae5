//! One upload.
//!
//! [`Job`] is defined here, with its setters and the calls that run it. The submodules add the rest of its
//! methods; as child modules they have access to its private fields:
//!
//! - `driver`: carries out the actions of the machine in [`crate::upload`], and saves its state;
//! - `step`: runs a job request by request;
//! - `resume`: continues from a state file or an exported state;
//! - `reply`: fetches the server's reply;
//! - `control`: [`JobControl`], the handle for other threads.

mod control;
mod driver;
mod reply;
mod resume;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::control::JobControl;
use super::config::ClientConfig;
use super::download::PartialFile;
use super::http::{self, ClientTls, HttpClient};
use super::interrupt::StopReason;
use super::observer::{JobState, Observer};
use super::source::{Source, SourceId};
use super::state_file::{SavedReply, StateFile};
use super::throttle::Throttle;
use crate::clock::SteadyClock;
use crate::error::{Error, Status};
use crate::proto::limits;
use crate::proto::packet::is_content_name;
use crate::upload::{ResumeState, UploadMachine};

/// One upload, created by [`Client::job`](super::Client::job).
///
/// A job is used by one thread at a time; [`Job::control`] returns a handle for other threads.
///
/// # Examples
///
/// Uploading with a state file, so that the next process continues where this one stopped:
///
/// ```no_run
/// use bitsup::client::{Client, ClientConfig, Source};
///
/// let client = Client::new(ClientConfig::default())?;
/// let mut job = client.job("https://server/uploads/backup.tar", Source::from_file("backup.tar")?)?;
/// job.set_state_path("backup.state")?;
/// if let Err(error) = job.run() {
///     eprintln!("{error}; {} bytes are uploaded", job.control().progress().sent);
/// }
/// # Ok::<(), bitsup::Error>(())
/// ```
pub struct Job {
    config: Arc<ClientConfig>,
    url: Arc<str>,
    source: Arc<Source>,
    content_name: Option<String>,
    observer: Option<Box<dyn Observer>>,
    http: Arc<HttpClient>,
    /// The client's; needed when `http` is replaced.
    tls: ClientTls,
    throttle: Throttle,
    control: JobControl,
    /// The machine between two steps. Only while it is set may `saved` be out of date.
    paused: Option<UploadMachine>,
    /// When the current wait began, and how long it lasts.
    wait: (Instant, Duration),
    /// What the next run continues from; as recent as the state file.
    saved: Option<ResumeState>,
    saved_at: Instant,
    state_file: Option<(StateFile, SourceId)>,
    /// Destination of the reply. Set in upload-reply jobs only.
    reply_path: Option<PathBuf>,
    /// The incomplete reply on disk.
    partial_reply: Option<PartialFile>,
    /// The progress of the reply, as saved in the state file.
    saved_reply: Option<SavedReply>,
    clock: SteadyClock,
}

impl Job {
    pub(super) fn new(
        config: Arc<ClientConfig>,
        tls: &ClientTls,
        url: &str,
        source: Source,
    ) -> Result<Self, Error> {
        http::parse_url(url)?;
        let (url, source) = (Arc::from(url), Arc::new(source));
        let control = JobControl::new(&url, &source, config.rate_limit);
        let job = Self {
            http: Arc::new(HttpClient::new(&config, tls, control.interrupt.clone())?),
            tls: tls.clone(),
            throttle: Throttle::new(control.rate.clone()),
            config,
            url,
            content_name: source.leaf_name().map(str::to_owned),
            source,
            observer: None,
            control,
            paused: None,
            wait: (Instant::now(), Duration::ZERO),
            saved: None,
            saved_at: Instant::now(),
            state_file: None,
            reply_path: None,
            partial_reply: None,
            saved_reply: None,
            clock: SteadyClock::default(),
        };
        job.publish(&job.build_machine()?);
        Ok(job)
    }

    /// Sets the observer, which receives the events of the job.
    pub fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// Sets the value of `Content-Name`. The default is the file name of the source, or none if that cannot be sent.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the name cannot be sent ([`is_content_name`]).
    pub fn set_content_name(&mut self, name: &str) -> Result<(), Error> {
        if !is_content_name(name) {
            let max = limits::MAX_CONTENT_NAME;
            let message = format!(
                "invalid content name {name:?}: it must have 1 to {max} printable ASCII characters, and none of \
                 \\ / : * ? \" < > |"
            );
            return Err(Error::new(Status::InvalidArgument, message));
        }
        self.park_machine();
        self.content_name = Some(name.to_owned());
        Ok(())
    }

    /// Adds a header field to every request of this job, after those of [`ClientConfig::headers`] and under the same
    /// rules.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the field is invalid or reserved for the protocol.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut config = ClientConfig::clone(&self.config);
        config.headers.push((name.to_owned(), value.to_owned()));
        self.http = Arc::new(HttpClient::new(&config, &self.tls, self.control.interrupt.clone())?);
        self.config = Arc::new(config);
        Ok(())
    }

    /// Uploads the source and closes the session, retrying failed requests.
    ///
    /// Running a job again continues it. This does nothing for a complete job; a cancelled job stays
    /// cancelled.
    ///
    /// # Errors
    ///
    /// - [`Status::Suspended`] and [`Status::Cancelled`] if they were requested through [`JobControl`];
    /// - [`Status::Callback`] if the observer or the source's reader ended the run;
    /// - [`Status::Timeout`] after [`ClientConfig::timeout`];
    /// - [`Status::SourceChanged`] if the source has changed since it was opened;
    /// - otherwise the last error of the transport or the server. If it is [transient](Error::is_transient), running
    ///   the job again may succeed.
    pub fn run(&mut self) -> Result<(), Error> {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("client", &self.url);
        if self.is_complete()? {
            return Ok(());
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.resume_machine().and_then(|machine| self.upload(machine));
        self.finish(outcome)
    }

    /// Cancels the job: sends Cancel-Session for its session, including one from a state file, and retries like
    /// [`Job::run`]. Without a session, nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`] if the upload is complete; otherwise the error that prevented the server from
    /// being notified. In the latter case the job is cancelled nevertheless, and the call can be repeated.
    pub fn cancel(&mut self) -> Result<(), Error> {
        if self.control.state() == JobState::Closed {
            let message = "the upload is complete and cannot be cancelled";
            return Err(Error::new(Status::InvalidState, message));
        }
        self.park_machine();
        // Discards a suspend request that no run has seen.
        self.control.interrupt.end();
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.start_machine().and_then(|mut machine| {
            machine.cancel();
            self.drive(&mut machine)
        });
        let outcome = match self.control.interrupt.check() {
            Err(stop) if outcome.is_err() => Err(stop.into()),
            _ => outcome,
        };
        self.control.interrupt.end();
        if outcome.is_ok() {
            self.discard_reply();
            self.discard_state();
        }
        self.set_state(JobState::Cancelled);
        outcome
    }

    /// Returns a handle with which other threads can watch and stop the job.
    pub fn control(&self) -> JobControl {
        self.control.clone()
    }

    /// Returns whether the upload is complete, or an error if it was cancelled.
    fn is_complete(&self) -> Result<bool, Error> {
        match self.control.state() {
            JobState::Closed => Ok(true),
            JobState::Cancelled => Err(StopReason::Cancel.into()),
            _ => Ok(false),
        }
    }

    /// Ends a run, or a failed step: a requested stop takes precedence over the error that it caused.
    fn finish(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        let stopped = self.control.interrupt.check();
        let (state, outcome) = match (outcome, stopped) {
            (Ok(()), _) => (JobState::Closed, Ok(())),
            (Err(_), Err(stop @ StopReason::Suspend)) => (JobState::Suspended, Err(stop.into())),
            (Err(_), Err(stop @ StopReason::Cancel)) => {
                self.best_effort_cancel();
                (JobState::Cancelled, Err(stop.into()))
            }
            (Err(_), Err(stop @ StopReason::Deadline)) => (JobState::Failed, Err(stop.into())),
            (Err(error), Ok(())) => (JobState::Failed, Err(error)),
        };
        self.control.interrupt.end();
        if outcome.is_ok() {
            self.discard_state();
        }
        self.set_state(state);
        outcome
    }
}
