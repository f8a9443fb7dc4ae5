//! One upload, as its owner sees it; `drive` does the work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::ClientConfig;
use super::control::JobControl;
use super::http::{self, Http, Tls};
use super::interrupt::Stop;
use super::observer::{JobState, Observer, Progress};
use super::part::Part;
use super::source::{Source, SourceId};
use super::state_file::{SavedReply, StateFile};
use super::throttle::Throttle;
use crate::error::{Error, Status};
use crate::log::Level;
use crate::upload::ResumeState;

/// One upload.
///
/// Threads: one at a time; [`Job::control`] is for the others.
pub struct Job {
    pub(super) config: Arc<ClientConfig>,
    pub(super) url: String,
    pub(super) source: Source,
    pub(super) content_name: Option<String>,
    pub(super) observer: Option<Box<dyn Observer>>,
    pub(super) http: Arc<Http>,
    pub(super) throttle: Option<Throttle>,
    pub(super) control: JobControl,
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
    pub(super) begun: Instant,
}

impl Job {
    pub(super) fn new(
        config: Arc<ClientConfig>,
        tls: &Tls,
        url: &str,
        source: Source,
    ) -> Result<Self, Error> {
        http::parse_url(url)?;
        let control = JobControl::default();
        control.set_progress(Progress { sent: 0, total: source.total() });
        let job = Self {
            http: Arc::new(Http::new(&config, tls, control.interrupt.clone())?),
            throttle: config.rate_limit.map(Throttle::new),
            config,
            url: url.to_owned(),
            content_name: source.leaf_name().map(str::to_owned),
            source,
            observer: None,
            control,
            saved: None,
            saved_at: Instant::now(),
            file: None,
            reply_path: None,
            part: None,
            saved_reply: None,
            begun: Instant::now(),
        };
        job.machine().map(|_| job)
    }

    /// Sets who is told.
    pub fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// Sets the name sent as `Content-Name`; by default the source file's leaf name.
    pub fn set_content_name(&mut self, name: &str) {
        self.content_name = Some(name.to_owned());
    }

    /// Keeps the state of the job in that file and continues from it when it holds the state of the same
    /// job. The file is locked while the job lives and removed when the job is complete or cancelled. The
    /// state of another source or URL, or one that cannot be read, is dropped, and the upload starts anew.
    ///
    /// Errors: [`Status::Busy`] when another job holds the file; those of the file system.
    pub fn set_state_path(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut file = StateFile::open(path)?;
        if file.identity().is_ok_and(|identity| self.source.is(identity)) {
            let message = format!("{} is the source; name another state file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let source = self.source.id()?;
        let dropped = match file.load() {
            Ok(None) => None,
            Ok(Some(saved)) if saved.url != self.url => Some("it is of another URL".to_owned()),
            Ok(Some(saved)) if saved.source != source => Some("it is of another source".to_owned()),
            Ok(Some(saved)) => {
                self.saved = Some(saved.upload);
                self.saved_reply = saved.reply;
                self.machine().map(|machine| self.show(&machine)).err().map(|error| error.to_string())
            }
            Err(why) => Some(why),
        };
        if let Some(why) = dropped {
            self.saved = None;
            self.saved_reply = None;
            self.log(Level::Warn, || {
                format!("the state in {} is dropped and the upload starts anew: {why}", path.display())
            });
        }
        self.file = Some((file, source));
        Ok(())
    }

    /// Uploads until the session is closed, retrying by itself. Running an ended job again continues it:
    /// a complete one is complete, a cancelled one stays cancelled, any other goes on where it was.
    pub fn run(&mut self) -> Result<(), Error> {
        match self.control.state() {
            JobState::Closed => return Ok(()),
            JobState::Cancelled => return Err(Stop::Cancel.into()),
            _ => self.control.interrupt.begin(self.config.timeout),
        }
        let outcome = self.machine().and_then(|machine| self.upload(machine));
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
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.machine().and_then(|mut machine| {
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
}
