//! Where events go: they are counted, and written down if somebody wants that.

use super::access_log::AccessLog;
use super::event::Event;
use super::metrics::Meters;
use crate::engine::{SessionEvent, SessionListener};
use crate::error::Error;

pub(super) struct Journal {
    pub metrics: Meters,
    log: Option<AccessLog>,
}

impl Journal {
    /// Errors: the metrics cannot be made.
    pub fn new(log: Option<AccessLog>) -> Result<Self, Error> {
        Ok(Self { metrics: Meters::new(log.as_ref())?, log })
    }

    pub fn tell(&self, event: &Event<'_>) {
        self.metrics.count(event);
        if let Some(log) = &self.log {
            log.write(event);
        }
    }

    /// Errors: the log's file cannot be opened.
    pub fn reopen(&self) -> Result<(), Error> {
        self.log.as_ref().map_or(Ok(()), AccessLog::reopen)
    }
}

impl SessionListener for Journal {
    fn on_session(&self, event: &SessionEvent<'_>) {
        self.tell(&Event::Session(event));
    }
}
