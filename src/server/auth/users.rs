//! The users of a server: who they are, and how they show it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::Path;

use ring::hmac;

use super::htpasswd;
use crate::error::{Error, Status};

/// Names and passwords of the users of a server, for the Basic scheme (RFC 7617). None, and nobody has to say
/// who they are.
#[derive(Clone, Default)]
pub struct Users {
    secrets: BTreeMap<String, UserSecret>,
}

#[derive(Clone)]
enum UserSecret {
    Password(String),
    /// A bcrypt hash and the binary logarithm of what it costs.
    Hash(String, u32),
}

impl Users {
    /// Adds a user. Whoever can look into the process can read the password; a file of hashes is better.
    ///
    /// Errors: [`Status::InvalidArgument`] for a name or a password that cannot be sent in the Basic scheme, and
    /// for a name that is there.
    pub fn add(&mut self, name: &str, password: &str) -> Result<(), Error> {
        let is_bad = |text: &str| text.is_empty() || text.contains(char::is_control);
        if is_bad(password) {
            return Err(invalid(format!("user `{name}`: the password is empty or has control characters")));
        }
        self.insert(name, UserSecret::Password(password.into())).map_err(invalid)
    }

    /// Adds the users of a file that `htpasswd -B` made.
    ///
    /// Errors: the file cannot be read, holds no user, or a hash other than bcrypt's; with path and line.
    pub fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
        let bytes = std::fs::read(path).map_err(failed)?;
        htpasswd::parse(&String::from_utf8_lossy(&bytes), |name, hash, cost| {
            self.insert(name, UserSecret::Hash(hash.into(), cost))
        })
        .map_err(|why| invalid(format!("{}{why}", path.display())))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    fn insert(&mut self, name: &str, secret: UserSecret) -> Result<(), String> {
        if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
            return Err(format!(
                "`{name}` is no user's name: it is empty, or has a colon or control characters"
            ));
        }
        match self.secrets.entry(name.to_owned()) {
            Entry::Occupied(_) => Err(format!("user `{name}` is there twice: one password each")),
            Entry::Vacant(place) => {
                place.insert(secret);
                Ok(())
            }
        }
    }

    /// Whether that is the user's password. It takes as long for a user who does not exist.
    pub(super) fn verify(&self, key: &hmac::Key, name: &str, password: &[u8]) -> bool {
        let hash = self.hash_to_check(name);
        let fits_hash = hash.is_some_and(|hash| bcrypt::verify(password, hash).unwrap_or(false));
        let right = match self.secrets.get(name) {
            Some(UserSecret::Hash(..)) => return fits_hash,
            Some(UserSecret::Password(right)) => right.as_str(),
            None => "",
        };
        // Two tags are compared instead of two passwords: that takes as long wherever they differ.
        let tag = hmac::sign(key, right.as_bytes());
        hmac::verify(key, password, tag.as_ref()).is_ok() && !right.is_empty()
    }

    /// The user's hash; for whoever has none the one that takes longest, for the time that it takes.
    fn hash_to_check(&self, name: &str) -> Option<&str> {
        match self.secrets.get(name) {
            Some(UserSecret::Hash(hash, _)) => Some(hash),
            _ => self.costliest_hash(),
        }
    }

    fn costliest_hash(&self) -> Option<&str> {
        let hashes = self.secrets.values().filter_map(|secret| match secret {
            UserSecret::Hash(hash, cost) => Some((cost, hash.as_str())),
            UserSecret::Password(_) => None,
        });
        hashes.max_by_key(|(cost, _)| *cost).map(|(_, hash)| hash)
    }
}

/// Names only.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, b"key")
    }

    fn hash(password: &str) -> String {
        bcrypt::hash(password, 4).unwrap()
    }

    #[test]
    fn a_password_is_that_of_its_user() {
        let mut users = Users::default();
        users.add("anna", "right").unwrap();
        users.insert("bert", UserSecret::Hash(hash("richtig"), 4)).unwrap();
        let verify = |name, password: &str| users.verify(&key(), name, password.as_bytes());
        assert!(verify("anna", "right") && verify("bert", "richtig"));
        for (name, password) in [
            ("anna", "wrong"),
            ("anna", ""),
            ("bert", "right"),
            ("bert", ""),
            ("carl", "right"),
            ("carl", ""),
        ] {
            assert!(!verify(name, password), "{name}:{password}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_no_user() {
        let mut users = Users::default();
        for (name, password) in [("", "x"), ("a:b", "x"), ("a\n", "x"), ("a", ""), ("a", "\0")] {
            assert_eq!(users.add(name, password).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        }
        assert!(users.is_empty());
        users.add("a", "x").unwrap();
        assert!(users.add("a", "y").unwrap_err().message().contains("twice"));
    }

    #[test]
    fn a_file_of_hashes_is_read_and_its_mistakes_are_named_by_line() {
        let read = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let mut users = Users::default();
            let outcome = users.add_file(file.path());
            let name = file.path().display().to_string();
            outcome.map(|()| users).map_err(|error| error.message().replacen(&name, "F", 1))
        };
        let bcrypt = hash("x");
        let users = read(&format!("# staff\r\n\nanna:{bcrypt}\r\nbert:{bcrypt}\n")).unwrap();
        assert_eq!(format!("{users:?}"), r#"{"anna", "bert"}"#);
        assert!(users.verify(&key(), "anna", b"x"));
        for (text, words) in [
            ("", "F: it names no user"),
            ("# nobody\n", "F: it names no user"),
            ("\nanna\n", "F:2: expected NAME:HASH"),
            ("anna:$apr1$abc$def\n", "F:1: user `anna`: only bcrypt is taken"),
            ("anna:$2y$05$short\n", "F:1: user `anna`: only bcrypt is taken"),
            (&format!("anna:{bcrypt}\nanna:{bcrypt}\n"), "F:2: user `anna` is there twice"),
            (&format!("anna:{}\n", bcrypt.replacen("$04$", "$31$", 1)), "F:1: user `anna`: a check would"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(words), "{error}");
            assert!(!error.contains("$apr1$") && !error.contains("$2"), "a hash is told: {error}");
        }
    }

    #[test]
    fn whoever_has_no_hash_is_checked_against_the_dearest() {
        let mut users = Users::default();
        users.add("plain", "x").unwrap();
        assert_eq!(users.hash_to_check("nobody"), None, "there is no hash that would tell them apart");
        let (cheap, dear) = (hash("x"), bcrypt::hash("x", 5).unwrap());
        users.insert("cheap", UserSecret::Hash(cheap.clone(), 4)).unwrap();
        users.insert("dear", UserSecret::Hash(dear.clone(), 5)).unwrap();
        users.insert("later", UserSecret::Hash(cheap.clone(), 4)).unwrap();
        for (name, hash) in [("cheap", &cheap), ("dear", &dear), ("plain", &dear), ("nobody", &dear)] {
            assert_eq!(users.hash_to_check(name), Some(hash.as_str()), "{name}");
        }
        assert!(!users.verify(&key(), "nobody", b"x"), "the password of another");
    }
}
