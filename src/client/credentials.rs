//! A name and a password, and when they are told (PROTOCOL 2.2).

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Status};
use crate::proto::{Headers, names};

/// A name and a password for HTTP's Basic scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name; without a colon.
    pub user: String,
    /// The password. It travels readably: use https, or a network that you trust.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the password: what is formatted ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Answers the challenges of one side. Nothing is told before it is asked for, and after that with every
/// request, so that no fragment travels twice.
#[derive(Debug)]
pub(super) struct Answerer {
    status: u16,
    challenge: &'static str,
    answer: &'static str,
    value: Option<String>,
    asked: AtomicBool,
}

impl Answerer {
    /// For the server of the upload (401).
    pub fn server(credentials: Option<&Credentials>) -> Result<Self, Error> {
        Self::new(401, names::WWW_AUTHENTICATE, names::AUTHORIZATION, credentials)
    }

    /// For the proxy in between (407).
    pub fn proxy(credentials: Option<&Credentials>) -> Result<Self, Error> {
        Self::new(407, names::PROXY_AUTHENTICATE, names::PROXY_AUTHORIZATION, credentials)
    }

    fn new(
        status: u16,
        challenge: &'static str,
        answer: &'static str,
        credentials: Option<&Credentials>,
    ) -> Result<Self, Error> {
        let value = credentials.map(basic).transpose()?;
        Ok(Self { status, challenge, answer, value, asked: AtomicBool::new(false) })
    }

    /// The header field to send, once somebody asked.
    pub fn field(&self) -> Option<(&'static str, &str)> {
        let value = self.value.as_deref().filter(|_| self.asked.load(Ordering::Relaxed))?;
        Some((self.answer, value))
    }

    /// Takes a look at an answer; whether the request is worth repeating with the credentials: they were
    /// asked for, in this scheme, and not told before (CLI-14, CLI-15).
    pub fn is_asked_now(&self, status: u16, headers: &Headers) -> bool {
        status == self.status
            && self.value.is_some()
            && headers.all(self.challenge).any(offers_basic)
            && !self.asked.swap(true, Ordering::Relaxed)
    }
}

/// The value that tells a name and a password.
fn basic(credentials: &Credentials) -> Result<String, Error> {
    let Credentials { user, password } = credentials;
    if user.contains(':') || [user, password].iter().any(|text| text.contains(char::is_control)) {
        let message = "a user name with a colon, or credentials with control characters, cannot be told by the \
                       Basic scheme; use others";
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// Whether a challenge names the scheme, alone or among others.
fn offers_basic(challenge: &[u8]) -> bool {
    let challenge = String::from_utf8_lossy(challenge);
    let mut schemes = challenge.split(',').filter_map(|part| part.split_whitespace().next());
    schemes.any(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials { user: "Aladdin".into(), password: "open sesame".into() }
    }

    fn challenge(value: &str) -> Headers {
        [(names::WWW_AUTHENTICATE, value)].into_iter().collect()
    }

    #[test]
    fn they_are_told_when_asked_for_and_once_only() {
        let server = Answerer::server(Some(&credentials())).unwrap();
        assert_eq!(server.field(), None);
        let basic = challenge("Basic realm=\"a\"");
        assert!(!server.is_asked_now(403, &basic) && !server.is_asked_now(407, &basic));
        assert!(server.is_asked_now(401, &basic));
        assert_eq!(server.field(), Some(("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
        assert!(!server.is_asked_now(401, &basic), "they were refused");
    }

    #[test]
    fn no_other_scheme_gets_to_know_them() {
        let server = Answerer::server(Some(&credentials())).unwrap();
        for other in ["NTLM", "Negotiate", "Digest realm=\"basic\"", ""] {
            assert!(!server.is_asked_now(401, &challenge(other)), "{other}");
        }
        assert!(server.is_asked_now(401, &challenge("Negotiate, basic realm=\"x\"")));
        let nobody = Answerer::server(None).unwrap();
        assert!(!nobody.is_asked_now(401, &challenge("Basic")));
    }

    #[test]
    fn what_the_scheme_cannot_tell_is_refused_and_the_password_is_never_formatted() {
        for (user, password) in [("a:b", "c"), ("a", "b\nc"), ("a\r", "")] {
            let error = basic(&Credentials { user: user.into(), password: password.into() }).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
        assert!(!format!("{:?}", credentials()).contains("sesame"));
    }
}
