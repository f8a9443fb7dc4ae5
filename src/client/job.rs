//! One upload, as its owner sees it; `drive` does the work.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ClientConfig;
use super::control::JobControl;
use super::http::{self, Http, Tls};
use super::interrupt::Stop;
use super::observer::{JobState, Observer};
use super::part::Part;
use super::source::{Source, SourceId};
use super::state_file::{SavedReply, StateFile};
use super::throttle::Throttle;
use crate::clock::SteadyClock;
use crate::error::{Error, Status};
use crate::proto::limits;
use crate::proto::packet::is_content_name;
use crate::upload::{ResumeState, Upload};

/// One upload.
///
/// Threads: one at a time; [`Job::control`] is for the others.
pub struct Job {
    pub(super) config: Arc<ClientConfig>,
    pub(super) url: Arc<str>,
    pub(super) source: Arc<Source>,
    pub(super) content_name: Option<String>,
    pub(super) observer: Option<Box<dyn Observer>>,
    pub(super) http: Arc<Http>,
    /// The client's, for when `http` has to be made anew.
    pub(super) tls: Tls,
    pub(super) throttle: Throttle,
    pub(super) control: JobControl,
    /// What stands between two steps; only with it is `saved` behind.
    pub(super) stepped: Option<Upload>,
    /// Since when nothing is to be sent, and for how long.
    pub(super) pause: (Instant, Duration),
    /// What the next run continues; as new as the state file.
    pub(super) saved: Option<ResumeState>,
    pub(super) saved_at: Instant,
    pub(super) file: Option<(StateFile, SourceId)>,
    /// Where the reply goes; with it, the job is an upload-reply job.
    pub(super) reply_path: Option<PathBuf>,
    /// What there is of the reply, unless it is delivered.
    pub(super) part: Option<Part>,
    /// What the state file knows of the reply.
    pub(super) saved_reply: Option<SavedReply>,
    pub(super) clock: SteadyClock,
}

impl Job {
    pub(super) fn new(
        config: Arc<ClientConfig>,
        tls: &Tls,
        url: &str,
        source: Source,
    ) -> Result<Self, Error> {
        http::parse_url(url)?;
        let (url, source) = (Arc::from(url), Arc::new(source));
        let control = JobControl::new(&url, &source, config.rate_limit);
        let job = Self {
            http: Arc::new(Http::new(&config, tls, control.interrupt.clone())?),
            tls: tls.clone(),
            throttle: Throttle::new(control.rate.clone()),
            config,
            url,
            content_name: source.leaf_name().map(str::to_owned),
            source,
            observer: None,
            control,
            stepped: None,
            pause: (Instant::now(), Duration::ZERO),
            saved: None,
            saved_at: Instant::now(),
            file: None,
            reply_path: None,
            part: None,
            saved_reply: None,
            clock: SteadyClock::default(),
        };
        job.show(&job.machine()?);
        Ok(job)
    }

    /// Sets who is told.
    pub fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// Sets the name sent as `Content-Name`. By default it is the leaf name of the source's file, or none where
    /// that cannot be sent: nobody asked for it.
    ///
    /// Errors: [`Status::InvalidArgument`] for a name that cannot be sent ([`is_content_name`]).
    pub fn set_content_name(&mut self, name: &str) -> Result<(), Error> {
        if !is_content_name(name) {
            let most = limits::MAX_CONTENT_NAME;
            let message = format!(
                "the content name {name:?} cannot be sent: it must have 1 to {most} printable ASCII characters, \
                 and none of \\ / : * ? \" < > |"
            );
            return Err(Error::new(Status::InvalidArgument, message));
        }
        self.put_down();
        self.content_name = Some(name.to_owned());
        Ok(())
    }

    /// Adds a header field to every request of this job, behind those of the client; as
    /// [`ClientConfig::headers`].
    ///
    /// Errors: [`Status::InvalidArgument`] when it cannot be sent or belongs to the protocol.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut config = ClientConfig::clone(&self.config);
        config.headers.push((name.to_owned(), value.to_owned()));
        self.http = Arc::new(Http::new(&config, &self.tls, self.control.interrupt.clone())?);
        self.config = Arc::new(config);
        Ok(())
    }

    /// Uploads until the session is closed, retrying by itself. Running an ended job again continues it:
    /// a complete one is complete, a cancelled one stays cancelled, any other goes on where it was.
    pub fn run(&mut self) -> Result<(), Error> {
        #[cfg(feature = "planted-panics")]
        crate::fault_injection::maybe_panic("client", &self.url);
        if self.is_complete()? {
            return Ok(());
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.take_up().and_then(|machine| self.upload(machine));
        self.end(outcome)
    }

    /// Sends Cancel-Session for the session of the job (a resumed one included), retrying as run does. A job
    /// without a session is cancelled without a word.
    ///
    /// Errors: [`Status::InvalidState`] when the upload is complete; else what kept the server from being
    /// told. The job counts as cancelled all the same, and this may be called again.
    pub fn cancel(&mut self) -> Result<(), Error> {
        if self.control.state() == JobState::Closed {
            return Err(Error::new(
                Status::InvalidState,
                "the upload is complete; nothing is left to cancel",
            ));
        }
        self.put_down();
        // A suspend that nobody was there to hear is overtaken.
        self.control.interrupt.end();
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.fresh().and_then(|mut machine| {
            machine.cancel();
            self.drive(&mut machine)
        });
        let outcome = match self.control.interrupt.check() {
            Err(stop) if outcome.is_err() => Err(stop.into()),
            _ => outcome,
        };
        self.control.interrupt.end();
        if outcome.is_ok() {
            self.forget_reply();
            self.forget();
        }
        self.enter(JobState::Cancelled);
        outcome
    }

    /// The handle for other threads.
    pub fn control(&self) -> JobControl {
        self.control.clone()
    }

    /// Errors when the job is cancelled.
    pub(super) fn is_complete(&self) -> Result<bool, Error> {
        match self.control.state() {
            JobState::Closed => Ok(true),
            JobState::Cancelled => Err(Stop::Cancel.into()),
            _ => Ok(false),
        }
    }

    /// What a run, or the step that was its last, has come to.
    pub(super) fn end(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        let stopped = self.control.interrupt.check();
        let (state, outcome) = match (outcome, stopped) {
            (Ok(()), _) => (JobState::Closed, Ok(())),
            (Err(_), Err(stop @ Stop::Suspend)) => (JobState::Suspended, Err(stop.into())),
            (Err(_), Err(stop @ Stop::Cancel)) => {
                self.last_words();
                (JobState::Cancelled, Err(stop.into()))
            }
            (Err(_), Err(stop @ Stop::Deadline)) => (JobState::Failed, Err(stop.into())),
            (Err(error), Ok(())) => (JobState::Failed, Err(error)),
        };
        self.control.interrupt.end();
        if outcome.is_ok() {
            self.forget();
        }
        self.enter(state);
        outcome
    }
}
