//! Who asks for credentials, and how (RFC 9110, 11).

use crate::error::Error;

use super::Credentials;

/// Who asks for credentials. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum AuthTarget {
    /// The server of the upload (401).
    Server = 1,
    /// The proxy of the configuration (407).
    Proxy = 2,
}

/// How credentials are told. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum AuthScheme {
    /// A name and a password, readable for whoever reads the connection (RFC 7617).
    Basic = 1,
    /// A token, as readable (RFC 6750). Servers only.
    Bearer = 16,
}

impl AuthScheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
        }
    }
}

/// What somebody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// Who asks.
    pub target: AuthTarget,
    /// How to answer.
    pub scheme: AuthScheme,
    /// What the credentials are for, in the words of who asks; may be empty.
    pub realm: String,
}

/// Who knows credentials when they are asked for.
///
/// Threads: called on the thread of the job, for several jobs concurrently, with no lock of this library held.
pub trait CredentialsSource: Send + Sync {
    /// The credentials for a challenge; by the Bearer scheme, the token is the password and the name counts for
    /// nothing. `None`: there are none, and the refusal stands. Called once for every answer that asks, so again
    /// when what was told before has expired; a request that is refused with the new ones fails.
    ///
    /// Errors: those end the job.
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error>;
}

/// A scheme as a header field offers it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub scheme: String,
    pub realm: String,
}

/// The schemes that the values of a `WWW-Authenticate` or `Proxy-Authenticate` offer, in their order.
pub(super) fn offers<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Offer> {
    let mut offers = Vec::<Offer>::new();
    for value in values {
        for item in items(&String::from_utf8_lossy(value)) {
            let (name, rest) = item.split_at(item.find([' ', '\t', '=']).unwrap_or(item.len()));
            match (rest.trim_start().strip_prefix('='), offers.last_mut()) {
                (Some(value), Some(offer)) => offer.parameter(name, value),
                (Some(_), None) => {}
                (None, _) => {
                    let mut offer = Offer { scheme: name.into(), realm: String::new() };
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

impl Offer {
    fn parameter(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("realm") {
            self.realm = unquoted(value.trim());
        }
    }
}

/// What stands between commas, but for those within quotes.
fn items(value: &str) -> Vec<&str> {
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
        let offers = offers(values.iter().map(|value| value.as_bytes()));
        offers.into_iter().map(|offer| (offer.scheme, offer.realm)).collect()
    }

    #[test]
    fn a_challenge_is_a_scheme_and_its_realm() {
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
