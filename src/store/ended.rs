//! Remembers sessions that were closed or cancelled, for stores that keep this information in the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::EndedSession;
use crate::proto::SessionId;

/// How many sessions are remembered.
const CAPACITY: usize = 4096;

/// The sessions that ended last.
#[derive(Debug, Default)]
pub(super) struct EndedSessions(Mutex<EndedTable>);

#[derive(Debug, Default)]
struct EndedTable {
    sessions: HashMap<SessionId, EndedSession>,
    /// Oldest first.
    order: VecDeque<SessionId>,
}

impl EndedSessions {
    pub(super) fn insert(&self, id: SessionId, session: EndedSession) {
        let mut table = self.table();
        if table.sessions.insert(id, session).is_none() {
            table.order.push_back(id);
        }
        if table.order.len() > CAPACITY
            && let Some(oldest) = table.order.pop_front()
        {
            table.sessions.remove(&oldest);
        }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<EndedSession> {
        self.table().sessions.get(&id).copied()
    }

    fn table(&self) -> MutexGuard<'_, EndedTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::{Destination, SessionEnd, SessionPhase, SessionRecord};

    pub(in crate::store) fn record(number: u128) -> SessionRecord {
        SessionRecord {
            id: SessionId::from_u128(number),
            destination: Destination::from_url_path("/a").unwrap(),
            remote: None,
            url: None,
            query: None,
            owner: None,
            total: Some(1),
            created_ms: 0,
            phase: SessionPhase::Delivered,
            outcome: None,
        }
    }

    #[test]
    fn the_oldest_sessions_are_forgotten() {
        let sessions = EndedSessions::default();
        let ended = EndedSession { end: SessionEnd::Closed, identity: record(1).identity() };
        let id = |number: usize| SessionId::from_u128(number as u128);
        for number in 0..CAPACITY + 10 {
            sessions.insert(id(number), ended);
            sessions.insert(id(number), ended);
        }
        for (number, known) in [(0, false), (9, false), (10, true), (CAPACITY + 9, true)] {
            assert_eq!(sessions.get(id(number)).is_some(), known, "{number}");
        }
        assert_eq!(sessions.table().order.len(), CAPACITY);
    }

    #[test]
    fn the_identity_is_that_of_owner_and_url() {
        let first = record(1);
        let others = [
            SessionRecord { owner: Some("a".into()), ..first.clone() },
            SessionRecord { query: Some(String::new()), ..first.clone() },
            SessionRecord { remote: Some(Destination::from_url_path("/b").unwrap()), ..first.clone() },
        ];
        assert_eq!(first.identity(), record(2).identity());
        assert!(others.iter().all(|other| other.identity() != first.identity()));
        // Stored identities stay valid.
        assert_eq!(format!("{:032x}", first.identity()), "f844c2440049508bba7e32d99403a196");
    }
}
