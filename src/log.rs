//! Logging: an object of its owner, never of the process.

use std::fmt;
use std::sync::Arc;

/// How grave a message is. `Error` is for faults of this library or its machine, never for a peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something here is broken.
    Error = 1,
    /// Something is odd, and dealt with.
    Warn = 2,
    /// One line per session event.
    Info = 3,
    /// One line per packet.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

type Sink = dyn Fn(Level, &str, &str) + Send + Sync;

/// Where an engine, a server or a client says what it does. Cheap to clone; silent by default.
///
/// Threads: the receiver is called from any thread, concurrently, with no lock of this library held.
#[derive(Clone, Default)]
pub struct Logger {
    sink: Option<(Level, Arc<Sink>)>,
}

impl Logger {
    /// A logger that hands messages up to `max_level` to `sink` as level, target (the module) and text.
    pub fn new(max_level: Level, sink: impl Fn(Level, &str, &str) + Send + Sync + 'static) -> Self {
        Self { sink: Some((max_level, Arc::new(sink))) }
    }

    /// Says something. `message` is only made when somebody listens at that level.
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
