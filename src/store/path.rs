//! Converting a URL's path to a destination under the root.

use percent_encoding::percent_decode_str;

/// Maximum length of a path, in characters. It equals the maximum length of a client's URL.
const MAX_PATH_CHARS: usize = 2200;
/// Maximum length of a file name in common file systems, in bytes.
const MAX_SEGMENT_BYTES: usize = 255;

/// Where a file is delivered: path segments below the store's root, decoded and safe to join.
///
/// Every segment is a valid plain name on all common file systems, including those of Windows, so a destination that
/// one machine accepts names the same file on another.
///
/// # Examples
///
/// ```
/// use bitsup::store::Destination;
///
/// let destination = Destination::from_url_path("/reports/2026%20Q4.pdf")?;
/// assert_eq!(destination.segments(), ["reports", "2026 Q4.pdf"]);
/// assert!(Destination::from_url_path("/reports/..%2fsecret").is_err());
/// # Ok::<(), bitsup::store::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination(Vec<String>);

/// Why a URL's path is not a valid destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path names a directory: it is empty or ends with a slash.
    #[error("the URL names a directory, not a file")]
    Directory,
    /// A segment is not a plain name; the text gives the reason.
    #[error("the URL's path is not allowed: {0}")]
    Unsafe(&'static str),
    /// The path is inside the store's own directory.
    #[error("the URL's path is reserved")]
    Reserved,
}

impl Destination {
    /// Parses the percent-encoded path of a request target, which begins with `/`. Each segment is decoded once:
    /// `%2f` is not a separator, and `%252e` decodes to the name `%2e`.
    ///
    /// # Errors
    ///
    /// Returns an error if the path names a directory, contains a name that is not portable, or is reserved for the store.
    pub fn from_url_path(path: &str) -> Result<Self, PathError> {
        let below = path.strip_prefix('/').ok_or(PathError::Unsafe("it does not begin with a slash"))?;
        Self::from_segments(below, decode)
    }

    /// Returns the segments; the last one is the file's name. Never empty.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    fn from_segments(
        path: &str,
        read: impl Fn(&str) -> Result<String, PathError>,
    ) -> Result<Self, PathError> {
        if path.chars().count() >= MAX_PATH_CHARS {
            return Err(PathError::Unsafe("it is too long"));
        }
        if path.is_empty() || path.ends_with('/') {
            return Err(PathError::Directory);
        }
        let segments = path.split('/').map(read).collect::<Result<Vec<_>, _>>()?;
        segments.iter().try_for_each(|segment| check(segment))?;
        match segments.first() {
            Some(first) if is_reserved(first) => Err(PathError::Reserved),
            _ => Ok(Self(segments)),
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = PathError;

    /// Parses a destination that [`String::from`] wrote, such as `a/b.txt`. Nothing is decoded, but everything is
    /// checked again, because records can be edited.
    fn try_from(text: String) -> Result<Self, PathError> {
        Self::from_segments(&text, |segment| Ok(segment.to_owned()))
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.0.join("/")
    }
}

fn decode(segment: &str) -> Result<String, PathError> {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !segment.split('%').skip(1).all(is_escape) {
        return Err(PathError::Unsafe("a percent sign does not begin an escape"));
    }
    let text = percent_decode_str(segment).decode_utf8();
    text.map(String::from).map_err(|_| PathError::Unsafe("a name is not UTF-8"))
}

/// Checks that a decoded segment is a plain name.
fn check(segment: &str) -> Result<(), PathError> {
    let reason = match segment {
        "" => "a name is empty",
        "." | ".." => "a name is \".\" or \"..\"",
        _ if segment.len() > MAX_SEGMENT_BYTES => "a name is too long",
        _ if segment.contains(char::is_control) => "a name contains a control character",
        _ if segment.contains(['/', '\\']) => "a name contains an encoded slash or a backslash",
        // Drive letters and alternate data streams.
        _ if segment.contains(':') => "a name contains a colon",
        // Windows strips them, so two different names would be the same file.
        _ if segment.ends_with(['.', ' ']) => "a name ends with a dot or a space",
        _ if is_device(segment) => "a name is a reserved Windows device name",
        _ => return Ok(()),
    };
    Err(PathError::Unsafe(reason))
}

/// Returns whether Windows opens a device for this name, regardless of the extension.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end_matches(' ').to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = port.unwrap_or_default().chars();
    match (number.next(), number.next()) {
        (Some('0'..='9' | '¹' | '²' | '³'), None) => true,
        _ => matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"),
    }
}

/// Returns whether any file system could map the name to the store's own directory. Case-insensitive file systems
/// also fold `ſ` to `s`, and some ignore invisible characters, so only the ASCII characters after folding count.
fn is_reserved(first: &str) -> bool {
    first.to_uppercase().chars().filter(char::is_ascii).eq(".BITSUP".chars())
}
