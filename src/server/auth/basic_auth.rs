//! Lets users in: by the Basic scheme, on every request.

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
/// How long a password that was right is taken without being checked again. A check is slow by intent, and a
/// fragment may come every few milliseconds.
const VERIFIED_FOR: Duration = Duration::from_secs(300);
/// How many checks run at a time: they cost nothing but processor time, of which uploads need some.
const STRIPES: usize = 4;

pub(crate) struct BasicAuth {
    /// Made at the start and never told: what it signs is worth nothing elsewhere.
    key: hmac::Key,
    table: RwLock<Arc<UserTable>>,
    stripes: [Mutex<()>; STRIPES],
    throttle: LoginThrottle,
}

/// Users, and who of them showed the right password lately. Both are replaced together.
struct UserTable {
    users: Users,
    verified: Mutex<HashMap<String, VerifiedUser>>,
}

struct VerifiedUser {
    tag: hmac::Tag,
    until: Instant,
}

impl BasicAuth {
    /// Errors: there are no users, or the system has no random numbers.
    pub fn new(users: Users) -> Result<Self, Error> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Error::new(Status::Io, "the system has no random numbers"))?;
        let table = RwLock::new(Arc::new(UserTable::new(users)?));
        Ok(Self { key, table, stripes: Default::default(), throttle: LoginThrottle::default() })
    }

    /// Other users, from the next request on. Nobody is verified any more.
    ///
    /// Errors: there are no users; the old ones stay.
    pub fn replace(&self, users: Users) -> Result<(), Error> {
        let table = Arc::new(UserTable::new(users)?);
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
        Ok(())
    }

    /// Who sent a request. May take as long as a check does.
    ///
    /// Errors: 401 with what is wanted; 503 for an address that guessed too often.
    pub fn check(&self, headers: &Headers, peer: IpAddr) -> Result<String, Fault> {
        let credentials = credentials(headers).ok_or_else(unauthorized)?;
        let (name, password) = credentials.split_once(':').ok_or_else(unauthorized)?;
        let table = Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        if table.is_verified(&self.key, name, &credentials) {
            return Ok(name.to_owned());
        }
        // Whoever has to wait anyway holds no worker meanwhile.
        self.throttle.check(peer, Instant::now()).map_err(throttled)?;
        let tag = hmac::sign(&self.key, credentials.as_bytes());
        let _stripe = self.stripe(&tag);
        // A fleet with one password comes at once: its first member was checked, and the others waited for that.
        if table.is_verified(&self.key, name, &credentials) {
            return Ok(name.to_owned());
        }
        self.throttle.begin_attempt(peer, Instant::now()).map_err(throttled)?;
        if !table.users.verify(&self.key, name, password.as_bytes()) {
            return Err(Fault { reason: "no such user, or another password", ..unauthorized() });
        }
        self.throttle.succeeded(peer);
        table.remember(name, tag);
        Ok(name.to_owned())
    }

    /// The same credentials always wait in the same stripe.
    fn stripe(&self, tag: &hmac::Tag) -> Option<MutexGuard<'_, ()>> {
        let number = tag.as_ref().first().map_or(0, |byte| usize::from(*byte) % STRIPES);
        self.stripes.get(number).map(|stripe| stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl UserTable {
    fn new(users: Users) -> Result<Self, Error> {
        match users.is_empty() {
            true => Err(Error::new(Status::InvalidArgument, "there are no users: nobody could get in")),
            false => Ok(Self { users, verified: Mutex::default() }),
        }
    }

    fn is_verified(&self, key: &hmac::Key, name: &str, credentials: &str) -> bool {
        let verified = self
            .lock()
            .get(name)
            .filter(|verified| Instant::now() < verified.until)
            .map(|verified| verified.tag);
        verified.is_some_and(|tag| hmac::verify(key, credentials.as_bytes(), tag.as_ref()).is_ok())
    }

    /// At most one for each user.
    fn remember(&self, name: &str, tag: hmac::Tag) {
        if let Some(until) = Instant::now().checked_add(VERIFIED_FOR) {
            self.lock().insert(name.to_owned(), VerifiedUser { tag, until });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VerifiedUser>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Name and password with the colon between, if the request has them and only once.
fn credentials(headers: &Headers) -> Option<String> {
    let mut fields = headers.all("Authorization");
    let field = std::str::from_utf8(fields.next()?).ok().filter(|_| fields.next().is_none())?;
    let (scheme, token) = field.split_once(' ')?;
    let bytes = STANDARD.decode(token.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("Basic"))?;
    String::from_utf8(bytes).ok()
}

fn unauthorized() -> Fault {
    Fault::unauthorized(CHALLENGE.into())
}

/// Not 401: the client is not to ask its user for another password, but to come back later.
fn throttled(left: Duration) -> Fault {
    let seconds = left.as_secs().saturating_add(1).try_into().unwrap_or(u32::MAX);
    Fault::unavailable("too many wrong passwords from that address", seconds)
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
    fn a_user_is_known_by_the_basic_scheme_in_any_case() {
        for _ in 0..2 {
            assert_eq!(check(&auth(), &[&basic("anna:a:b")]), Ok("anna".into()));
        }
        assert_eq!(check(&auth(), &[&basic("anna:a:b").replacen("Basic ", "bASIC  ", 1)]), Ok("anna".into()));
    }

    #[test]
    fn everything_else_is_asked_who_it_is() {
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
    fn whoever_guesses_waits_and_whoever_is_known_does_not() {
        let auth = auth();
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
        let mut answers = (0..12).map(|guess| check(&auth, &[&basic(&format!("anna:{guess}"))]));
        assert!(answers.by_ref().take(10).all(|answer| answer == Err(401)));
        assert!(answers.all(|answer| answer == Err(503)));
        assert!(check(&auth, &[&basic("anna:a:b")]).is_ok());
    }

    #[test]
    fn other_users_make_the_old_ones_unknown() {
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
