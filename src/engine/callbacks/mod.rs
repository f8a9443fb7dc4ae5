//! The traits that the host application implements, and the calls to them.

pub(super) mod calls;
pub(super) mod event;
pub(super) mod hooks;
