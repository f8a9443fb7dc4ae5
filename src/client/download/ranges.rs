//! Fetching a file in ranges (PROTOCOL 7.2): in one piece if possible, and after an interruption from the
//! last byte received, as long as the server confirms that the file has not changed.

use std::time::{Duration, Instant};

use super::partial_file::{PartialDownload, PartialFile};
use crate::client::http::{GetResponse, HttpClient};
use crate::error::{Error, Status};
use crate::proto::ack::retry_after;
use crate::proto::{FragmentRange, HResult, names};
use crate::upload::ReplyUrl;

/// Size of a write to disk in bytes.
const BUFFER: usize = 256 * 1024;
/// How often bytes are flushed to disk.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// How often progress is reported.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// Receives the progress of a download.
pub(in crate::client) trait DownloadObserver {
    /// Called when the download is on disk up to `partial`, which replaces every earlier checkpoint.
    fn checkpoint(&mut self, partial: &PartialDownload);
    /// Called when `received` bytes are in the file; `is_new_maximum` is whether that is more than ever
    /// before. An error ends the download.
    fn received(&mut self, received: u64, total: Option<u64>, is_new_maximum: bool) -> Result<(), Error>;
}

/// The outcome of one request.
enum RangeOutcome {
    /// The file is complete.
    Complete,
    /// The server sent less than the requested range.
    Incomplete,
    /// The file on the server is not the one that the partial file is from.
    Changed,
}

