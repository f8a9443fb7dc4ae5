//! Logging to a function of the host application, or to the `log` crate. There is no global logger.

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
    output: LogOutput,
}

#[derive(Clone, Default)]
enum LogOutput {
    #[default]
    Silent,
    Function(Level, Arc<LogFn>),
    #[cfg(feature = "log")]
    LogCrate,
}

impl Logger {
    /// Creates a logger that passes messages up to `max_level` to `sink`: level, target and text. The target is the
    /// part of the library: `client`, `engine`, `server`, `notify` or `access`.
    #[must_use]
    pub fn new(max_level: Level, sink: impl Fn(Level, &str, &str) + Send + Sync + 'static) -> Self {
        Self { output: LogOutput::Function(max_level, Arc::new(sink)) }
    }

    /// Creates a logger that passes messages to the [`log`](https://docs.rs/log) crate, whose logger decides which levels
    /// and targets are enabled. Targets start with `bitsup::`. `tracing` receives them through `tracing_log::LogTracer`.
    ///
    /// # Examples
    ///
    /// ```
    /// use bitsup::client::ClientConfig;
    /// use bitsup::log::Logger;
    ///
    /// let config = ClientConfig::default().logger(Logger::log_crate());
    /// ```
    #[cfg(feature = "log")]
    #[must_use]
    pub fn log_crate() -> Self {
        Self { output: LogOutput::LogCrate }
    }

    /// Logs a message. `message` is only called if the level is enabled.
    pub fn log(&self, level: Level, target: &str, message: impl FnOnce() -> String) {
        match &self.output {
            LogOutput::Function(max_level, function) if level <= *max_level => {
                function(level, target, &message())
            }
            LogOutput::Silent | LogOutput::Function(..) => {}
            #[cfg(feature = "log")]
            LogOutput::LogCrate => {
                let level = log::Level::from(level);
                if level <= log::max_level() {
                    log::log!(target: &format!("bitsup::{target}"), level, "{}", message());
                }
            }
        }
    }
}

#[cfg(feature = "log")]
impl From<Level> for log::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output: &dyn fmt::Debug = match &self.output {
            LogOutput::Silent => &"silent",
            LogOutput::Function(max_level, _) => max_level,
            #[cfg(feature = "log")]
            LogOutput::LogCrate => &"the log crate",
        };
        f.debug_struct("Logger").field("output", output).finish()
    }
}
