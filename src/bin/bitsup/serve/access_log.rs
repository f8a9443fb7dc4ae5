//! Opening the access log.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bitsup::Error;
use bitsup::server::AccessLog;

use super::args::{LogFormatArg, ServerArgs};
use crate::output;

/// The file name that means standard output.
pub const STDOUT: &str = "-";

/// An open access log. If it writes to standard output, its lines wait until the first line was printed.
pub struct OpenAccessLog {
    pub log: Option<AccessLog>,
    stdout: Option<Arc<Mutex<BufferedStdout>>>,
}

/// Opens the access log that the options configure.
pub fn open(args: &ServerArgs) -> Result<OpenAccessLog, Error> {
    let LogFormatArg(format) = args.log_format;
    match args.access_log.as_deref() {
        None => Ok(OpenAccessLog { log: None, stdout: None }),
        Some(path) if path == Path::new(STDOUT) => {
            let stdout = Arc::new(Mutex::new(BufferedStdout(Some(Vec::new()))));
            let log = AccessLog::to_writer(StdoutWriter(Arc::clone(&stdout)), format)?;
            Ok(OpenAccessLog { log: Some(log), stdout: Some(stdout) })
        }
        Some(path) => Ok(OpenAccessLog { log: Some(AccessLog::to_file(path, format)?), stdout: None }),
    }
}

/// Returns whether the log is a file, which SIGHUP reopens.
pub fn is_file(args: &ServerArgs) -> bool {
    args.access_log.as_deref().is_some_and(|path| path != Path::new(STDOUT))
}

impl OpenAccessLog {
    /// Prints the line that precedes all log lines on standard output.
    pub fn print_first_line(&self, line: &str) -> Result<(), Error> {
        let Some(stdout) = &self.stdout else { return output::print(line) };
        let mut stdout = stdout.lock().unwrap_or_else(PoisonError::into_inner);
        output::print(line)?;
        let lines = stdout.0.take().unwrap_or_default();
        stdout.write_all(&lines).map_err(|error| Error::io("cannot write to standard output", error))
    }
}

/// Standard output that buffers log lines until the first line was printed.
struct BufferedStdout(Option<Vec<u8>>);

impl Write for BufferedStdout {
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

struct StdoutWriter(Arc<Mutex<BufferedStdout>>);

impl Write for StdoutWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
