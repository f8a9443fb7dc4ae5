//! A file fetched in ranges (PROTOCOL 7.2): in one go from the beginning, from where it broke off when the
//! server shows that it is still the same file, and never a mixture of two.

use std::time::{Duration, Instant};

use super::http::{Answer, Http};
use super::part::{Part, Partial};
use crate::error::{Error, Status};
use crate::proto::ack::retry_after;
use crate::proto::{FragmentRange, HResult, names};
use crate::upload::ReplyUrl;

/// Bytes that go to the disk in one piece.
const BUFFER: usize = 256 * 1024;
/// How often bytes are put in safety.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often the progress is told.
const TELL_INTERVAL: Duration = Duration::from_millis(100);

/// Who hears how a download goes.
pub(super) trait Witness {
    /// This much is safe on disk; what is kept of an earlier moment is no longer true.
    fn keep(&mut self, partial: &Partial);
    /// So many bytes are there; `is_record`: more than ever before.
    ///
    /// Errors: those end the download.
    fn received(&mut self, received: u64, total: Option<u64>, is_record: bool) -> Result<(), Error>;
}

/// What came of one request.
enum Outcome {
    Whole,
    /// The server gave less than was asked for.
    More,
    /// What is there is of a file that is no more.
    Changed,
}

/// Fetches a file into `part`, from where that is. What is there stays there when it fails on the way.
///
/// Errors: transient where another try may go on or begin anew.
pub(super) fn fetch(
    http: &Http,
    place: &ReplyUrl,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<(), Error> {
    loop {
        match request(http, place, part, witness)? {
            Outcome::Whole => return Ok(()),
            Outcome::More => {}
            Outcome::Changed => forget(part, witness)?,
        }
    }
}

fn request(
    http: &Http,
    place: &ReplyUrl,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<Outcome, Error> {
    let known = part.resumable(&place.url).cloned();
    if known.as_ref().is_some_and(|known| known.total == Some(known.received)) {
        return Ok(Outcome::Whole);
    }
    let headers = known.as_ref().map(range_headers).unwrap_or_default();
    let answer = http.get(&place.url, &headers, place.trust)?;
    match (answer.status, known) {
        (200, None) => whole(answer, place, part, witness),
        (206, Some(known)) => range(answer, place, &known, part, witness),
        (412 | 416, Some(_)) => Ok(Outcome::Changed),
        // DL-02. Either the file changed or the server knows no ranges; the next try asks for all of it.
        (200, Some(_)) => {
            forget(part, witness)?;
            Err(invalid(place, 200, "is the whole file where a part was asked for").transient())
        }
        (206, None) => Err(invalid(place, 206, "is a part where the whole file was asked for")),
        (status, _) => Err(refusal(place, status, retry_after(&answer.headers))),
    }
}

/// From where to go on, and by what the server tells whether it is still the same file.
fn range_headers(known: &Partial) -> Vec<(&'static str, String)> {
    let mut headers = vec![(names::RANGE, format!("bytes={}-", known.received))];
    match (&known.etag, &known.last_modified) {
        (Some(etag), _) => headers.push((names::IF_RANGE, etag.clone())),
        (None, Some(time)) => headers.push((names::IF_UNMODIFIED_SINCE, time.clone())),
        (None, None) => {}
    }
    headers
}

/// The whole file, in one go (DL-01).
fn whole(
    mut answer: Answer,
    place: &ReplyUrl,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<Outcome, Error> {
    check_coding(&answer, place)?;
    if !answer.has_visible_end() {
        return Err(invalid(place, 200, "has no length, so that nobody could say when it is whole"));
    }
    let (etag, last_modified) = validators(&answer);
    let total = answer.length;
    part.restart(Partial { url: place.url.clone(), etag, last_modified, total, received: 0 })?;
    // Before the first byte: whoever finds those must not take them for the file's that was there before.
    witness.keep(part.partial());
    store(&mut answer, total, part, witness)?;
    match total {
        Some(total) if part.written() < total => Err(cut_off(place)),
        _ => Ok(Outcome::Whole),
    }
}

/// A part of the file, from where the last one ended.
fn range(
    mut answer: Answer,
    place: &ReplyUrl,
    known: &Partial,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<Outcome, Error> {
    check_coding(&answer, place)?;
    let (etag, last_modified) = validators(&answer);
    let differs = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some() && old != new;
    if differs(&known.last_modified, &last_modified) || differs(&known.etag, &etag) {
        return Ok(Outcome::Changed);
    }
    let header = answer.headers.get(names::CONTENT_RANGE);
    let range = FragmentRange::parse(header, answer.length.unwrap_or(0));
    let Some(FragmentRange::Bytes { last, total, .. }) =
        range.filter(|range| range.first() == known.received)
    else {
        forget(part, witness)?;
        return Err(invalid(place, 206, "is not the range that was asked for").transient());
    };
    if known.total.is_some_and(|known| known != total) {
        forget(part, witness)?;
        return Err(invalid(place, 206, "says another length of the file than the answer before"));
    }
    store(&mut answer, Some(total), part, witness)?;
    let end = last.saturating_add(1);
    match part.written() {
        written if written < end => Err(cut_off(place)),
        written if written < total => Ok(Outcome::More),
        _ => Ok(Outcome::Whole),
    }
}

/// Puts the body on disk, and in safety, however it ends.
fn store(
    answer: &mut Answer,
    total: Option<u64>,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<(), Error> {
    let outcome = copy(answer, total, part, witness);
    part.sync()?;
    witness.keep(part.partial());
    outcome
}

fn copy(
    answer: &mut Answer,
    total: Option<u64>,
    part: &mut Part,
    witness: &mut dyn Witness,
) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER];
    let (mut kept, mut told, mut is_record) = (Instant::now(), None::<Instant>, false);
    loop {
        let read = answer.read(&mut buffer)?;
        is_record |= part.append(buffer.get(..read).unwrap_or_default())?;
        if read == 0 || told.is_none_or(|told| told.elapsed() >= TELL_INTERVAL) {
            witness.received(part.written(), total, std::mem::take(&mut is_record))?;
            told = Some(Instant::now());
        }
        if read == 0 {
            return Ok(());
        }
        if kept.elapsed() >= KEEP_INTERVAL {
            part.sync()?;
            witness.keep(part.partial());
            kept = Instant::now();
        }
    }
}

/// Lets go of what is there, here and in what is kept.
fn forget(part: &mut Part, witness: &mut dyn Witness) -> Result<(), Error> {
    part.restart(Partial::default())?;
    witness.keep(part.partial());
    Ok(())
}

/// The strong ETag, and the time of the last change.
fn validators(answer: &Answer) -> (Option<String>, Option<String>) {
    let text = |name| answer.headers.get(name).map(str::to_owned);
    (text(names::ETAG).filter(|etag| etag.starts_with('"')), text(names::LAST_MODIFIED))
}

fn check_coding(answer: &Answer, place: &ReplyUrl) -> Result<(), Error> {
    match answer.headers.get(names::CONTENT_ENCODING) {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") && !coding.is_empty() => {
            Err(invalid(place, answer.status, "has a Content-Encoding that was not asked for"))
        }
        _ => Ok(()),
    }
}

/// The body ended before its length.
fn cut_off(place: &ReplyUrl) -> Error {
    let message = format!("the answer of {} ended early; check the network and try again", place.url);
    Error::new(Status::Disconnected, message).with_hresult(HResult(0x8020_002E)).transient()
}

fn invalid(place: &ReplyUrl, status: u16, flaw: &str) -> Error {
    let message =
        format!("the answer of {} {flaw}; look at the server, or for a proxy in between", place.url);
    Error::new(Status::Protocol, message)
        .with_http_status(status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
}

fn refusal(place: &ReplyUrl, status: u16, retry_after_s: Option<u32>) -> Error {
    let advice = match status {
        401 | 407 => "it wants credentials: give a user and a password, and check them",
        403 => "it allows no access; ask for it",
        404 | 410 => "the file is not, or no longer, there",
        300..=399 => "downloads follow no redirect; the server has to name the final URL",
        408 | 429 | 500 | 502..=504 => "it may pass: try again later",
        _ => "look at the server's log",
    };
    let message = format!("{} was answered HTTP {status}; {advice}", place.url);
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
