//! Values that must not appear in logs.

use std::fmt;

/// User name and password for the Basic scheme.
///
/// The Basic scheme does not encrypt them: use https, or a network that you trust.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// User name, without a colon.
    pub user: String,
    /// Password.
    pub password: String,
}

impl Credentials {
    /// Creates credentials.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }
}

impl fmt::Debug for Credentials {
    /// Leaves out the password, because formatted values end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A secret, such as a token or a private key. `Debug` does not print its value.
///
/// # Examples
///
/// ```
/// use bitsup::client::Secret;
///
/// let token = Secret::from("sesame");
/// assert_eq!(format!("{token:?}"), "Secret(..)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub(in crate::client) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for Secret {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
