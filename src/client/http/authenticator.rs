//! Responds to authentication challenges of the server or the proxy (PROTOCOL 2.2).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::auth::{
    AuthScheme, AuthTarget, Challenge, Credentials, OfferedScheme, SharedCredentialsSource, offered_schemes,
};
use crate::client::config::ClientConfig;
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers, names};

/// Responds to the challenges of the server or of the proxy.
///
/// Credentials are sent only after a challenge. From then on they are sent with every request, so that no fragment
/// has to be sent twice.
#[derive(Debug)]
pub(super) struct Authenticator {
    target: AuthTarget,
    status: u16,
    challenge_field: &'static str,
    response_field: &'static str,
    source: Option<SharedCredentialsSource>,
    cache: Mutex<AuthCache>,
}

#[derive(Debug)]
struct AuthCache {
    /// Configured credentials that have not been sent yet.
    unused: Vec<(AuthScheme, AuthHeader)>,
    /// The credentials that are sent with every request.
    current: Option<AuthHeader>,
}

/// The value of an `Authorization` or `Proxy-Authorization` field; `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
struct AuthHeader(String);

impl fmt::Debug for AuthHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthHeader(..)")
    }
}

impl Authenticator {
    /// Creates the authenticator for the server of the upload (401).
    ///
    /// Returns [`Status::InvalidArgument`] if the configured credentials cannot be sent.
    pub fn server(config: &ClientConfig) -> Result<Self, Error> {
        let bearer = config.bearer_token.as_ref().map(|token| bearer(token.bytes())).transpose()?;
        let basic = config.credentials.as_ref().map(basic).transpose()?;
        Ok(Self {
            target: AuthTarget::Server,
            status: 401,
            challenge_field: names::WWW_AUTHENTICATE,
            response_field: names::AUTHORIZATION,
            source: config.credentials_source.clone(),
            cache: AuthCache::new(bearer, basic),
        })
    }

    /// Creates the authenticator for the proxy (407).
    ///
    /// Returns [`Status::InvalidArgument`] if the configured credentials cannot be sent.
    pub fn proxy(config: &ClientConfig) -> Result<Self, Error> {
        let basic = config.proxy_credentials.as_ref().map(basic).transpose()?;
        Ok(Self {
            target: AuthTarget::Proxy,
            status: 407,
            challenge_field: names::PROXY_AUTHENTICATE,
            response_field: names::PROXY_AUTHORIZATION,
            source: config.credentials_source.clone(),
            cache: AuthCache::new(None, basic),
        })
    }

    /// The header field to send with every request; `None` before the first challenge.
    pub fn header(&self) -> Option<(&'static str, String)> {
        Some((self.response_field, self.cache().current.as_ref()?.0.clone()))
    }

    /// Processes a response. Returns whether it was a challenge for which there are credentials that the request did
    /// not have, so that the request is worth repeating (CLI-14, CLI-15). Must not be called for the repeated request.
    ///
    /// Returns [`Status::Unsupported`] if none of the offered schemes is supported, and errors of the
    /// [`super::CredentialsSource`].
    pub fn handle_challenge(&self, status: u16, headers: &Headers) -> Result<bool, Error> {
        if status != self.status {
            return Ok(false);
        }
        let offers = offered_schemes(headers.all(self.challenge_field));
        let supported: &[AuthScheme] = match self.target {
            AuthTarget::Server => &[AuthScheme::Bearer, AuthScheme::Basic],
            AuthTarget::Proxy => &[AuthScheme::Basic],
        };
        let mut is_supported = false;
        for scheme in supported {
            let is_of_scheme = |offer: &&OfferedScheme| offer.scheme.eq_ignore_ascii_case(scheme.name());
            let Some(offer) = offers.iter().find(is_of_scheme) else { continue };
            is_supported = true;
            if let Some(value) = self.next_credentials(*scheme, &offer.realm)? {
                self.cache().current = Some(value);
                return Ok(true);
            }
        }
        if is_supported || offers.is_empty() { Ok(false) } else { Err(self.unsupported(&offers)) }
    }

    /// The configured credentials the first time, then what the source returns.
    fn next_credentials(&self, scheme: AuthScheme, realm: &str) -> Result<Option<AuthHeader>, Error> {
        let configured = self.cache().take(scheme);
        if configured.is_some() {
            return Ok(configured);
        }
        let Some(source) = &self.source else { return Ok(None) };
        let challenge = Challenge { target: self.target, scheme, realm: realm.to_owned() };
        let Some(credentials) = source.credentials(&challenge)? else { return Ok(None) };
        match scheme {
            AuthScheme::Basic => basic(&credentials),
            AuthScheme::Bearer => bearer(credentials.password.as_bytes()),
        }
        .map(Some)
    }

    fn unsupported(&self, offers: &[OfferedScheme]) -> Error {
        let offered: Vec<&str> = offers.iter().map(|offer| offer.scheme.as_str()).collect();
        let (peer, supported) = match self.target {
            AuthTarget::Server => ("server", "Basic and Bearer"),
            AuthTarget::Proxy => ("proxy", "Basic"),
        };
        let message = format!(
            "the {peer} requires authentication by {}, but only {supported} can be used: enable that on the {peer}",
            offered.join(", ")
        );
        Error::new(Status::Unsupported, message)
            .with_http_status(self.status)
            .with_hresult(HResult::http(self.status))
    }

