//! Credentials, and the challenges they respond to (PROTOCOL 2.2; RFC 9110, 11).

mod challenge;
mod credentials;

pub use challenge::{AuthScheme, AuthTarget, Challenge, CredentialsSource, SharedCredentialsSource};
pub(super) use challenge::{OfferedScheme, offered_schemes};
pub use credentials::{Credentials, Secret};
