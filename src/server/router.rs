//! Finds the engine of a request.

use crate::engine::Engine;
use crate::error::{Error, Status};
use crate::proto::Target;

/// Engines by URL prefix.
pub(crate) struct Router {
    /// Prefixes begin and end with `/`; the longest come first.
    mounts: Vec<(String, Engine)>,
}

impl Router {
    /// Creates a router.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] without mounts, for an invalid prefix, and for a prefix that is used twice.
    pub fn new(mounts: Vec<(String, Engine)>) -> Result<Self, Error> {
        if mounts.is_empty() {
            return Err(invalid("the server has no engine: mount one, for example at `/`".into()));
        }
        let mut normalised: Vec<(String, Engine)> = Vec::with_capacity(mounts.len());
        for (prefix, engine) in mounts {
            let prefix = url_prefix(&prefix)?;
            if normalised.iter().any(|(other, _)| *other == prefix) {
                return Err(invalid(format!(
                    "two engines are mounted at `{prefix}`: use a different prefix for each"
                )));
            }
            normalised.push((prefix, engine));
        }
        normalised.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self { mounts: normalised })
    }

    /// Returns the engine of a request target, its prefix, and the target relative to the prefix.
    pub fn find(&self, target: &str) -> Option<(&Engine, &str, String)> {
        let Target { path, query } = Target::parse(target)?;
        let (prefix, rest, engine) = self.mounts.iter().find_map(|(prefix, engine)| {
            path.strip_prefix(prefix.as_str()).map(|rest| (prefix, rest, engine))
        })?;
        let below = match query {
            Some(query) => format!("/{rest}?{query}"),
            None => format!("/{rest}"),
        };
        Some((engine, prefix, below))
    }

    /// Returns all engines with their prefixes.
    pub fn engines(&self) -> impl Iterator<Item = (&str, &Engine)> {
        self.mounts.iter().map(|(prefix, engine)| (prefix.as_str(), engine))
    }
}

/// Normalizes a URL prefix: `up`, `/up` and `/up/` all become `/up/`.
///
/// Prefixes are compared with request targets without decoding, so write them percent-encoded.
///
/// # Errors
///
/// [`Status::InvalidArgument`] if `prefix` is not a valid path, or has empty or dot segments.
///
/// # Examples
///
/// ```
/// assert_eq!(bitsup::server::url_prefix("up")?, "/up/");
/// # Ok::<(), bitsup::error::Error>(())
/// ```
pub fn url_prefix(prefix: &str) -> Result<String, Error> {
    if matches!(prefix, "" | "/") {
        return Ok("/".into());
    }
    let inner = prefix.strip_prefix('/').unwrap_or(prefix);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let segment_fits = |segment: &str| !matches!(segment, "" | "." | "..");
    let byte_fits = |byte: u8| byte.is_ascii_graphic() && !b"?#\\".contains(&byte);
    if !inner.split('/').all(segment_fits) || !inner.bytes().all(byte_fits) {
        return Err(invalid(format!(
            "invalid URL prefix `{prefix}`: use a path such as `/upload/`, percent-encoded, without empty or dot segments"
        )));
    }
    Ok(format!("/{inner}/"))
}

fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_begin_and_end_with_a_slash() {
        for (given, expected) in
            [("", "/"), ("/", "/"), ("up", "/up/"), ("/up", "/up/"), ("up/", "/up/"), ("/a/b/", "/a/b/")]
        {
            assert_eq!(url_prefix(given).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn invalid_prefixes_are_rejected() {
        for bad in ["//", "/a//b", "/../", "/a/./b", "/a?b", "/a#b", "/a b", "/ä", "\\a", "/a\n"] {
            assert_eq!(url_prefix(bad).unwrap_err().status(), Status::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn a_router_without_engines_is_rejected() {
        assert_eq!(Router::new(Vec::new()).err().map(|error| error.status()), Some(Status::InvalidArgument));
    }
}
