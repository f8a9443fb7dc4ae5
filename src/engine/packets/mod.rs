//! Handlers for the packets of the protocol, one file each, and their common code.

mod cancel_session;
mod close_session;
mod completion;
mod create_session;
pub(super) mod decision;
pub(super) mod dispatch;
mod end;
pub(super) mod fragment;
mod fragment_body;
mod lookup;
mod ping;
