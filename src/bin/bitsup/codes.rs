//! The meaning of HRESULTs and HTTP statuses, and what to do about them.

use bitsup::proto::HResult;

/// The explanation of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code and its name.
    pub title: String,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Explains an HRESULT by its own entry or by that of the HTTP status that it contains.
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

/// Explains an HTTP status in response to an upload.
pub fn http_status(status: u16) -> Option<Explanation> {
    let (_, name, meaning, advice) = HTTP.iter().find(|(known, ..)| *known == status)?;
    Some(Explanation { title: format!("HTTP {status} {name}"), meaning, advice })
}

/// Finds the explanation of a code in any notation: hexadecimal or decimal HRESULT, HRESULT name, HTTP status.
pub fn lookup(text: &str) -> Option<Explanation> {
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

/// Converts a decimal HRESULT, signed as Windows prints it or unsigned.
fn decimal(number: i64) -> Option<HResult> {
    match i32::try_from(number) {
        Ok(signed) => Some(HResult(signed.cast_unsigned())),
        Err(_) => u32::try_from(number).ok().map(HResult),
    }
}

/// HTTP statuses in response to BITS packets (PROTOCOL 3 and 6.6).
const HTTP: &[(u16, &str, &str, &str)] = &[
    (200, "OK", "the packet was accepted", "nothing"),
    (201, "Created", "the session was created; some servers respond with 201 instead of 200", "nothing"),
    (
        400,
        "Bad Request",
        "the packet breaks a rule of the protocol, or the destination is a directory",
        "check that the URL names a file and not a folder, and that no proxy removes headers",
    ),
    (401, "Unauthorized", "the server requires credentials", "pass credentials with --user or --user-file"),
    (
        403,
        "Forbidden",
        "no permission, or the destination exists and may not be replaced",
        "use another destination, allow overwrites on the server, or ask for access",
    ),
    (
        404,
        "Not Found",
        "the destination's folder does not exist, uploads are not enabled (IIS 7), or the file is too large (IIS 7)",
        "check the URL's folder, then the server's upload settings and request limit",
    ),
    (
        405,
        "Method Not Allowed",
        "the responding server does not support the method BITS_POST",
        "check that the URL belongs to a BITS server and that no proxy responds in its place",
    ),
    (
        407,
        "Proxy Authentication Required",
        "the proxy requires credentials",
        "pass credentials with --proxy-user",
    ),
    (408, "Request Timeout", "the host application or a proxy timed out", "try again; the upload resumes"),
    (
        409,
        "Conflict",
        "the destination exists and may not be replaced",
        "use another destination or allow overwrites on the server",
    ),
    (
        411,
        "Length Required",
        "the request arrived without Content-Length",
        "look for a proxy that converts requests to chunked encoding",
    ),
    (
        413,
        "Content Too Large",
        "a proxy or the server limits the length of a request",
        "the client reduces its fragment size by itself; if that is not enough, raise the limit (nginx: client_max_body_size)",
    ),
    (
        416,
        "Range Not Satisfiable",
        "the fragment does not start where the server expects it; the Ack contains the expected offset",
        "nothing; the client continues from that offset",
    ),
    (
        500,
        "Internal Server Error",
        "the server failed; the HRESULT in the response gives the reason",
        "look up the HRESULT, or read the server's log",
    ),
    (
        501,
        "Not Implemented",
        "uploads are disabled, or the server does not support BITS_POST",
        "enable uploads for that directory",
    ),
    (
        502,
        "Bad Gateway",
        "a proxy cannot reach the server",
        "check the server behind the proxy, then try again",
    ),
    (
        503,
        "Service Unavailable",
        "the server accepts no more sessions at the moment",
        "wait; the client retries. If it persists, raise the server's session limits",
    ),
    (
        504,
        "Gateway Timeout",
        "the server did not respond to the proxy in time",
        "try again; the upload resumes",
    ),
    (
        505,
        "HTTP Version Not Supported",
        "a system between client and server does not support HTTP/1.1",
        "look for an old proxy; uploads require HTTP/1.1",
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
    fn unknown_codes_have_no_explanation() {
        for text in ["", "0x", "0x12345678", "418", "99999999999", "-99999999999", "BG_E_NOPE", "0x801901A2"]
        {
            assert_eq!(lookup(text), None, "{text}");
        }
    }
}
