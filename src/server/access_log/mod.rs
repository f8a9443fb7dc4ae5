//! The access log: one line per request, per event of a session, and per event of the server.

mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus::IntCounter;

use super::event::Event;
use super::metrics;
use crate::error::Error;
use crate::log::{Level, Logger};

/// The name of the log for a [`Logger`].
const TARGET: &str = "access";

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(i32)]
pub enum LogFormat {
    /// Time and event, then `key=value` pairs; values that are not plain words in quotes, as in JSON.
    #[default]
    Text = 0,
    /// One JSON object.
    Json = 1,
}

/// Where a server writes down every request and event. A clone is the same log.
///
/// A line that cannot be written is lost, and counted in the metrics; the server goes on. It never holds the value
/// of a header field that carries credentials, or a query string.
///
/// Threads: may be used from several.
#[derive(Clone)]
pub struct AccessLog(Arc<Inner>);

struct Inner {
    format: LogFormat,
    sink: Sink,
    lost: IntCounter,
}

enum Sink {
    File { path: PathBuf, file: Mutex<Lines<File>> },
    Writer(Mutex<Lines<Box<dyn Write + Send>>>),
    Logger(Logger),
}

impl AccessLog {
    /// Appends to a file, which is made if need be, for its owner's eyes: whoever knows the id of a session may end it.
    ///
    /// Errors: the file cannot be opened.
    pub fn to_file(path: impl AsRef<Path>, format: LogFormat) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let file = Mutex::new(Lines::to(open(&path)?));
        Self::new(Sink::File { path, file }, format)
    }

    /// Writes to `writer`, a line at a time, from any thread. While it blocks, requests that end wait.
    ///
    /// Errors: the metrics cannot be made.
    pub fn to_writer(writer: impl Write + Send + 'static, format: LogFormat) -> Result<Self, Error> {
        Self::new(Sink::Writer(Mutex::new(Lines::to(Box::new(writer)))), format)
    }

    /// Hands lines, without their ends, to a logger: at level `Info`, with the target `access`.
    ///
    /// Errors: the metrics cannot be made.
    pub fn to_logger(logger: Logger, format: LogFormat) -> Result<Self, Error> {
        Self::new(Sink::Logger(logger), format)
    }

    /// Opens its file anew, after it was renamed to rotate it. No line is lost or torn. A log that is no file stays
    /// what it is.
    ///
    /// Errors: the file cannot be opened; the log goes on with the old one.
    pub fn reopen(&self) -> Result<(), Error> {
        if let Sink::File { path, file } = &self.0.sink {
            let fresh = open(path)?;
            *lock(file) = Lines::to(fresh);
        }
        Ok(())
    }

    fn new(sink: Sink, format: LogFormat) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner { format, sink, lost: metrics::lost_lines()? })))
    }

    pub(super) fn write(&self, event: &Event<'_>) {
        let Inner { format, sink, lost } = &*self.0;
        let line = || line::of(event, SystemTime::now(), *format);
        let written = match sink {
            Sink::File { file, .. } => {
                let line = line();
                lock(file).write(line)
            }
            Sink::Writer(writer) => {
                let line = line();
                lock(writer).write(line)
            }
            Sink::Logger(logger) => {
                logger.log(Level::Info, TARGET, line);
                Ok(())
            }
        };
        if written.is_err() {
            lost.inc();
        }
    }

    /// How many lines could not be written.
    pub(super) fn lost(&self) -> &IntCounter {
        &self.0.lost
    }
}

/// Something that takes whole lines.
struct Lines<W> {
    to: W,
    /// The last line broke off. What comes next begins on a line of its own.
    torn: bool,
}

impl<W: Write> Lines<W> {
    fn to(to: W) -> Self {
        Self { to, torn: false }
    }

    fn write(&mut self, mut line: String) -> io::Result<()> {
        line.push('\n');
        if self.torn {
            line.insert(0, '\n');
        }
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = rest.get(count..).unwrap_or_default();
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.to.flush()
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| Error::io(format!("cannot open the access log {}", path.display()), error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes, and then as many at a time as the test gives it.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let count = bytes.len().min(disk.0);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.0 -= count;
            disk.1.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_lines_but_none_that_comes_later() {
        let disk = Disk::default();
        let log = AccessLog::to_writer(disk.clone(), LogFormat::Text).unwrap();
        let room = |bytes: usize| disk.0.lock().unwrap().0 = bytes;
        room(usize::MAX);
        log.write(&Event::Stopping);
        room(10);
        log.write(&Event::Stopping);
        log.write(&Event::Stopping);
        room(usize::MAX);
        log.write(&Event::Stopped);
        log.write(&Event::Stopped);
        assert_eq!(log.lost().get(), 2);
        let text = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let whole = |name: &str| lines.iter().filter(|line| line.split(' ').nth(1) == Some(name)).count();
        assert_eq!((lines.len(), whole("server-stopping"), whole("server-stopped")), (4, 1, 2), "{text}");
    }
}
