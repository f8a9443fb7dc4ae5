//! From a URL's path to a destination under the root.

/// Where a file goes: path segments below the store's root, decoded and safe to join.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination(Vec<String>);

/// Why a URL's path is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path names a directory: it is empty or ends with a slash.
    #[error("the URL names a directory, not a file")]
    Directory,
    /// A segment is not a plain name; the text says why.
    #[error("the URL's path is not allowed: {0}")]
    Unsafe(&'static str),
    /// The path leads into the store's own directory.
    #[error("the URL's path is reserved")]
    Reserved,
}

impl Destination {
    /// Reads the path of a request target: begins with `/`, percent-encoded.
    pub fn from_url_path(_path: &str) -> Result<Self, PathError> {
        unimplemented!()
    }

    /// The segments, the file's own name last; never empty.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<String> for Destination {
    type Error = PathError;
    fn try_from(_text: String) -> Result<Self, PathError> {
        unimplemented!()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.0.join("/")
    }
}
