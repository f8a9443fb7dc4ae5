//! Credentials, and when they are told (PROTOCOL 2.2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ClientConfig;
use super::challenge::{AuthScheme, AuthTarget, Challenge, CredentialsSource, Offer, offers};
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers, names};

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

/// What must not be read by others: a token, or a private key. It is never formatted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for Secret {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A [`CredentialsSource`] for a configuration. A clone is the same source.
#[derive(Clone)]
pub struct SharedSource(Arc<dyn CredentialsSource>);

impl SharedSource {
    /// Shares a source.
    pub fn new(source: impl CredentialsSource + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl std::fmt::Debug for SharedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSource(..)")
    }
}

/// Answers the challenges of one side. Nothing is told before it is asked for, and after that with every
/// request, so that no fragment travels twice.
#[derive(Debug)]
pub(super) struct Answerer {
    target: AuthTarget,
    status: u16,
    challenge: &'static str,
    answer: &'static str,
    source: Option<SharedSource>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// What was set and not told yet, by scheme.
    fixed: Vec<(AuthScheme, Told)>,
    /// What is told with every request.
    told: Option<Told>,
}

/// The value of an `Authorization`; never formatted.
#[derive(Clone, PartialEq, Eq)]
struct Told(String);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told(..)")
    }
}

impl Answerer {
    /// For the server of the upload (401).
    ///
    /// Errors: [`Status::InvalidArgument`] when what is set cannot be told.
    pub fn server(config: &ClientConfig) -> Result<Self, Error> {
        let bearer = config.bearer_token.as_ref().map(|token| bearer(token.bytes())).transpose()?;
        let basic = config.credentials.as_ref().map(basic).transpose()?;
        Ok(Self {
            target: AuthTarget::Server,
            status: 401,
            challenge: names::WWW_AUTHENTICATE,
            answer: names::AUTHORIZATION,
            source: config.credentials_source.clone(),
            known: known(bearer, basic),
        })
    }

    /// For the proxy in between (407).
    ///
    /// Errors: [`Status::InvalidArgument`] when what is set cannot be told.
    pub fn proxy(config: &ClientConfig) -> Result<Self, Error> {
        let basic = config.proxy_credentials.as_ref().map(basic).transpose()?;
        Ok(Self {
            target: AuthTarget::Proxy,
            status: 407,
            challenge: names::PROXY_AUTHENTICATE,
            answer: names::PROXY_AUTHORIZATION,
            source: config.credentials_source.clone(),
            known: known(None, basic),
        })
    }

    /// The header field to send, once somebody asked.
    pub fn field(&self) -> Option<(&'static str, String)> {
        Some((self.answer, self.known().told.as_ref()?.0.clone()))
    }

    /// Takes a look at an answer; whether the request is worth repeating with other credentials than it had:
    /// some are asked for, in a scheme that is spoken here, and known (CLI-14, CLI-15). Not to be called again
    /// for the repeated request.
    ///
    /// Errors: [`Status::Unsupported`] when no scheme is that is spoken here; those of the source.
    pub fn is_answered(&self, status: u16, headers: &Headers) -> Result<bool, Error> {
        if status != self.status {
            return Ok(false);
        }
        let offers = offers(headers.all(self.challenge));
        let schemes: &[AuthScheme] = match self.target {
            AuthTarget::Server => &[AuthScheme::Bearer, AuthScheme::Basic],
            AuthTarget::Proxy => &[AuthScheme::Basic],
        };
        let mut is_spoken = false;
        for scheme in schemes {
            let is_of = |offer: &&Offer| offer.scheme.eq_ignore_ascii_case(scheme.name());
            let Some(offer) = offers.iter().find(is_of) else { continue };
            is_spoken = true;
            if let Some(value) = self.find(*scheme, &offer.realm)? {
                self.known().told = Some(value);
                return Ok(true);
            }
        }
        match is_spoken || offers.is_empty() {
            true => Ok(false),
            false => Err(self.unsupported(&offers)),
        }
    }

    /// What was set comes first, and once it was refused the source is asked.
    fn find(&self, scheme: AuthScheme, realm: &str) -> Result<Option<Told>, Error> {
        let fixed = self.known().take(scheme);
        if fixed.is_some() {
            return Ok(fixed);
        }
        let Some(SharedSource(source)) = &self.source else { return Ok(None) };
        let challenge = Challenge { target: self.target, scheme, realm: realm.to_owned() };
        let Some(credentials) = source.credentials(&challenge)? else { return Ok(None) };
        match scheme {
            AuthScheme::Basic => basic(&credentials),
            AuthScheme::Bearer => bearer(credentials.password.as_bytes()),
        }
        .map(Some)
    }

