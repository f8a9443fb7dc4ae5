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

use super::durable_length::DurableLength;
use super::options::Durability;
use super::session::SessionDir;
use crate::store::{Sink, StoreError};

/// Appends to a session's data file.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    received: u64,
    /// With durability `fragment`.
    durable_length: Option<DurableLength>,
}

impl FileSink {
    /// Opens the data for appending at its end.
    pub fn new(session: &SessionDir) -> io::Result<Self> {
        let file = session.open_data()?;
        let received = file.metadata()?.len();
        let durable_length = match session.durability() {
            Durability::Fragment => Some(DurableLength::open(session.directory())?),
            _ => None,
        };
        Ok(Self { file, received, durable_length })
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
            let written =
                retry_on_intr(|| pwrite(&self.file, data, self.received)).map_err(io::Error::from)?;
            if written == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            (_, data) = data.split_at(written);
            self.advance(written)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if let Some(durable_length) = &mut self.durable_length {
            self.file.sync_data()?;
            durable_length.record(self.received)?;
        }
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }

    #[cfg(target_os = "linux")]
    fn splice(&mut self, pipe: BorrowedFd<'_>, most: usize) -> Option<Result<usize, StoreError>> {
        let moved = retry_on_intr(|| {
            let mut end = self.received;
            splice(pipe, None, &self.file, Some(&mut end), most, SpliceFlags::empty())
        });
        match moved {
            // The file system does not support splice.
            Err(Errno::INVAL) => None,
            Err(error) => Some(Err(io::Error::from(error).into())),
            Ok(0) => Some(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
            Ok(count) => Some(self.advance(count).map(|()| count)),
        }
    }
}
