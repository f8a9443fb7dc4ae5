//! The content of a disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

pub const PAGE: usize = 4096;

type Page = [u8; PAGE];

/// The content of a disk. Clones share their pages.
#[derive(Clone)]
pub struct Image {
    pub size: u64,
    /// The pages that are not empty.
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Image {
    /// Reads a sparse file.
    pub fn read_from(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut image = Self { size, pages: BTreeMap::new() };
        let mut offset = 0;
        let mut page = [0; PAGE];
        while offset < size {
            // The data may begin within a page of this size.
            let found = match rustix::fs::seek(&file, SeekFrom::Data(offset)) {
                Err(Errno::NXIO) => break,
                found => found? / PAGE as u64 * PAGE as u64,
            };
            file.read_exact_at(&mut page, found)?;
            if page != [0; PAGE] {
                image.pages.insert(found / PAGE as u64, Arc::new(page));
            }
            offset = found + PAGE as u64;
        }
        Ok(image)
    }

    /// Reads as many bytes as there are.
    pub fn read(&self, offset: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count.min(usize::try_from(self.size.saturating_sub(offset)).unwrap())];
        for (number, within, from) in parts(offset, bytes.len()) {
            if let Some(page) = self.pages.get(&number) {
                let count = within.len();
                bytes[from..from + count].copy_from_slice(&page[within]);
            }
        }
        bytes
    }

    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (number, within, from) in parts(offset, data.len()) {
            let page = self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE]));
            let count = within.len();
            Arc::make_mut(page)[within].copy_from_slice(&data[from..from + count]);
        }
    }
}

/// Splits a range of the disk into pages. Returns each page's number, the part of it, and the place in the data.
pub fn parts(offset: u64, count: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == count {
            return None;
        }
        let at = offset + done as u64;
        let begin = usize::try_from(at % PAGE as u64).unwrap();
        let length = (PAGE - begin).min(count - done);
        let part = (at / PAGE as u64, begin..begin + length, done);
        done += length;
        Some(part)
    })
}
