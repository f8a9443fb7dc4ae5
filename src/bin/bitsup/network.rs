//! Network options: credentials, certificates and proxies.

use std::env;
use std::path::{Path, PathBuf};

use bitsup::client::{
    AuthScheme, Challenge, ClientConfig, Credentials, CredentialsSource, Secret, SharedCredentialsSource,
};
use bitsup::{Error, Status};
use clap::Args;
use percent_encoding::percent_decode_str;

use crate::files;

/// Heading of the network options in the long help.
pub const NETWORK: &str = "Network";
/// Heading of the credential options in the long help.
const CREDENTIALS: &str = "Credentials and trust";

/// Network options, named as in curl where curl has them.
#[derive(Args)]
pub struct NetworkArgs {
    /// User name and password for the server; prompts for a missing password
    #[arg(long, help_heading = CREDENTIALS, value_name = "NAME[:PASSWORD]", conflicts_with = "user_file")]
    user: Option<String>,
    /// File with NAME:PASSWORD in its first line; unlike --user, not visible in the process list
    #[arg(long, value_name = "FILE", help_heading = CREDENTIALS, hide_short_help = true)]
    user_file: Option<PathBuf>,
    /// File with a bearer token in its first line; read again whenever the server requests credentials
    #[arg(long, value_name = "FILE", help_heading = CREDENTIALS, hide_short_help = true)]
    bearer_file: Option<PathBuf>,
    /// Additional root certificates in PEM format
    #[arg(long, value_name = "FILE", help_heading = CREDENTIALS)]
    cacert: Option<PathBuf>,
    /// Client certificate in PEM format
    #[arg(long, value_name = "FILE", help_heading = CREDENTIALS, hide_short_help = true)]
    cert: Option<PathBuf>,
    /// Private key of the client certificate, if it is in another file
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = CREDENTIALS, hide_short_help = true)]
    key: Option<PathBuf>,
    /// http or https proxy; "" for none [default: from the environment]
    #[arg(long, value_name = "URL", help_heading = NETWORK)]
    proxy: Option<String>,
    /// User name and password for the proxy; prompts for a missing password
    #[arg(long, help_heading = NETWORK, hide_short_help = true, value_name = "NAME[:PASSWORD]")]
    proxy_user: Option<String>,
}

impl NetworkArgs {
    /// Applies the options to the configuration of a client for `url`.
    pub fn apply(&self, config: &mut ClientConfig, url: &str) -> Result<(), Error> {
        config.credentials = match (&self.user, &self.user_file) {
            (Some(user), _) => Some(credentials(user)?),
            (None, Some(file)) => Some(credentials_from_file(file)?),
            (None, None) => None,
        };
        if let Some(file) = &self.bearer_file {
            first_line(file)?;
            config.credentials_source = Some(SharedCredentialsSource::new(TokenFile(file.clone())));
        }
        if let Some(file) = &self.cacert {
            config.root_certificates = files::read(file)?;
        }
        config.client_certificate = self.client_certificate()?;
        self.apply_proxy(config, url)
    }

    fn client_certificate(&self) -> Result<Option<Secret>, Error> {
        let Some(cert) = &self.cert else { return Ok(None) };
        let mut pem = files::read(cert)?;
        if let Some(key) = &self.key {
            pem.push(b'\n');
            pem.extend(files::read(key)?);
        }
        Ok(Some(pem.into()))
    }

    /// Sets the proxy from the command line or else from the environment.
    fn apply_proxy(&self, config: &mut ClientConfig, url: &str) -> Result<(), Error> {
        let proxy = self.proxy.clone().or_else(|| proxy_of_environment(url, variable));
        if let Some(proxy) = proxy.filter(|proxy| !proxy.is_empty()) {
            let (proxy, credentials) = split_credentials(&proxy);
            config.proxy = Some(proxy);
            config.proxy_credentials = credentials;
            config.no_proxy = no_proxy(variable);
        }
        if let Some(user) = &self.proxy_user {
            config.proxy_credentials = Some(credentials(user)?);
        }
        Ok(())
    }
}

/// Parses NAME:PASSWORD. Prompts for the password if only a name is given.
fn credentials(text: &str) -> Result<Credentials, Error> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, password.to_owned()),
        None => (text, ask_password(text)?),
    };
    Ok(Credentials::new(user, password))
}

fn ask_password(user: &str) -> Result<String, Error> {
    rpassword::prompt_password(format!("Password for {user}: ")).map_err(|error| {
        let message = format!("cannot prompt for the password of {user}: {error}; use --user-file");
        Error::new(Status::InvalidArgument, message)
    })
}

fn credentials_from_file(path: &Path) -> Result<Credentials, Error> {
    let line = first_line(path)?;
    let Some((user, password)) = line.split_once(':') else {
        let message = format!("the first line of {} is not NAME:PASSWORD", path.display());
        return Err(Error::new(Status::InvalidArgument, message));
    };
    Ok(Credentials::new(user, password))
}

fn first_line(path: &Path) -> Result<String, Error> {
    let text = String::from_utf8(files::read(path)?).unwrap_or_default();
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => {
            let message = format!("the first line of {} is empty or not UTF-8", path.display());
            Err(Error::new(Status::InvalidArgument, message))
        }
    }
}

/// A bearer token in a file that another program keeps up to date.
struct TokenFile(PathBuf);

impl CredentialsSource for TokenFile {
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error> {
        match challenge.scheme {
            AuthScheme::Bearer => {
                let password = first_line(&self.0)?.trim().to_owned();
                Ok(Some(Credentials::new(String::new(), password)))
            }
            _ => Ok(None),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads the proxy variables as curl does: that of the scheme, then that for all schemes. `HTTP_PROXY` is ignored, because
/// in CGI programs a request header sets it.
fn proxy_of_environment(url: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    let names: &[&str] = if is_https {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    names.iter().find_map(|name| variable(name))
}

fn no_proxy(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let list = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    list.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// Splits a proxy URL into the URL without credentials and the credentials. The scheme defaults to http.
fn split_credentials(proxy: &str) -> (String, Option<Credentials>) {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let Some((user, rest)) = rest.rsplit_once('@') else { return (format!("{scheme}://{rest}"), None) };
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let [user, password] =
        [user, password].map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    (format!("{scheme}://{rest}"), Some(Credentials::new(user, password)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn among<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let all = [("http_proxy", "a"), ("HTTPS_PROXY", "b"), ("ALL_PROXY", "c"), ("HTTP_PROXY", "evil")];
        for (from, url, expected) in [
            (0, "http://h/", Some("a")),
            (0, "HTTPS://h/", Some("b")),
            (2, "http://h/", Some("c")),
            (2, "https://h/", Some("c")),
            (3, "http://h/", None),
        ] {
            let found = proxy_of_environment(url, among(all.get(from..).unwrap()));
            assert_eq!(found.as_deref(), expected, "{url}");
        }
        assert_eq!(no_proxy(among(&[("NO_PROXY", "a, .b,,c")])), ["a", ".b", "c"]);
        assert!(no_proxy(among(&[])).is_empty());
    }

    #[test]
    fn a_proxy_url_may_have_credentials_and_no_scheme() {
        let known = |user: &str, password: &str| Some(Credentials::new(user, password));
        for (text, url, credentials) in [
            ("p:3128", "http://p:3128", None),
            ("https://p", "https://p", None),
            ("http://u:p%40ss@p:1/", "http://p:1/", known("u", "p@ss")),
            ("u@p", "http://p", known("u", "")),
        ] {
            assert_eq!(split_credentials(text), (url.to_owned(), credentials), "{text}");
        }
    }
}
