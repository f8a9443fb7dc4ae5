//! Applies the application's response to the verdict (PROTOCOL 5.3).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use ureq::http::{Response, StatusCode, Version};

use super::config::{BUFFER, NotifyKind};
use super::failure::NotifyFailure;
use crate::engine::{Upload, Verdict};
use crate::proto::names;

/// Maximum size of a reply for a store without files, where it stays in memory until the session ends.
const MAX_REPLY_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// Sets the verdict from a response. If the body is not wanted, the connection is closed instead of draining it.
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
        // The engine rejects an invalid URL.
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
        None => verdict.set_reply_bytes(read_to_memory(body.into_reader())?),
    }
    Ok(())
}

/// Writes a reply to a new file; removes the file on an error.
fn store(reply: impl Read, path: &Path) -> Result<(), NotifyFailure> {
    let keep = || {
        let mut file = File::create_new(path).map_err(|error| NotifyFailure::reply_not_stored(&error))?;
        copy(reply, |piece| file.write_all(piece).map_err(|error| NotifyFailure::reply_not_stored(&error)))
    };
    keep().inspect_err(|_| {
        // If this fails, the store removes the file before the next call or with the session.
        let _ = fs::remove_file(path);
    })
}

/// Reads a reply into memory.
fn read_to_memory(reply: impl Read) -> Result<Vec<u8>, NotifyFailure> {
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

/// Passes a reply to `sink` in pieces. Keeps errors of reading and of writing apart.
fn copy(
    mut reply: impl Read,
    mut sink: impl FnMut(&[u8]) -> Result<(), NotifyFailure>,
) -> Result<(), NotifyFailure> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match reply.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => sink(buffer.split_at(read).0)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(error)),
        }
    }
}

fn lost(error: io::Error) -> NotifyFailure {
    ureq::Error::from(error).into()
}