    fn cache(&self) -> MutexGuard<'_, AuthCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthCache {
    fn new(bearer: Option<AuthHeader>, basic: Option<AuthHeader>) -> Mutex<Self> {
        let bearer = bearer.map(|value| (AuthScheme::Bearer, value));
        let unused = bearer.into_iter().chain(basic.map(|value| (AuthScheme::Basic, value))).collect();
        Mutex::new(Self { unused, current: None })
    }

    fn take(&mut self, scheme: AuthScheme) -> Option<AuthHeader> {
        let at = self.unused.iter().position(|(of, _)| *of == scheme)?;
        Some(self.unused.swap_remove(at).1)
    }
}

fn bearer(token: &[u8]) -> Result<AuthHeader, Error> {
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(AuthHeader(format!("Bearer {token}")))
        }
        _ => {
            let message = "invalid bearer token: it must consist of visible ASCII characters";
            Err(Error::new(Status::InvalidArgument, message))
        }
    }
}

fn basic(credentials: &Credentials) -> Result<AuthHeader, Error> {
    let Credentials { user, password } = credentials;
    if user.contains(':') || [user, password].iter().any(|text| text.contains(char::is_control)) {
        let message = "invalid credentials: the user name must not contain a colon, and neither user name nor \
                       password may contain control characters";
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(AuthHeader(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::auth::CredentialsSource;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn credentials() -> Credentials {
        Credentials::new("Aladdin", "open sesame")
    }

    fn config() -> ClientConfig {
        ClientConfig::default().credentials(credentials())
    }

    fn challenge(value: &str) -> Headers {
        [(names::WWW_AUTHENTICATE, value)].into_iter().collect()
    }

    fn responds(authenticator: &Authenticator, status: u16, value: &str) -> bool {
        authenticator.handle_challenge(status, &challenge(value)).unwrap()
    }

    fn header_value(authenticator: &Authenticator) -> String {
        authenticator.header().unwrap().1
    }

    #[test]
    fn credentials_are_sent_after_a_challenge_and_only_once() {
        let server = Authenticator::server(&config()).unwrap();
        assert_eq!(server.header(), None);
        let basic = "Basic realm=\"a\"";
        assert!(!responds(&server, 403, basic) && !responds(&server, 407, basic));
        assert!(responds(&server, 401, basic));
        assert_eq!(server.header(), Some(("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into())));
        assert!(!responds(&server, 401, basic), "they were rejected");
    }

    #[test]
    fn credentials_are_not_sent_for_unsupported_schemes() {
        let server = Authenticator::server(&config()).unwrap();
        for other in ["NTLM", "Negotiate", "Digest realm=\"basic\", qop=auth"] {
            let error = server.handle_challenge(401, &challenge(other)).unwrap_err();
            assert_eq!((error.status(), error.http_status()), (Status::Unsupported, Some(401)));
            assert!(error.message().contains(other.split(' ').next().unwrap()), "{error}");
        }
        assert!(!responds(&server, 401, "") && !responds(&server, 401, "Bearer"));
        assert_eq!(server.header(), None);
        assert!(responds(&server, 401, "Negotiate, basic realm=\"x\""));
        let without = Authenticator::server(&ClientConfig::default()).unwrap();
        assert!(!responds(&without, 401, "Basic"));
    }

    /// Returns a new token for each challenge.
    struct Tokens(AtomicUsize);

    impl CredentialsSource for Tokens {
        fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error> {
            assert_eq!((challenge.target, challenge.realm.as_str()), (AuthTarget::Server, "r"));
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let is_bearer = challenge.scheme == AuthScheme::Bearer;
            Ok(is_bearer.then(|| Credentials::new(String::new(), format!("t{number}"))))
        }
    }

    #[test]
    fn a_token_precedes_a_password_and_both_precede_the_source() {
        let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
        let config = config().bearer_token("t0").credentials_source(source);
        let server = Authenticator::server(&config).unwrap();
        let both = "Basic realm=\"r\", Bearer realm=\"r\"";
        for expected in ["Bearer t0", "Bearer t1", "Bearer t2"] {
            assert!(responds(&server, 401, both));
            assert_eq!(header_value(&server), expected);
        }
        assert!(responds(&server, 401, "Basic realm=\"r\""));
        assert!(header_value(&server).starts_with("Basic "));
        assert!(!responds(&server, 401, "Basic realm=\"r\""), "the source has none");
    }

    #[test]
    fn invalid_credentials_are_rejected_and_secrets_are_not_formatted() {
        for (user, password) in [("a:b", "c"), ("a", "b\nc"), ("a\r", "")] {
            let error = basic(&Credentials::new(user, password)).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
        for token in ["", "a b", "a\n", "\u{e9}"] {
            assert_eq!(bearer(token.as_bytes()).unwrap_err().status(), Status::InvalidArgument);
        }
        let config = config().bearer_token("sesame");
        let server = Authenticator::server(&config).unwrap();
        assert!(responds(&server, 401, "Bearer"));
        let text = format!("{:?} {config:?} {server:?}", credentials());
        assert!(!text.contains("sesame") && !text.contains("QWxh") && !text.contains("115"), "{text}");
    }
}
