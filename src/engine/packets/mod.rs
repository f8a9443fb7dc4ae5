//! The packets of the protocol: a file for each, and what they have in common.

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
