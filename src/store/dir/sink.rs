//! Appending to a session's data file.

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;

#[cfg(target_os = "linux")]
use rustix::io::Errno;
use rustix::io::{pwrite, retry_on_intr};
#[cfg(target_os = "linux")]
use rustix::pipe::{SpliceFlags, splice};

use super::data_file::DataHandle;
use super::durable_length::DurableLength;
use crate::store::{Sink, StoreError};

/// Appends to a session's data file.
#[derive(Debug)]
pub struct FileSink {
    data: DataHandle,
    received: u64,
    /// With durability `fragment`.
    durable_length: Option<DurableLength>,
}

impl FileSink {
    /// Appends to the data at its end. `durable_length` records what is synced before each Ack, if that is promised.
    pub fn new(data: DataHandle, durable_length: Option<DurableLength>) -> io::Result<Self> {
        let received = data.length()?;
        Ok(Self { data, received, durable_length })
    }

    /// Handles a failed write or sync. What was written before the volume was full stays; after any other error, bytes that
    /// are not proven to be on the disk are discarded.
    fn failed(&mut self, error: io::Error) -> StoreError {
        let error = StoreError::from(error);
        if !matches!(error, StoreError::NoSpace(_)) {
            self.data.rewind();
        }
        // After a failed sync, the data was truncated even if the volume is full.
        self.received = self.data.length().unwrap_or(0);
        error
    }

    /// Counts bytes that were written.
    fn advance(&mut self, count: usize) -> Result<(), StoreError> {
        let received = self.received.checked_add(count as u64);
        self.received =
            received.ok_or_else(|| io::Error::other("the data file is longer than 2^64 bytes"))?;
        Ok(())
    }
}

impl Sink for FileSink {
    fn received(&self) -> u64 {
        self.received
    }

    fn write(&mut self, mut data: &[u8]) -> Result<(), StoreError> {
        while !data.is_empty() {
            self.data.mark_dirty();
            let written = match retry_on_intr(|| pwrite(self.data.file(), data, self.received)) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => written,
                Err(errno) => return Err(self.failed(errno.into())),
            };
            (_, data) = data.split_at(written);
            self.advance(written)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(durable_length) = &mut self.durable_length {
            let synced = self.data.sync(self.received).and_then(|()| durable_length.record(self.received));
            synced.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        Some(self.data.file())
    }

    #[cfg(target_os = "linux")]
    fn splice(&mut self, pipe: BorrowedFd<'_>, most: usize) -> Option<Result<usize, StoreError>> {
        self.data.mark_dirty();
        let moved = retry_on_intr(|| {
            let mut end = self.received;
            splice(pipe, None, self.data.file(), Some(&mut end), most, SpliceFlags::empty())
        });
        match moved {
            // The file system does not support splice.
            Err(Errno::INVAL) => None,
            Err(errno) => Some(Err(self.failed(errno.into()))),
            Ok(0) => Some(Err(self.failed(io::ErrorKind::WriteZero.into()))),
            Ok(count) => Some(self.advance(count).map(|()| count)),
        }
    }
}
