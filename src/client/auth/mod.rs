//! Credentials, and the challenges they respond to (PROTOCOL 2.2; RFC 9110, 11).

mod authenticator;
mod challenge;
mod credentials;

pub(super) use authenticator::Authenticator;
pub use challenge::{AuthScheme, AuthTarget, Challenge, CredentialsSource, SharedCredentialsSource};
pub use credentials::{Credentials, Secret};
