//! A disk with a volatile write cache: a file system in this process with the file `disk.img`, which is mounted as a loop
//! device. The kernel turns the flushes of the loop device into `fsync` of the file.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr,
    ReplyData, ReplyEmpty, ReplyEntry, ReplyWrite, Request, WriteFlags,
};

use super::image::{Image, PAGE, parts};

pub const NAME: &str = "disk.img";
const FILE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(3600);

/// What a disk was asked to do.
enum Command {
    Write { offset: u64, data: Vec<u8> },
    Flush,
}

/// Whether a write with this data fails.
type Fault = Box<dyn Fn(&[u8]) -> bool + Send>;

struct State {
    /// The content before the first command.
    initial: Image,
    /// The content after the last command.
    current: Image,
    commands: Vec<Command>,
    fault: Option<Fault>,
    failed_writes: usize,
}

/// A disk that records its commands, and can fail.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub fn new(initial: Image) -> Self {
        let current = initial.clone();
        let state = State { initial, current, commands: Vec::new(), fault: None, failed_writes: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Forgets the recorded commands.
    pub fn restart_recording(&self) {
        let mut state = self.state();
        state.initial = state.current.clone();
        state.commands.clear();
    }

    /// Returns the number of recorded commands.
    pub fn position(&self) -> usize {
        self.state().commands.len()
    }

    pub fn content(&self) -> Image {
        self.state().current.clone()
    }

    /// Returns the content if the power fails after the first `end` commands. `survives` decides for each page that was
    /// written after the last flush whether it is on the disk.
    pub fn content_after_power_loss(&self, end: usize, mut survives: impl FnMut() -> bool) -> Image {
        let state = self.state();
        let commands = &state.commands[..end];
        let flushed = commands.iter().rposition(|command| matches!(command, Command::Flush)).unwrap_or(0);
        let mut image = state.initial.clone();
        for (number, command) in commands.iter().enumerate() {
            let Command::Write { offset, data } = command else { continue };
            for (page, within, from) in parts(*offset, data.len()) {
                if number < flushed || survives() {
                    let at = page * PAGE as u64 + within.start as u64;
                    image.write(at, &data[from..from + within.len()]);
                }
            }
        }
        image
    }

    /// Fails writes with EIO if this returns true for their data.
    pub fn fail_writes(&self, fault: impl Fn(&[u8]) -> bool + Send + 'static) {
        self.state().fault = Some(Box::new(fault));
    }

    /// Ends [`Self::fail_writes`], and returns how many writes failed.
    pub fn repair(&self) -> usize {
        let mut state = self.state();
        state.fault = None;
        std::mem::take(&mut state.failed_writes)
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_file = inode == FILE;
        let size = self.state().initial.size;
        FileAttr {
            ino: inode,
            size: if is_file { size } else { 0 },
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file { FileType::RegularFile } else { FileType::Directory },
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Disk {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == NAME {
            reply.entry(&TTL, &self.attributes(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        reply.data(&self.state().current.read(offset, size as usize));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.state();
        if state.fault.as_ref().is_some_and(|fails| fails(data)) {
            state.failed_writes += 1;
            return reply.error(Errno::EIO);
        }
        state.current.write(offset, data);
        state.commands.push(Command::Write { offset, data: data.to_vec() });
        reply.written(u32::try_from(data.len()).unwrap());
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.state().commands.push(Command::Flush);
        reply.ok();
    }
}
