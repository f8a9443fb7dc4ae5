//! A download on its own: no upload before it, and nobody who continues it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Client;
use super::drive::aborted;
use super::interrupt::Interrupt;
use super::observer::{Flow, Observer};
use super::part::{Part, Partial};
use super::ranges::{self, Witness};
use crate::error::Error;
use crate::upload::{Decision, ReplyUrl, Retry, Trust, gave_up};

impl Client {
    /// Downloads `url` to `path`, retrying as a job does. Until it is whole it is `path` with `.part` behind
    /// it; then it replaces what is at `path`.
    ///
    /// Errors: [`crate::Status::Callback`] when the observer says so; [`crate::Status::Timeout`] at the end of the client's
    /// time for a run; those of the way to the server, of its answer, and of the file system.
    pub fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        mut observer: Option<Box<dyn Observer>>,
    ) -> Result<(), Error> {
        let interrupt = Interrupt::default();
        interrupt.begin(self.config.timeout);
        let http = self.http(interrupt.clone())?;
        let place = ReplyUrl { url: url.to_owned(), trust: Trust::Own };
        let mut part = Part::open(path.as_ref())?;
        part.resume(None)?;
        let (begun, config) = (Instant::now(), &self.config);
        let mut retry = Retry::new(config.retry, config.no_progress_timeout, fastrand::u64(..));
        loop {
            let mut told = Told { observer: observer.as_deref_mut(), retry: &mut retry };
            let outcome = ranges::fetch(&http, &place, &mut part, &mut told).and_then(|()| part.deliver());
            let Err(error) = outcome else { return Ok(()) };
            let waited = interrupt.check().map_err(Error::from).and_then(|()| {
                let delay = pause(&mut retry, millis(begun.elapsed()), error, observer.as_deref_mut())?;
                Ok(interrupt.wait(delay)?)
            });
            if let Err(error) = waited {
                // Nobody remembers what it is a part of.
                part.discard();
                return Err(error);
            }
        }
    }
}

/// How long to wait before the next try; errors when there is none.
fn pause(
    retry: &mut Retry,
    now_ms: u64,
    error: Error,
    observer: Option<&mut (dyn Observer + 'static)>,
) -> Result<Duration, Error> {
    if !error.is_transient() {
        return Err(error);
    }
    match (retry.failed(now_ms, error.retry_after()), observer) {
        (Decision::GiveUp { attempts, elapsed_ms }, _) => Err(gave_up(error, attempts, elapsed_ms)),
        (Decision::Wait { delay, .. }, None) => Ok(delay),
        (Decision::Wait { mut delay, attempt }, Some(observer)) => {
            match observer.retry(&error, attempt, &mut delay) {
                Flow::Continue => Ok(delay),
                Flow::Abort => Err(aborted()),
            }
        }
    }
}

/// The observer of a download that nobody continues.
struct Told<'a> {
    observer: Option<&'a mut (dyn Observer + 'static)>,
    retry: &'a mut Retry,
}

impl Witness for Told<'_> {
    fn keep(&mut self, _: &Partial) {}

    fn received(&mut self, received: u64, total: Option<u64>, is_record: bool) -> Result<(), Error> {
        if is_record {
            self.retry.progress();
        }
        match self.observer.as_mut().map(|observer| observer.reply_progress(received, total)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
