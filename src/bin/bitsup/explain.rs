//! `bitsup explain`: what a code means and what to do.

use bitsup::proto::HResult;
use bitsup::{Error, Status};

use crate::args::ExplainArgs;
use crate::report;

/// What is known of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code and its name.
    pub title: String,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Prints the explanation of a code.
pub fn run(args: &ExplainArgs) -> Result<(), Error> {
    let explanation = lookup(args.code.trim()).ok_or_else(|| {
        let message = format!(
            "nothing is known of {}; give an HRESULT such as 0x80200020 or an HTTP status",
            args.code
        );
        Error::new(Status::NotFound, message)
    })?;
    let Explanation { title, meaning, advice } = explanation;
    report::print(&format!("{title}\nmeaning: {meaning}\nwhat to do: {advice}"))
}

/// What is known of an HRESULT: its own entry, or that of the HTTP status in it.
pub fn hresult(code: HResult) -> Option<Explanation> {
    match (code.info(), code.http_status()) {
        (Some(info), _) => {
            Some(Explanation { title: code.to_string(), meaning: info.meaning, advice: info.advice })
        }
        (None, Some(status)) => {
            http_status(status).map(|explanation| Explanation { title: code.to_string(), ..explanation })
        }
        (None, None) => None,
    }
}

/// What is known of an HTTP status as an answer to an upload.
pub fn http_status(status: u16) -> Option<Explanation> {
    let (_, name, meaning, advice) = HTTP.iter().find(|(known, ..)| *known == status)?;
    Some(Explanation { title: format!("HTTP {status} {name}"), meaning, advice })
}

fn lookup(text: &str) -> Option<Explanation> {
    if let Some((named, _)) = HResult::known().find(|(_, info)| info.name.eq_ignore_ascii_case(text)) {
        return hresult(named);
    }
    if text.starts_with("0x") || text.starts_with("0X") {
        return hresult(HResult::from_wire(text)?);
    }
    let number = text.parse::<i64>().ok()?;
    match u16::try_from(number).ok().and_then(http_status) {
        Some(explanation) => Some(explanation),
        None => hresult(decimal(number)?),
    }
}

/// An HRESULT in decimal, as Windows prints it (signed) or as a tool counts it (unsigned).
fn decimal(number: i64) -> Option<HResult> {
    match i32::try_from(number) {
        Ok(signed) => Some(HResult(signed.cast_unsigned())),
        Err(_) => u32::try_from(number).ok().map(HResult),
    }
}

/// HTTP statuses as answers to BITS packets (PROTOCOL 3 and 6.6).
const HTTP: &[(u16, &str, &str, &str)] = &[
    (200, "OK", "the packet was accepted", "nothing"),
    (201, "Created", "the session was made; some servers say so instead of 200", "nothing"),
    (
        400,
        "Bad Request",
        "the packet breaks a rule of the protocol, or the destination is a directory",
        "check the URL: it names the file, not its folder; a proxy may have removed a header",
    ),
    (401, "Unauthorized", "the server wants credentials", "give the credentials that the server asks for"),
    (
        403,
        "Forbidden",
        "no permission, or the destination exists and may not be replaced",
        "use another destination, let the server allow overwrites, or ask for access",
    ),
    (
        404,
        "Not Found",
        "the destination's folder is not there, uploads are not enabled (IIS 7), or the file is too large (IIS 7)",
        "check the URL's folder, then the server's upload settings and request limit",
    ),
    (
        405,
        "Method Not Allowed",
        "what answers does not know the method BITS_POST",
        "check that the URL belongs to a BITS server and that no proxy answers in its place",
    ),
    (407, "Proxy Authentication Required", "the proxy wants credentials", "give the proxy's credentials"),
    (
        408,
        "Request Timeout",
        "the application behind the server, or a proxy, waited too long",
        "try again: the upload resumes",
    ),
    (
        409,
        "Conflict",
        "the destination exists and may not be replaced",
        "use another destination or let the server allow overwrites",
    ),
    (
        411,
        "Length Required",
        "the request came without Content-Length",
        "look for a proxy that turns requests into chunked ones",
    ),
    (
        413,
        "Content Too Large",
        "a proxy or the server limits the length of a request",
        "the client sends smaller fragments by itself; else raise the limit (nginx: client_max_body_size)",
    ),
    (
        416,
        "Range Not Satisfiable",
        "the fragment does not start where the server expects it; the Ack names the right offset",
        "nothing: the client goes on from that offset",
    ),
    (
        500,
        "Internal Server Error",
        "the server failed; the HRESULT beside it says why",
        "explain the HRESULT, or look at the server's log",
    ),
    (
        501,
        "Not Implemented",
        "uploads are switched off, or the server does not know BITS_POST",
        "switch uploads on for that directory",
    ),
    (
        502,
        "Bad Gateway",
        "a proxy does not reach the server",
        "look at the server behind the proxy; try again",
    ),
    (
        503,
        "Service Unavailable",
        "the server takes no more sessions now",
        "wait: the client tries again; else raise the server's session limits",
    ),
    (504, "Gateway Timeout", "the server did not answer the proxy in time", "try again: the upload resumes"),
    (
        505,
        "HTTP Version Not Supported",
        "something between client and server does not speak HTTP/1.1",
        "look for an old proxy; uploads need HTTP/1.1",
    ),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_hresult_in_every_notation() {
        let wanted = lookup("0x80200020").unwrap();
        assert_eq!(wanted.title, "0x80200020 BG_E_TOO_LARGE");
        for text in ["0X80200020", "-2145386464", "2149580832", "BG_E_TOO_LARGE", "bg_e_too_large"] {
            assert_eq!(lookup(text).as_ref(), Some(&wanted), "{text}");
        }
    }

    #[test]
    fn an_http_status_and_its_hresult_mean_the_same() {
        let status = lookup("416").unwrap();
        assert_eq!(status.title, "HTTP 416 Range Not Satisfiable");
        let hresult = lookup("0x801901A0").unwrap();
        assert_eq!(hresult.title, "0x801901A0 BG_E_HTTP_ERROR_416");
        assert_eq!((hresult.meaning, hresult.advice), (status.meaning, status.advice));
    }

    #[test]
    fn unknown_codes_are_unknown() {
        for text in ["", "0x", "0x12345678", "418", "99999999999", "-99999999999", "BG_E_NOPE", "0x801901A2"]
        {
            assert_eq!(lookup(text), None, "{text}");
        }
    }
}
