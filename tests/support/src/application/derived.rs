//! Replies derived from the uploaded file.

use std::fs;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::{Request, Response, pattern};

/// How the application receives the file and returns its reply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotifyMode {
    /// The file in the request, the reply in the response.
    Value,
    /// The file by its path, the reply in the response.
    Reference,
    /// Both by path.
    ReplyFile,
}

impl NotifyMode {
    pub const ALL: [Self; 3] = [Self::Value, Self::Reference, Self::ReplyFile];

    /// Returns the value of `--notify`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Reference | Self::ReplyFile => "reference",
        }
    }

    /// Responds 200 with a reply of this length that is derived from the file. Ignores a missing file: if the server
    /// was killed after its request, its successor may have removed it.
    pub fn respond(self, request: &Request, fields: &str, length: usize) -> Response {
        if self == Self::Value {
            return Response::computed(fields, move |file| derived(file, length));
        }
        let file = fs::read(request.get("BITS-Request-DataFile-Name").unwrap()).unwrap_or_default();
        let reply = derived(&file, length);
        match self {
            Self::ReplyFile => {
                let _ = fs::write(request.get("BITS-Response-DataFile-Name").unwrap(), reply);
                Response::new("200 OK", fields, b"")
            }
            Self::Value | Self::Reference => Response::new("200 OK", fields, &reply),
        }
    }
}

/// Returns `length` bytes: the SHA-256 of the file, then bytes that depend on their position.
pub fn derived(file: &[u8], length: usize) -> Vec<u8> {
    let mut reply = Sha256::digest(file).to_vec();
    pattern(length as u64).read_to_end(&mut reply).unwrap();
    reply.truncate(length);
    reply
}
