//! Authentication of requests: by user name and password, or by the client's certificate.

pub(crate) mod basic_auth;
pub(crate) mod certificate_subject;
mod htpasswd;
mod login_throttle;
pub(crate) mod users;
