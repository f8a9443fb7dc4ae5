//! The access log that the options want.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bitsup::Error;
use bitsup::server::AccessLog;

use super::args::{LogFormatArg, ServerArgs};
use crate::report;

/// What stands for standard output instead of a file.
pub const STDOUT: &str = "-";

/// A log, and the right to the first line of standard output.
pub struct Opened {
    pub log: Option<AccessLog>,
    greeting: Option<Arc<Mutex<Waiting>>>,
}

/// Opens it.
pub fn open(args: &ServerArgs) -> Result<Opened, Error> {
    let LogFormatArg(format) = args.log_format;
    match args.access_log.as_deref() {
        None => Ok(Opened { log: None, greeting: None }),
        Some(path) if path == Path::new(STDOUT) => {
            let waiting = Arc::new(Mutex::new(Waiting(Some(Vec::new()))));
            let log = AccessLog::to_writer(Shared(Arc::clone(&waiting)), format)?;
            Ok(Opened { log: Some(log), greeting: Some(waiting) })
        }
        Some(path) => Ok(Opened { log: Some(AccessLog::to_file(path, format)?), greeting: None }),
    }
}

/// Whether SIGHUP is to open a file anew.
pub fn is_file(args: &ServerArgs) -> bool {
    args.access_log.as_deref().is_some_and(|path| path != Path::new(STDOUT))
}

impl Opened {
    /// Prints the line that comes before all others.
    pub fn greet(&self, line: &str) -> Result<(), Error> {
        let Some(waiting) = &self.greeting else { return report::print(line) };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        report::print(line)?;
        let lines = waiting.0.take().unwrap_or_default();
        waiting.write_all(&lines).map_err(|error| Error::io("cannot write to standard output", error))
    }
}

/// Standard output. What is written before the greeting waits for it.
struct Waiting(Option<Vec<u8>>);

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(lines) => lines.write(bytes),
            None => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

struct Shared(Arc<Mutex<Waiting>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
