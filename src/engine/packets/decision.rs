//! What to do with a request, decided by its head.

use super::fragment_body::{Completing, Receiving};
use crate::engine::response::Response;
use crate::proto::{Ack, Fault};

/// What to do with the body of a request.
pub(in crate::engine) enum Decision {
    /// Respond regardless of the body.
    Respond(Response),
    /// Store the body of a Fragment.
    Receive(Receiving),
    /// Skip the body of a Fragment whose upload has all its bytes, then complete the upload.
    Complete(Completing),
}

impl From<Result<Ack, Fault>> for Decision {
    fn from(result: Result<Ack, Fault>) -> Self {
        Self::Respond(match result {
            Ok(ack) => Response::ack(&ack),
            Err(fault) => Response::fault(&fault),
        })
    }
}