/// Fetches a file into `part`, continuing from its current content. On error, `part` keeps what has arrived.
///
/// The error is transient if another attempt may continue or start again.
pub(in crate::client) fn fetch(
    http: &HttpClient,
    url: &ReplyUrl,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<(), Error> {
    loop {
        match request(http, url, part, observer)? {
            RangeOutcome::Complete => return Ok(()),
            RangeOutcome::Incomplete => {}
            RangeOutcome::Changed => restart(part, observer)?,
        }
    }
}

fn request(
    http: &HttpClient,
    url: &ReplyUrl,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<RangeOutcome, Error> {
    let partial = part.resumable(&url.url).cloned();
    if partial.as_ref().is_some_and(|partial| partial.total == Some(partial.received)) {
        return Ok(RangeOutcome::Complete);
    }
    let headers = partial.as_ref().map(range_headers).unwrap_or_default();
    let response = http.get(&url.url, &headers, url.trust)?;
    match (response.status, partial) {
        (200, None) => receive_whole(response, url, part, observer),
        (206, Some(partial)) => receive_range(response, url, &partial, part, observer),
        (412 | 416, Some(_)) => Ok(RangeOutcome::Changed),
        // DL-02. Either the file changed or the server does not support ranges; the next attempt requests all of it.
        (200, Some(_)) => {
            restart(part, observer)?;
            Err(invalid(url, 200, "has the whole file instead of the requested range").transient())
        }
        (206, None) => Err(invalid(url, 206, "has a range instead of the whole file")),
        (status, _) => Err(rejection(url, status, retry_after(&response.headers))),
    }
}

/// The header fields for the offset to continue from, and for the validator by which the server decides
/// whether the file is unchanged.
fn range_headers(partial: &PartialDownload) -> Vec<(&'static str, String)> {
    let mut headers = vec![(names::RANGE, format!("bytes={}-", partial.received))];
    match (&partial.etag, &partial.last_modified) {
        (Some(etag), _) => headers.push((names::IF_RANGE, etag.clone())),
        (None, Some(time)) => headers.push((names::IF_UNMODIFIED_SINCE, time.clone())),
        (None, None) => {}
    }
    headers
}

/// Receives the whole file in one response (DL-01).
fn receive_whole(
    mut response: GetResponse,
    url: &ReplyUrl,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<RangeOutcome, Error> {
    check_coding(&response, url)?;
    if !response.has_detectable_end() {
        return Err(invalid(url, 200, "has no length, so an early end could not be detected"));
    }
    let (etag, last_modified) = validators(&response);
    let total = response.length;
    part.restart(PartialDownload { url: url.url.clone(), etag, last_modified, total, received: 0 })?;
    // Before the first byte, so that after a crash new bytes are not mistaken for those of the previous file.
    observer.checkpoint(part.partial());
    store(&mut response, total, part, observer)?;
    match total {
        Some(total) if part.written() < total => Err(truncated(url)),
        _ => Ok(RangeOutcome::Complete),
    }
}

/// Receives a range of the file that continues the partial file.
fn receive_range(
    mut response: GetResponse,
    url: &ReplyUrl,
    partial: &PartialDownload,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<RangeOutcome, Error> {
    check_coding(&response, url)?;
    let (etag, last_modified) = validators(&response);
    let differs = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some() && old != new;
    if differs(&partial.last_modified, &last_modified) || differs(&partial.etag, &etag) {
        return Ok(RangeOutcome::Changed);
    }
    let header = response.headers.get(names::CONTENT_RANGE);
    let range = match response.length.and_then(|length| FragmentRange::parse(header, length)) {
        Some(range @ FragmentRange::Bytes { first, .. }) if first == partial.received => range,
        _ => {
            restart(part, observer)?;
            return Err(invalid(url, 206, "does not have the requested range").transient());
        }
    };
    let (end, total) = (range.end(), range.total());
    if partial.total.is_some_and(|known| known != total) {
        restart(part, observer)?;
        return Err(invalid(url, 206, "has a different total length than the previous response"));
    }
    store(&mut response, Some(total), part, observer)?;
    match part.written() {
        written if written < end => Err(truncated(url)),
        written if written < total => Ok(RangeOutcome::Incomplete),
        _ => Ok(RangeOutcome::Complete),
    }
}

/// Writes the body to disk and flushes it, even if the response ends early.
fn store(
    response: &mut GetResponse,
    total: Option<u64>,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<(), Error> {
    let outcome = copy(response, total, part, observer);
    part.sync()?;
    observer.checkpoint(part.partial());
    outcome
}

#[allow(clippy::indexing_slicing, reason = "`read` returns at most the length of the buffer")]
fn copy(
    response: &mut GetResponse,
    total: Option<u64>,
    part: &mut PartialFile,
    observer: &mut dyn DownloadObserver,
) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER];
    let (mut synced_at, mut reported_at, mut is_new_maximum) = (Instant::now(), None::<Instant>, false);
    loop {
        let read = response.read(&mut buffer)?;
        is_new_maximum |= part.append(&buffer[..read])?;
        if read == 0 || reported_at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            observer.received(part.written(), total, std::mem::take(&mut is_new_maximum))?;
            reported_at = Some(Instant::now());
        }
        if read == 0 {
            return Ok(());
        }
        if synced_at.elapsed() >= CHECKPOINT_INTERVAL {
            part.sync()?;
            observer.checkpoint(part.partial());
            synced_at = Instant::now();
        }
    }
}

/// Drops what has arrived, in the file and in the checkpoint.
fn restart(part: &mut PartialFile, observer: &mut dyn DownloadObserver) -> Result<(), Error> {
    part.restart(PartialDownload::default())?;
    observer.checkpoint(part.partial());
    Ok(())
}

/// The ETag, if it is a strong one, and the time of the last modification.
fn validators(response: &GetResponse) -> (Option<String>, Option<String>) {
    let text = |name| response.headers.get(name).map(str::to_owned);
    (text(names::ETAG).filter(|etag| etag.starts_with('"')), text(names::LAST_MODIFIED))
}

fn check_coding(response: &GetResponse, url: &ReplyUrl) -> Result<(), Error> {
    match response.headers.get(names::CONTENT_ENCODING) {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") && !coding.is_empty() => {
            Err(invalid(url, response.status, "has a Content-Encoding that was not requested"))
        }
        _ => Ok(()),
    }
}

/// The error for a body that ended before its length.
fn truncated(url: &ReplyUrl) -> Error {
    let message = format!("the response from {} ended early: check the network and try again", url.url);
    Error::new(Status::Disconnected, message).with_hresult(HResult(0x8020_002E)).transient()
}

fn invalid(url: &ReplyUrl, status: u16, flaw: &str) -> Error {
    let message = format!("the response from {} {flaw}: check the server and any proxy in between", url.url);
    Error::new(Status::Protocol, message)
        .with_http_status(status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
}

fn rejection(url: &ReplyUrl, status: u16, retry_after_s: Option<u32>) -> Error {
    let advice = match status {
        401 | 407 => "credentials are required: set or check user and password",
        403 => "access is denied: ask the administrator of the server",
        404 | 410 => "the file does not exist, or no longer exists",
        300..=399 => "redirects are not followed: the server has to send the final URL",
        408 | 429 | 500 | 502..=504 => "the error may be temporary: try again later",
        _ => "check the server's log",
    };
    let message = format!("GET {} failed with HTTP {status}: {advice}", url.url);
    let mut error =
        Error::new(Status::HttpStatus, message).with_http_status(status).with_hresult(HResult::http(status));
    if let Some(seconds) = retry_after_s {
        error = error.with_retry_after(Duration::from_secs(seconds.into()));
    }
    match status {
        501 | 505 => error,
        408 | 429 | 500..=599 => error.transient(),
        _ => error,
    }
}
