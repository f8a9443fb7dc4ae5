//! Ping: accepted without a session lookup, and without restarting a session timer (PROTOCOL 4.3).

use crate::proto::Ack;

pub(super) fn ping() -> Ack {
    Ack::ok()
}
