//! The notification request (PROTOCOL 5.2).

use std::io::{self, ErrorKind, Read};
use std::path::{self, Path};

use super::config::{NotifyConfig, NotifyKind};
use super::failure::NotifyFailure;
use super::transport::StoppedReading;
use crate::engine::Upload;
use crate::proto::names;

/// Returns the header fields in the order in which IIS sends them.
pub(super) fn fields(
    config: &NotifyConfig,
    upload: &Upload<'_>,
) -> Result<Vec<(&'static str, Vec<u8>)>, NotifyFailure> {
    let mut fields = vec![("Accept", b"*/*".to_vec())];
    fields.push((names::ORIGINAL_REQUEST_URL, upload.url.into()));
    let length = match config.kind {
        NotifyKind::ByReference => {
            fields.push((names::REQUEST_DATA_FILE_NAME, absolute(upload.data_path)?));
            fields.push((names::RESPONSE_DATA_FILE_NAME, absolute(upload.reply_path)?));
            0
        }
        NotifyKind::ByValue => upload.content.ok_or_else(no_content)?.length(),
    };
    fields.push(("User-Agent", config.user_agent.as_str().into()));
    if let Some(id) = upload.session_id {
        fields.push((names::IDEMPOTENCY_KEY, id.to_string().into()));
    }
    fields.push((names::CONTENT_LENGTH, length.to_string().into()));
    let unfit = |(_, value): &&(&str, Vec<u8>)| value.iter().any(u8::is_ascii_control);
    match fields.iter().find(unfit) {
        Some((name, _)) => Err(NotifyFailure::internal("a path or URL contains control characters", name)),
        None => Ok(fields),
    }
}

fn absolute(path: Option<&Path>) -> Result<Vec<u8>, NotifyFailure> {
    let path = path.ok_or_else(|| {
        let detail = "notify by value, or use a directory store";
        NotifyFailure::internal("the store has no files to notify by reference", detail)
    })?;
    let path = path::absolute(path)
        .map_err(|error| NotifyFailure::internal("cannot make a path absolute", error))?;
    Ok(path.into_os_string().into_encoded_bytes())
}

fn no_content() -> NotifyFailure {
    NotifyFailure::internal("the received file is not available", "")
}

/// The body of the request: the received file, or empty.
pub(super) struct NotifyBody<'a> {
    upload: &'a Upload<'a>,
    offset: u64,
    left: u64,
    stopped_reading: StoppedReading,
    failure: Option<io::Error>,
}

impl<'a> NotifyBody<'a> {
    pub fn new(kind: NotifyKind, upload: &'a Upload<'a>, stopped_reading: StoppedReading) -> Self {
        let content = if kind == NotifyKind::ByValue { upload.content } else { None };
        let left = content.map_or(0, |content| content.length());
        Self { upload, offset: 0, left, stopped_reading, failure: None }
    }

    /// Returns the error of reading the received file, if that made the call fail.
    pub fn failure(&mut self) -> Option<NotifyFailure> {
        self.failure.take().map(|error| NotifyFailure::internal("cannot read the received file", error))
    }

    /// Reads the next piece. Once the application has stopped reading, the rest is skipped.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 || self.stopped_reading.get() {
            return Ok(wanted);
        }
        let buffer = buffer.split_at_mut(wanted).0;
        match self.upload.content.map(|content| content.read_at(self.offset, buffer)) {
            None | Some(Ok(0)) => Err(ErrorKind::UnexpectedEof.into()),
            Some(Ok(read)) if read > wanted => {
                Err(io::Error::other(format!("the store read {read} bytes into a buffer of {wanted}")))
            }
            Some(read) => read,
        }
    }
}

impl Read for NotifyBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill(buffer).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            io::Error::from(kind)
        })?;
        // `fill` returns at most `left` bytes.
        self.offset = self.offset.saturating_add(read as u64);
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
