//! A stored file opened for reading.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::{pread, retry_on_intr};

use super::session::modified_ms;
use crate::store::Content;

/// A received file or a reply. It stays readable after its session ends.
#[derive(Debug)]
pub struct FileContent {
    file: File,
    path: PathBuf,
    length: u64,
    modified_ms: u64,
}

impl FileContent {
    /// Wraps an open file with the given path.
    pub fn new(file: File, path: PathBuf) -> io::Result<Self> {
        let (length, modified_ms) = (file.metadata()?.len(), modified_ms(&file)?);
        Ok(Self { file, path, length, modified_ms })
    }
}

impl Content for FileContent {
    fn length(&self) -> u64 {
        self.length
    }

    fn modified_ms(&self) -> u64 {
        self.modified_ms
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| pread(&self.file, &mut *buffer, offset))?)
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
