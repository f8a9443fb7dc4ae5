//! The application behind an engine: the traits it implements, and the calls of them.

pub(super) mod calls;
pub(super) mod event;
pub(super) mod hooks;
