//! The file that Apache's `htpasswd` makes: a line `NAME:HASH` for each user.

use bcrypt::HashParts;

use super::{Secret, Users};

/// Highest cost of a hash, whose check takes some seconds. Each step doubles that.
const MAX_COST: u32 = 16;

/// Adds the users of a file.
///
/// Errors: what follows the file's name in a message: line and reason, never the hash.
pub(super) fn read(users: &mut Users, text: &str) -> Result<(), String> {
    let mut found = false;
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, hash) = line.split_once(':').ok_or(format!(":{number}: expected NAME:HASH"))?;
        let secret = secret(hash).map_err(|why| format!(":{number}: user `{name}`: {why}"))?;
        users.insert(name, secret).map_err(|why| format!(":{number}: {why}"))?;
        found = true;
    }
    if found { Ok(()) } else { Err(": it names no user: make one with `htpasswd -B`".into()) }
}

fn secret(hash: &str) -> Result<Secret, &'static str> {
    let is_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    let parts = hash.parse::<HashParts>().ok().filter(|_| is_bcrypt && hash.len() == 60);
    match parts.map(|parts| parts.get_cost()) {
        None => Err("only bcrypt is taken: make the hash with `htpasswd -B`"),
        Some(cost) if cost > MAX_COST => {
            Err("a check would take minutes: make the hash with `htpasswd -B -C 12`")
        }
        Some(cost) => Ok(Secret::Hash(hash.into(), cost)),
    }
}
