//! Parses the files of Apache's `htpasswd`: one line `NAME:HASH` per user.

use bcrypt::HashParts;

/// Maximum bcrypt cost, whose check takes some seconds. Each step doubles the time.
const MAX_COST: u32 = 16;

/// Parses the text of a file and passes name, bcrypt hash and cost of each user to `add`.
///
/// # Errors
///
/// Fails at the first bad line, and if there is no user. The error continues a message that begins with the file's
/// name: it gives line and reason, never the hash.
pub(super) fn parse(
    text: &str,
    mut add: impl FnMut(&str, &str, u32) -> Result<(), String>,
) -> Result<(), String> {
    let mut found = false;
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, hash) = line.split_once(':').ok_or(format!(":{number}: expected NAME:HASH"))?;
        let cost = bcrypt_cost(hash).map_err(|why| format!(":{number}: user `{name}`: {why}"))?;
        add(name, hash, cost).map_err(|why| format!(":{number}: {why}"))?;
        found = true;
    }
    if found { Ok(()) } else { Err(": contains no users: create one with `htpasswd -B`".into()) }
}

/// Returns the cost of a bcrypt hash.
fn bcrypt_cost(hash: &str) -> Result<u32, &'static str> {
    let is_bcrypt =
        hash.len() == 60 && ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    let parts = if is_bcrypt { hash.parse::<HashParts>().ok() } else { None };
    match parts.map(|parts| parts.get_cost()) {
        None => Err("only bcrypt hashes are supported: create the hash with `htpasswd -B`"),
        Some(cost) if cost > MAX_COST => {
            Err("checking this hash would take minutes: create it with `htpasswd -B -C 12`")
        }
        Some(cost) => Ok(cost),
    }
}
