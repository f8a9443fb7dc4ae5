//! Authenticates every request by the Basic scheme (RFC 7617).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;

use super::login_throttle::LoginThrottle;
use super::users::Users;
use crate::error::{Error, Status};
use crate::proto::{Fault, Headers};

const CHALLENGE: &str = "Basic realm=\"bitsup\", charset=\"UTF-8\"";
/// How long verified credentials are accepted without another check. bcrypt is slow by design, and a client may send
/// a fragment every few milliseconds.
const VERIFIED_FOR: Duration = Duration::from_secs(300);
/// Maximum number of concurrent checks, so that they leave processor time for uploads.
const STRIPES: usize = 4;

/// Authenticates requests against a table of users.
pub(crate) struct BasicAuth {
    /// A random key of this process. Credentials are remembered as tags under this key only.
    key: hmac::Key,
    table: RwLock<Arc<UserTable>>,
    stripes: [Mutex<()>; STRIPES],
    throttle: LoginThrottle,
}

/// Users, and those verified recently. Both are replaced together.
struct UserTable {
    users: Users,
    verified: Mutex<HashMap<String, VerifiedUser>>,
}

struct VerifiedUser {
    tag: hmac::Tag,
    until: Instant,
}

impl BasicAuth {
    /// Creates an authenticator for `users`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if there are no users, [`Status::Io`] if the system has no random numbers.
    pub fn new(users: Users) -> Result<Self, Error> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Error::new(Status::Io, "cannot read random numbers from the system"))?;
        let table = RwLock::new(Arc::new(UserTable::new(users)?));
        Ok(Self { key, table, stripes: Default::default(), throttle: LoginThrottle::default() })
    }

    /// Replaces the users from the next request on and forgets verified credentials.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if there are no users; the old ones stay in use.
    pub fn replace(&self, users: Users) -> Result<(), Error> {
        let table = Arc::new(UserTable::new(users)?);
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
        Ok(())
    }

    /// Returns the user that sent a request. Blocks while it checks a password hash.
    ///
    /// # Errors
    ///
    /// 401 with a challenge if credentials are missing or wrong; 503 with `Retry-After` if the address failed too often.
    pub fn check(&self, headers: &Headers, peer: IpAddr) -> Result<String, Fault> {
        let credentials = credentials(headers).ok_or_else(unauthorized)?;
        let (name, password) = credentials.split_once(':').ok_or_else(unauthorized)?;
        let table = Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        if table.is_verified(&self.key, name, &credentials) {
            return Ok(name.to_owned());
        }
        // Reject a throttled address before it occupies a worker.
        self.throttle.check(peer, Instant::now()).map_err(throttled)?;
        let tag = hmac::sign(&self.key, credentials.as_bytes());
        let _stripe = self.stripe(&tag);
        // Many clients may share credentials and connect at once: the first was checked while the others waited.
        if table.is_verified(&self.key, name, &credentials) {
            return Ok(name.to_owned());
        }
        self.throttle.begin_attempt(peer, Instant::now()).map_err(throttled)?;
        if !table.users.verify(&self.key, name, password.as_bytes()) {
            return Err(Fault { reason: "wrong user name or password", ..unauthorized() });
        }
        self.throttle.succeeded(peer);
        table.remember(name, tag);
        Ok(name.to_owned())
    }

    /// Locks one of the stripes; equal credentials always use the same one.
    fn stripe(&self, tag: &hmac::Tag) -> Option<MutexGuard<'_, ()>> {
        let number = tag.as_ref().first().map_or(0, |byte| usize::from(*byte) % STRIPES);
        self.stripes.get(number).map(|stripe| stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl UserTable {
    fn new(users: Users) -> Result<Self, Error> {
        if users.is_empty() {
            return Err(Error::new(
                Status::InvalidArgument,
                "the list of users is empty: add at least one user",
            ));
        }
        Ok(Self { users, verified: Mutex::default() })
    }

    fn is_verified(&self, key: &hmac::Key, name: &str, credentials: &str) -> bool {
        let verified = self
            .lock()
            .get(name)
            .filter(|verified| Instant::now() < verified.until)
            .map(|verified| verified.tag);
        verified.is_some_and(|tag| hmac::verify(key, credentials.as_bytes(), tag.as_ref()).is_ok())
    }

    /// Remembers verified credentials, at most one per user.
    fn remember(&self, name: &str, tag: hmac::Tag) {
        if let Some(until) = Instant::now().checked_add(VERIFIED_FOR) {
            self.lock().insert(name.to_owned(), VerifiedUser { tag, until });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VerifiedUser>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the credentials `name:password`, if the request has exactly one `Authorization` field of the Basic scheme.
fn credentials(headers: &Headers) -> Option<String> {
    let mut fields = headers.all("Authorization");
    let field = std::str::from_utf8(fields.next()?).ok()?;
    let (scheme, token) = field.split_once(' ')?;
    if fields.next().is_some() || !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()
}

fn unauthorized() -> Fault {
    Fault::unauthorized(CHALLENGE.into())
}

/// 503 instead of 401, so that the client retries later instead of asking its user for another password.
fn throttled(left: Duration) -> Fault {
    // The longest delay is a minute.
    let seconds = left.as_secs().saturating_add(1).try_into().unwrap_or(u32::MAX);
    Fault::unavailable("too many failed logins from this address", seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn auth() -> BasicAuth {
        let mut users = Users::default();
        users.add("anna", "a:b").unwrap();
        BasicAuth::new(users).unwrap()
    }

    fn check(auth: &BasicAuth, fields: &[&str]) -> Result<String, u16> {
        let headers: Headers = fields.iter().map(|value| ("Authorization", value)).collect();
        auth.check(&headers, PEER).map_err(|fault| fault.status)
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for _ in 0..2 {
            assert_eq!(check(&auth(), &[&basic("anna:a:b")]), Ok("anna".into()));
        }
        assert_eq!(check(&auth(), &[&basic("anna:a:b").replacen("Basic ", "bASIC  ", 1)]), Ok("anna".into()));
    }

    #[test]
    fn other_credentials_get_401() {
        let right = basic("anna:a:b");
        for fields in [
            &[][..],
            &["Basic"],
            &["Basic !"],
            &[&right[6..]],
            &[&right.replacen("Basic", "Bearer", 1)],
            &[&right, &right],
            &[&basic("anna")],
            &[&basic("anna:a")],
            &[&basic(":a:b")],
            &[&basic("bert:a:b")],
            &["Basic /w=="],
        ] {
            assert_eq!(check(&auth(), fields), Err(401), "{fields:?}");
        }
    }

    #[test]
    fn guessing_is_throttled_but_verified_credentials_are_not() {
        let auth = auth();
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
        let mut responses = (0..12).map(|guess| check(&auth, &[&basic(&format!("anna:{guess}"))]));
        assert!(responses.by_ref().take(10).all(|response| response == Err(401)));
        assert!(responses.all(|response| response == Err(503)));
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
    }

    #[test]
    fn replacing_users_forgets_verified_credentials() {
        let auth = auth();
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
        assert!(auth.replace(Users::default()).is_err());
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
        let mut users = Users::default();
        users.add("anna", "new").unwrap();
        auth.replace(users).unwrap();
        assert_eq!(check(&auth, &[&basic("anna:a:b")]), Err(401));
        assert!(check(&auth, &[&basic("anna:new")]).is_ok());
    }
}
