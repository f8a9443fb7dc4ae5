//! Logging to a function of the host application. There is no global logger.

use std::fmt;
use std::sync::Arc;

/// The severity of a message. `Error` is for failures of this library or its machine, never of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// A failure that needs attention.
    Error = 1,
    /// Something unexpected that was handled.
    Warn = 2,
    /// One message per event of a session.
    Info = 3,
    /// One message per packet.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

type LogFn = dyn Fn(Level, &str, &str) + Send + Sync;

/// Receives the log messages of an engine, a server or a client. Cheap to clone; the default discards all
/// messages.
///
/// Threads: its function is called from any thread, concurrently, while the library holds no lock.
///
/// # Examples
///
/// ```
/// use bitsup::log::{Level, Logger};
///
/// let logger = Logger::new(Level::Info, |level, target, message| {
///     eprintln!("{level:?} {target}: {message}");
/// });
/// logger.log(Level::Info, "app", || "started".to_owned());
/// ```
#[derive(Clone, Default)]
pub struct Logger {
    sink: Option<(Level, Arc<LogFn>)>,
}

impl Logger {
    /// Creates a logger that passes messages up to `max_level` to `sink`: level, target (the module) and text.
    #[must_use]
    pub fn new(max_level: Level, sink: impl Fn(Level, &str, &str) + Send + Sync + 'static) -> Self {
        Self { sink: Some((max_level, Arc::new(sink))) }
    }

    /// Logs a message. `message` is only called if the level is enabled.
    pub fn log(&self, level: Level, target: &str, message: impl FnOnce() -> String) {
        if let Some((max_level, sink)) = &self.sink
            && level <= *max_level
        {
            sink(level, target, &message());
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("max_level", &self.sink.as_ref().map(|(level, _)| level)).finish()
    }
}
