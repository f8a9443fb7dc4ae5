//! The users of a server and their passwords.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::Path;

use ring::hmac;

use super::htpasswd;
use crate::error::{Error, Status};

/// The users of a server and their passwords, for the Basic scheme (RFC 7617).
///
/// Without users the server does not require credentials. The `Debug` output contains only names.
///
/// # Examples
///
/// ```
/// use bitsup::server::Users;
///
/// let mut users = Users::default();
/// users.add("anna", "secret")?;
/// assert!(!users.is_empty());
/// # Ok::<(), bitsup::error::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Users {
    secrets: BTreeMap<String, UserSecret>,
}

#[derive(Clone)]
enum UserSecret {
    Password(String),
    /// A bcrypt hash and its cost.
    Hash(String, u32),
}

impl Users {
    /// Adds a user with a password.
    ///
    /// The password stays readable in the memory of the process; prefer [`Self::add_file`].
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the user exists, or if the name or password is empty or cannot be sent in the
    /// Basic scheme.
    pub fn add(&mut self, name: &str, password: &str) -> Result<(), Error> {
        let is_bad = |text: &str| text.is_empty() || text.contains(char::is_control);
        if is_bad(password) {
            return Err(invalid(format!(
                "user `{name}`: the password is empty or contains control characters"
            )));
        }
        self.insert(name, UserSecret::Password(password.into())).map_err(invalid)
    }

    /// Adds the users of a file created by `htpasswd -B`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the file contains no users, a hash other than bcrypt, or a user that was already
    /// added; the message gives path and line. Also fails if the file cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
        let bytes = std::fs::read(path).map_err(failed)?;
        htpasswd::parse(&String::from_utf8_lossy(&bytes), |name, hash, cost| {
            self.insert(name, UserSecret::Hash(hash.into(), cost))
        })
        .map_err(|why| invalid(format!("{}{why}", path.display())))
    }

    /// Returns whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    fn insert(&mut self, name: &str, secret: UserSecret) -> Result<(), String> {
        if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
            return Err(format!(
                "invalid user name `{name}`: it is empty or contains a colon or control characters"
            ));
        }
        match self.secrets.entry(name.to_owned()) {
            Entry::Occupied(_) => Err(format!("duplicate user `{name}`: remove one of the entries")),
            Entry::Vacant(entry) => {
                entry.insert(secret);
                Ok(())
            }
        }
    }

    /// Returns whether the password is correct. Takes the same time for a user that does not exist.
    pub(super) fn verify(&self, key: &hmac::Key, name: &str, password: &[u8]) -> bool {
        let hash = self.hash_to_check(name);
        let fits_hash = hash.is_some_and(|hash| bcrypt::verify(password, hash).unwrap_or(false));
        let right = match self.secrets.get(name) {
            Some(UserSecret::Hash(..)) => return fits_hash,
            Some(UserSecret::Password(right)) => right.as_str(),
            None => "",
        };
        // Comparing tags takes the same time wherever the passwords differ.
        let tag = hmac::sign(key, right.as_bytes());
        hmac::verify(key, password, tag.as_ref()).is_ok() && !right.is_empty()
    }

    /// Returns the user's hash, or the costliest hash for other users, so that the time does not reveal who exists.
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
    fn a_password_is_accepted_for_its_user_only() {
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
    fn names_and_passwords_that_cannot_be_sent_are_rejected() {
        let mut users = Users::default();
        for (name, password) in [("", "x"), ("a:b", "x"), ("a\n", "x"), ("a", ""), ("a", "\0")] {
            assert_eq!(users.add(name, password).unwrap_err().status(), Status::InvalidArgument, "{name:?}");
        }
        assert!(users.is_empty());
        users.add("a", "x").unwrap();
        assert!(users.add("a", "y").unwrap_err().message().contains("duplicate"));
    }

    #[test]
    fn errors_in_a_password_file_give_the_line() {
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
            ("", "F: contains no users"),
            ("# nobody\n", "F: contains no users"),
            ("\nanna\n", "F:2: expected NAME:HASH"),
            ("anna:$apr1$abc$def\n", "F:1: user `anna`: only bcrypt hashes are supported"),
            ("anna:$2y$05$short\n", "F:1: user `anna`: only bcrypt hashes are supported"),
            (&format!("anna:{bcrypt}\nanna:{bcrypt}\n"), "F:2: duplicate user `anna`"),
            (
                &format!("anna:{}\n", bcrypt.replacen("$04$", "$31$", 1)),
                "F:1: user `anna`: checking this hash would",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(words), "{error}");
            assert!(
                !error.contains("$apr1$") && !error.contains("$2"),
                "the message contains a hash: {error}"
            );
        }
    }

    #[test]
    fn users_without_a_hash_are_checked_against_the_costliest() {
        let mut users = Users::default();
        users.add("plain", "x").unwrap();
        assert_eq!(
            users.hash_to_check("nobody"),
            None,
            "there are no hashes, so that the time reveals nothing"
        );
        let (cheap, dear) = (hash("x"), bcrypt::hash("x", 5).unwrap());
        users.insert("cheap", UserSecret::Hash(cheap.clone(), 4)).unwrap();
        users.insert("dear", UserSecret::Hash(dear.clone(), 5)).unwrap();
        users.insert("later", UserSecret::Hash(cheap.clone(), 4)).unwrap();
        for (name, hash) in [("cheap", &cheap), ("dear", &dear), ("plain", &dear), ("nobody", &dear)] {
            assert_eq!(users.hash_to_check(name), Some(hash.as_str()), "{name}");
        }
        assert!(!users.verify(&key(), "nobody", b"x"), "the password of another user");
    }
}