    fn unsupported(&self, offers: &[Offer]) -> Error {
        let offered: Vec<&str> = offers.iter().map(|offer| offer.scheme.as_str()).collect();
        let (who, spoken) = match self.target {
            AuthTarget::Server => ("server", "Basic and Bearer"),
            AuthTarget::Proxy => ("proxy", "Basic"),
        };
        let message = format!(
            "the {who} wants credentials by {}, and this version speaks {spoken} only; let the {who} offer that",
            offered.join(", ")
        );
        Error::new(Status::Unsupported, message)
            .with_http_status(self.status)
            .with_hresult(HResult::http(self.status))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take(&mut self, scheme: AuthScheme) -> Option<Told> {
        let at = self.fixed.iter().position(|(of, _)| *of == scheme)?;
        Some(self.fixed.swap_remove(at).1)
    }
}

fn known(bearer: Option<Told>, basic: Option<Told>) -> Mutex<Known> {
    let bearer = bearer.map(|value| (AuthScheme::Bearer, value));
    let fixed = bearer.into_iter().chain(basic.map(|value| (AuthScheme::Basic, value))).collect();
    Mutex::new(Known { fixed, told: None })
}

/// The value that tells a token.
fn bearer(token: &[u8]) -> Result<Told, Error> {
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Told(format!("Bearer {token}")))
        }
        _ => {
            let message = "a token that is empty, or has other than visible ASCII characters, cannot be told by \
                           the Bearer scheme; use another";
            Err(Error::new(Status::InvalidArgument, message))
        }
    }
}

/// The value that tells a name and a password.
fn basic(credentials: &Credentials) -> Result<Told, Error> {
    let Credentials { user, password } = credentials;
    if user.contains(':') || [user, password].iter().any(|text| text.contains(char::is_control)) {
        let message = "a user name with a colon, or credentials with control characters, cannot be told by the \
                       Basic scheme; use others";
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(Told(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn credentials() -> Credentials {
        Credentials { user: "Aladdin".into(), password: "open sesame".into() }
    }

    fn config() -> ClientConfig {
        ClientConfig { credentials: Some(credentials()), ..ClientConfig::default() }
    }

    fn challenge(value: &str) -> Headers {
        [(names::WWW_AUTHENTICATE, value)].into_iter().collect()
    }

    fn is_told(answerer: &Answerer, status: u16, value: &str) -> bool {
        answerer.is_answered(status, &challenge(value)).unwrap()
    }

    fn value(answerer: &Answerer) -> String {
        answerer.field().unwrap().1
    }

    #[test]
    fn they_are_told_when_asked_for_and_once_only() {
        let server = Answerer::server(&config()).unwrap();
        assert_eq!(server.field(), None);
        let basic = "Basic realm=\"a\"";
        assert!(!is_told(&server, 403, basic) && !is_told(&server, 407, basic));
        assert!(is_told(&server, 401, basic));
        assert_eq!(server.field(), Some(("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into())));
        assert!(!is_told(&server, 401, basic), "they were refused");
    }

    #[test]
    fn no_other_scheme_gets_to_know_them() {
        let server = Answerer::server(&config()).unwrap();
        for other in ["NTLM", "Negotiate", "Digest realm=\"basic\", qop=auth"] {
            let error = server.is_answered(401, &challenge(other)).unwrap_err();
            assert_eq!((error.status(), error.http_status()), (Status::Unsupported, Some(401)));
            assert!(error.message().contains(other.split(' ').next().unwrap()), "{error}");
        }
        assert!(!is_told(&server, 401, "") && !is_told(&server, 401, "Bearer"));
        assert_eq!(server.field(), None);
        assert!(is_told(&server, 401, "Negotiate, basic realm=\"x\""));
        let nobody = Answerer::server(&ClientConfig::default()).unwrap();
        assert!(!is_told(&nobody, 401, "Basic"));
    }

    /// Counts, and knows a new token each time.
    struct Tokens(AtomicUsize);

    impl CredentialsSource for Tokens {
        fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error> {
            assert_eq!((challenge.target, challenge.realm.as_str()), (AuthTarget::Server, "r"));
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let is_bearer = challenge.scheme == AuthScheme::Bearer;
            Ok(is_bearer.then(|| Credentials { user: String::new(), password: format!("t{number}") }))
        }
    }

    #[test]
    fn a_token_comes_before_a_password_and_a_source_after_what_was_set() {
        let source = Some(SharedSource::new(Tokens(AtomicUsize::new(1))));
        let config = ClientConfig { bearer_token: Some("t0".into()), credentials_source: source, ..config() };
        let server = Answerer::server(&config).unwrap();
        let both = "Basic realm=\"r\", Bearer realm=\"r\"";
        for expected in ["Bearer t0", "Bearer t1", "Bearer t2"] {
            assert!(is_told(&server, 401, both));
            assert_eq!(value(&server), expected);
        }
        assert!(is_told(&server, 401, "Basic realm=\"r\""));
        assert!(value(&server).starts_with("Basic "));
        assert!(!is_told(&server, 401, "Basic realm=\"r\""), "the source knows none");
    }

    #[test]
    fn what_a_scheme_cannot_tell_is_refused_and_no_secret_is_formatted() {
        for (user, password) in [("a:b", "c"), ("a", "b\nc"), ("a\r", "")] {
            let error = basic(&Credentials { user: user.into(), password: password.into() }).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
        for token in ["", "a b", "a\n", "\u{e9}"] {
            assert_eq!(bearer(token.as_bytes()).unwrap_err().status(), Status::InvalidArgument);
        }
        let config = ClientConfig { bearer_token: Some("sesame".into()), ..config() };
        let server = Answerer::server(&config).unwrap();
        assert!(is_told(&server, 401, "Bearer"));
        let text = format!("{:?} {config:?} {server:?}", credentials());
        assert!(!text.contains("sesame") && !text.contains("QWxh") && !text.contains("115"), "{text}");
    }
}
