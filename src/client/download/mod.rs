//! Downloads that resume after an interruption (PROTOCOL 7.2); used for replies and by
//! [`Client::download`](super::Client::download).
//!
//! `ranges` sends the requests, `partial_file` holds the bytes that have arrived. This file is the driver of a
//! download that is not part of a job.

mod partial_file;
mod ranges;

use std::path::Path;
use std::time::{Duration, Instant};

pub(super) use self::partial_file::{PartialDownload, PartialFile};
pub(super) use self::ranges::{DownloadObserver, fetch};
use super::config::ClientConfig;
use super::http::HttpClient;
use super::interrupt::Interrupt;
use super::observer::{Flow, Observer, aborted};
use crate::clock::millis;
use crate::error::Error;
use crate::upload::{ReplyUrl, RetryDecision, RetrySchedule, Trust, retries_exhausted};

/// Downloads `url` to `path`, with retries. Removes the incomplete file if it fails.
pub(super) fn run(
    config: &ClientConfig,
    http: &HttpClient,
    interrupt: &Interrupt,
    url: &str,
    path: &Path,
    mut observer: Option<Box<dyn Observer>>,
) -> Result<(), Error> {
    let url = ReplyUrl { url: url.to_owned(), trust: Trust::Origin };
    let mut part = PartialFile::open(path)?;
    part.resume(None)?;
    let begun = Instant::now();
    let mut retry = RetrySchedule::new(config.retry, config.no_progress_timeout, fastrand::u64(..));
    loop {
        let mut adapter = ObserverAdapter { observer: observer.as_deref_mut(), retry: &mut retry };
        let outcome = fetch(http, &url, &mut part, &mut adapter).and_then(|()| part.deliver());
        let Err(error) = outcome else { return Ok(()) };
        let waited = interrupt.check().map_err(Error::from).and_then(|()| {
            let delay = delay_after(&mut retry, millis(begun.elapsed()), error, observer.as_deref_mut())?;
            Ok(interrupt.wait(delay)?)
        });
        if let Err(error) = waited {
            // Its ETag and length are not stored, so no later call could continue the download.
            part.discard();
            return Err(error);
        }
    }
}

/// Returns the delay before the next attempt, or an error if there is none.
fn delay_after(
    retry: &mut RetrySchedule,
    now_ms: u64,
    error: Error,
    observer: Option<&mut (dyn Observer + 'static)>,
) -> Result<Duration, Error> {
    if !error.is_transient() {
        return Err(error);
    }
    match (retry.on_failure(now_ms, error.retry_after()), observer) {
        (RetryDecision::Abort { attempts, elapsed_ms }, _) => {
            Err(retries_exhausted(error, attempts, elapsed_ms))
        }
        (RetryDecision::Wait { delay, .. }, None) => Ok(delay),
        (RetryDecision::Wait { mut delay, attempt }, Some(observer)) => {
            match observer.retry(&error, attempt, &mut delay) {
                Flow::Continue => Ok(delay),
                Flow::Abort => Err(aborted()),
            }
        }
    }
}

/// Forwards the progress of a download to the caller's observer.
struct ObserverAdapter<'a> {
    observer: Option<&'a mut (dyn Observer + 'static)>,
    retry: &'a mut RetrySchedule,
}

impl DownloadObserver for ObserverAdapter<'_> {
    fn checkpoint(&mut self, _: &PartialDownload) {}

    fn received(&mut self, received: u64, total: Option<u64>, is_new_maximum: bool) -> Result<(), Error> {
        if is_new_maximum {
            self.retry.reset();
        }
        match self.observer.as_mut().map(|observer| observer.reply_progress(received, total)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }
}
