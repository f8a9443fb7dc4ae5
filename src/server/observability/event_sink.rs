//! Receives every event of a server, counts it and writes it to the access log.

use super::access_log::AccessLog;
use super::counters::Counters;
use super::event::ServerEvent;
use crate::engine::{SessionEvent, SessionListener};
use crate::error::Error;

/// The destination of all events of a server.
pub(crate) struct EventSink {
    pub(crate) counters: Counters,
    access_log: Option<AccessLog>,
}

impl EventSink {
    /// Creates a sink with counters of its own.
    ///
    /// # Errors
    ///
    /// Fails if the counters cannot be registered.
    pub(crate) fn new(access_log: Option<AccessLog>) -> Result<Self, Error> {
        Ok(Self { counters: Counters::new(access_log.as_ref().map(AccessLog::lost))?, access_log })
    }

    /// Counts an event and writes it to the access log, if there is one.
    pub(crate) fn emit(&self, event: &ServerEvent<'_>) {
        self.counters.count(event);
        if let Some(log) = &self.access_log {
            log.write(event);
        }
    }

    /// Reopens the file of the access log. Does nothing without one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        self.access_log.as_ref().map_or(Ok(()), AccessLog::reopen)
    }
}

impl SessionListener for EventSink {
    fn on_session(&self, event: &SessionEvent<'_>) {
        self.emit(&ServerEvent::Session(event));
    }
}
