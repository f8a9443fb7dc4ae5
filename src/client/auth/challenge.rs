//! Authentication challenges of servers and proxies (RFC 9110, 11).

use std::fmt;
use std::sync::Arc;

use super::credentials::Credentials;
use crate::error::Error;

/// The side that requires credentials. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum AuthTarget {
    /// The server of the upload (401).
    Server = 1,
    /// The configured proxy (407).
    Proxy = 2,
}

/// How credentials are sent. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum AuthScheme {
    /// User name and password (RFC 7617). They are not encrypted: use https.
    Basic = 1,
    /// A token (RFC 6750), for servers only. It is not encrypted: use https.
    Bearer = 16,
}

impl AuthScheme {
    pub(in crate::client) fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
        }
    }
}

/// A request for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The side that requires the credentials.
    pub target: AuthTarget,
    /// The scheme by which the credentials will be sent.
    pub scheme: AuthScheme,
    /// What the credentials are for, as the server or proxy describes it; may be empty.
    pub realm: String,
}

/// Provides credentials on demand, for example from a prompt, a key store or a token endpoint.
///
/// It is called on the thread that runs the job, concurrently for several jobs, with no lock of this library
/// held.
///
/// # Examples
///
/// ```
/// use bitsup::client::{Challenge, ClientConfig, Credentials, CredentialsSource, SharedCredentialsSource};
/// use bitsup::Error;
///
/// struct Environment;
///
/// impl CredentialsSource for Environment {
///     fn credentials(&self, _: &Challenge) -> Result<Option<Credentials>, Error> {
///         let (user, password) = (std::env::var("UPLOAD_USER"), std::env::var("UPLOAD_PASSWORD"));
///         Ok(user.ok().zip(password.ok()).map(|(user, password)| Credentials::new(user, password)))
///     }
/// }
///
/// let config = ClientConfig::default().credentials_source(SharedCredentialsSource::new(Environment));
/// # let _ = config;
/// ```
pub trait CredentialsSource: Send + Sync {
    /// Returns credentials for a challenge, or `None` if there are none; then the request fails.
    ///
    /// For [`AuthScheme::Bearer`], the password is the token and the user name is ignored. The method is called once
    /// for every challenge, so it is called again when earlier credentials have expired. A request that is rejected
    /// with the new credentials fails.
    ///
    /// # Errors
    ///
    /// An error ends the run of the job.
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error>;
}

/// A [`CredentialsSource`] in a [`ClientConfig`](crate::client::ClientConfig). Clones share the source.
#[derive(Clone)]
pub struct SharedCredentialsSource(Arc<dyn CredentialsSource>);

impl SharedCredentialsSource {
    /// Wraps a source.
    pub fn new(source: impl CredentialsSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    pub(in crate::client) fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error> {
        self.0.credentials(challenge)
    }
}

impl fmt::Debug for SharedCredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedCredentialsSource(..)")
    }
}

/// A scheme that a challenge offers.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct OfferedScheme {
    pub scheme: String,
    pub realm: String,
}

/// Parses the values of `WWW-Authenticate` or `Proxy-Authenticate` fields: the offered schemes, in their order.
pub(in crate::client) fn offered_schemes<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<OfferedScheme> {
    let mut offers = Vec::<OfferedScheme>::new();
    for value in values {
        for item in list_items(&String::from_utf8_lossy(value)) {
            let (name, rest) = item.split_at(item.find([' ', '\t', '=']).unwrap_or(item.len()));
            match (rest.trim_start().strip_prefix('='), offers.last_mut()) {
                (Some(value), Some(offer)) => offer.parameter(name, value),
                (Some(_), None) => {}
                (None, _) => {
                    let mut offer = OfferedScheme { scheme: name.into(), realm: String::new() };
                    if let Some((name, value)) = rest.split_once('=') {
                        offer.parameter(name.trim(), value);
                    }
                    offers.push(offer);
                }
            }
        }
    }
    offers
}

impl OfferedScheme {
    fn parameter(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("realm") {
            self.realm = unquoted(value.trim());
        }
    }
}

/// Splits at commas outside of quotes.
fn list_items(value: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let split = value.split(move |c: char| {
        let plain = !std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && plain => escaped = true,
            '"' if plain => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    });
    split.map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.into() };
    let mut chars = inner.strip_suffix('"').unwrap_or(inner).chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Vec<(String, String)> {
        let offers = offered_schemes(values.iter().map(|value| value.as_bytes()));
        offers.into_iter().map(|offer| (offer.scheme, offer.realm)).collect()
    }

    #[test]
    fn a_challenge_is_parsed_into_schemes_and_realms() {
        type Case = (&'static [&'static str], &'static [(&'static str, &'static str)]);
        let cases: [Case; 9] = [
            (&["Basic realm=\"a\""], &[("Basic", "a")]),
            (&["basic"], &[("basic", "")]),
            (&["NTLM TlRMTVNTUAAC==", "Negotiate"], &[("NTLM", ""), ("Negotiate", "")]),
            (&["Basic realm=\"a, Digest b\", Bearer realm=x"], &[("Basic", "a, Digest b"), ("Bearer", "x")]),
            (
                &["Digest qop=\"auth\", realm = \"d\", nonce=\"n\", Basic charset=\"UTF-8\""],
                &[("Digest", "d"), ("Basic", "")],
            ),
            (&["Basic REALM=\"say \\\"hi\\\\\""], &[("Basic", "say \"hi\\")]),
            (&["", ",, ,"], &[]),
            (&["realm=\"nobody's\""], &[]),
            (&["Bearer realm=\"open"], &[("Bearer", "open")]),
        ];
        for (values, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(s, r)| ((*s).to_owned(), (*r).to_owned())).collect();
            assert_eq!(read(values), expected, "{values:?}");
        }
    }
}
