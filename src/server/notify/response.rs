//! What the application says (PROTOCOL 5.3).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use ureq::http::{Response, StatusCode, Version};

use super::config::{BUFFER, NotifyKind};
use super::failure::NotifyFailure;
use crate::engine::{Upload, Verdict};
use crate::proto::names;

/// Longest reply for a store without files. There it lies in memory until the session ends.
const MAX_REPLY_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// Turns an answer into a verdict. A body that is not wanted costs the connection, which is cheaper than
/// to wait for its end.
pub(super) fn apply(
    response: Response<ureq::Body>,
    kind: NotifyKind,
    upload: &Upload<'_>,
    verdict: &mut Verdict,
) -> Result<(), NotifyFailure> {
    let (head, body) = response.into_parts();
    if head.version != Version::HTTP_11 {
        return Err(NotifyFailure::not_http(format!("{:?}", head.version)));
    }
    if head.status != StatusCode::OK {
        return Err(NotifyFailure::status(head.status));
    }
    verdict.set_keep_file(head.headers.contains_key(names::COPY_FILE_TO_DESTINATION));
    let url = head.headers.get(names::STATIC_RESPONSE_URL).map(|value| value.as_bytes().trim_ascii());
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        // The engine refuses what cannot be a URL.
        verdict.set_reply_url(String::from_utf8_lossy(url));
        return Ok(());
    }
    let written = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    match upload.reply_path {
        Some(path) if kind == NotifyKind::ByReference && written(&path) => verdict.set_reply_file(path),
        Some(path) => {
            store(body.into_reader(), path)?;
            verdict.set_reply_file(path);
        }
        None => verdict.set_reply_bytes(hold(body.into_reader())?),
    }
    Ok(())
}

/// Writes a reply to a file that is made for it, or to none.
fn store(reply: impl Read, path: &Path) -> Result<(), NotifyFailure> {
    let keep = || {
        let mut file = File::create_new(path).map_err(|error| NotifyFailure::reply_not_kept(&error))?;
        copy(reply, |piece| file.write_all(piece).map_err(|error| NotifyFailure::reply_not_kept(&error)))
    };
    keep().inspect_err(|_| {
        // What cannot be removed now is removed by the store, before the next call or with the session.
        let _ = fs::remove_file(path);
    })
}

/// Reads a reply into memory.
fn hold(reply: impl Read) -> Result<Vec<u8>, NotifyFailure> {
    let mut held = Vec::new();
    copy(reply, |piece| {
        if held.len().saturating_add(piece.len()) as u64 > MAX_REPLY_IN_MEMORY {
            return Err(NotifyFailure::reply_too_large(MAX_REPLY_IN_MEMORY));
        }
        held.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(held)
}

/// Hands a reply on, piece by piece. The errors of either side stay apart.
fn copy(
    mut reply: impl Read,
    mut sink: impl FnMut(&[u8]) -> Result<(), NotifyFailure>,
) -> Result<(), NotifyFailure> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match reply.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => sink(buffer.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(error)),
        }
    }
}

fn lost(error: io::Error) -> NotifyFailure {
    ureq::Error::from(error).into()
}
