//! The access log: one line per request, session event and server event.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus::IntCounter;

use super::counters;
use super::event::ServerEvent;
use super::line_format::{self, LogFormat};
use crate::error::Error;
use crate::log::{Level, Logger};

/// The target of lines that go to a [`Logger`].
const TARGET: &str = "access";

/// The access log of a server: one line per request, session event and server event.
///
/// Clones write to the same log. A line that cannot be written is dropped and counted in the metric
/// `bitsup_access_log_lost_lines_total`; the server keeps running. The log never contains credentials or query
/// strings, and of the header fields only packet type, session id and `Content-Range`.
///
/// Threads: may be used from several threads.
///
/// # Examples
///
/// ```no_run
/// use bitsup::server::{AccessLog, LogFormat, ServerConfig};
///
/// # fn main() -> Result<(), bitsup::error::Error> {
/// let log = AccessLog::to_file("/var/log/bitsup/access.log", LogFormat::Json)?;
/// let config = ServerConfig::default().access_log(log);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AccessLog(Arc<AccessLogInner>);

struct AccessLogInner {
    format: LogFormat,
    sink: LogSink,
    lost: IntCounter,
}

enum LogSink {
    File { path: PathBuf, file: Mutex<LineWriter<File>> },
    Writer(Mutex<LineWriter<Box<dyn Write + Send>>>),
    Logger(Logger),
}

impl AccessLog {
    /// Appends to a file. A new file is readable by its owner only (mode 0600), because the ids in it suffice to
    /// end a session.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened.
    pub fn to_file(path: impl AsRef<Path>, format: LogFormat) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let file = Mutex::new(LineWriter::new(open(&path)?));
        Self::new(LogSink::File { path, file }, format)
    }

    /// Writes each line to `writer`, from any thread. While `writer` blocks, requests cannot complete.
    ///
    /// # Errors
    ///
    /// Fails with [`Status::InvalidState`](crate::error::Status::InvalidState) if the counter of lost lines cannot
    /// be created.
    pub fn to_writer(writer: impl Write + Send + 'static, format: LogFormat) -> Result<Self, Error> {
        Self::new(LogSink::Writer(Mutex::new(LineWriter::new(Box::new(writer)))), format)
    }

    /// Passes each line, without its line end, to `logger` at level `Info` with the target `access`.
    ///
    /// # Errors
    ///
    /// As for [`Self::to_writer`].
    pub fn to_logger(logger: Logger, format: LogFormat) -> Result<Self, Error> {
        Self::new(LogSink::Logger(logger), format)
    }

    /// Reopens the log's file, for log rotation: rename the file, then call this. No line is lost or split. Does
    /// nothing for a log that does not write to a file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened; the log then continues in the old one.
    pub fn reopen(&self) -> Result<(), Error> {
        if let LogSink::File { path, file } = &self.0.sink {
            let file_at_path = open(path)?;
            *lock(file) = LineWriter::new(file_at_path);
        }
        Ok(())
    }

    fn new(sink: LogSink, format: LogFormat) -> Result<Self, Error> {
        Ok(Self(Arc::new(AccessLogInner { format, sink, lost: counters::lost_lines()? })))
    }

    /// Writes the line of an event, or counts it as lost.
    pub(super) fn write(&self, event: &ServerEvent<'_>) {
        let AccessLogInner { format, sink, lost } = &*self.0;
        let line = || line_format::line(event, SystemTime::now(), *format);
        let written = match sink {
            LogSink::File { file, .. } => {
                let line = line();
                lock(file).write(line)
            }
            LogSink::Writer(writer) => {
                let line = line();
                lock(writer).write(line)
            }
            LogSink::Logger(logger) => {
                logger.log(Level::Info, TARGET, line);
                Ok(())
            }
        };
        if written.is_err() {
            lost.inc();
        }
    }

    /// Returns the counter of lines that could not be written.
    pub(super) fn lost(&self) -> &IntCounter {
        &self.0.lost
    }
}

/// Writes whole lines.
struct LineWriter<W> {
    to: W,
    /// The last write failed in the middle of a line, so that the next line has to begin with a line end.
    torn: bool,
}

impl<W: Write> LineWriter<W> {
    fn new(to: W) -> Self {
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
                    rest = rest.split_at(count).1;
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

    /// A writer that accepts as many bytes as the test allows, then fails as a full disk does.
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
    fn lines_lost_to_a_full_disk_do_not_damage_later_lines() {
        let disk = Disk::default();
        let log = AccessLog::to_writer(disk.clone(), LogFormat::Text).unwrap();
        let room = |bytes: usize| disk.0.lock().unwrap().0 = bytes;
        room(usize::MAX);
        log.write(&ServerEvent::Stopping);
        room(10);
        log.write(&ServerEvent::Stopping);
        log.write(&ServerEvent::Stopping);
        room(usize::MAX);
        log.write(&ServerEvent::Stopped);
        log.write(&ServerEvent::Stopped);
        assert_eq!(log.lost().get(), 2);
        let text = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let whole = |name: &str| lines.iter().filter(|line| line.split(' ').nth(1) == Some(name)).count();
        assert_eq!((lines.len(), whole("server-stopping"), whole("server-stopped")), (4, 1, 2), "{text}");
    }
}
