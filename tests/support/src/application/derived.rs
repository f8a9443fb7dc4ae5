//! Replies that prove which file they answer.

use std::fs;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::{Request, Response, pattern};

/// How the file gets to the application, and its reply back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// The file in the request, the reply in the answer.
    Value,
    /// The file by its path, the reply in the answer.
    Reference,
    /// Both by their paths.
    ReplyFile,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Value, Self::Reference, Self::ReplyFile];

    /// The value of `--notify`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Reference | Self::ReplyFile => "reference",
        }
    }

    /// 200, and a reply of that length that is derived from the file. A server that asked and was killed may
    /// have a successor who is done with the file; then nobody hears the answer.
    pub fn answer(self, request: &Request, fields: &str, length: usize) -> Response {
        if self == Self::Value {
            return Response::made(fields, move |file| derived(file, length));
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

/// `length` bytes: the SHA-256 of the file, and then bytes that tell their position.
pub fn derived(file: &[u8], length: usize) -> Vec<u8> {
    let mut reply = Sha256::digest(file).to_vec();
    pattern(length as u64).read_to_end(&mut reply).unwrap();
    reply.truncate(length);
    reply
}
