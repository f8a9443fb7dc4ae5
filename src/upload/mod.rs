//! The client half of the protocol as a state machine without I/O.
//!
//! [`UploadMachine`] says which request to send next; the caller sends it and reports the response, or the failure,
//! together with the current time. [`crate::client`] is the driver that does this over HTTP.
//!
//! | File | Contents |
//! |---|---|
//! | `machine` | [`UploadMachine`]: what to send next, and what a response changes |
//! | `action` | the types that `UploadMachine` and its driver exchange |
//! | `options` | settings of an upload |
//! | `classify` | the table that says what a response means |
//! | `fragment_sizer` | the length of the next fragment |
//! | `retry` | delays between attempts, and when to stop trying |
//! | `checkpoint` | the part of the state that survives the process |
//! | `destination` | validation of the destination URL |
//! | `session_host` | the server that a `BITS-Host-Id` names |

mod action;
mod checkpoint;
mod classify;
mod destination;
mod fragment_sizer;
mod machine;
mod options;
mod retry;
mod session_host;

pub use action::{Action, ReplyUrl, Trust, UploadRequest};
pub use checkpoint::ResumeState;
pub use classify::check_ping;
pub use machine::UploadMachine;
pub use options::{RetryPolicy, UploadOptions};
#[cfg(feature = "client")]
pub(crate) use retry::{RetryDecision, RetrySchedule, retries_exhausted};
