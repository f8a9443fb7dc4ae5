//! TLS and users: loaded at the start and again on SIGHUP.

use std::net::{SocketAddr, ToSocketAddrs};

use bitsup::server::{Pem, Server, TlsConfig, Users};
use bitsup::{Error, Status};

use super::access_log;
use super::args::{DirectoryArgs, Listen, ServerArgs};
use super::directory::Directory;
use crate::output;

/// Loads the TLS configuration, if TLS is enabled.
pub fn tls(args: &ServerArgs) -> Result<Option<TlsConfig>, Error> {
    let (certificates, key) = match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => (certificates, key),
        (None, None) if args.client_ca.is_none() => return Ok(None),
        (None, None) => return Err(invalid("client-ca requires tls-cert and tls-key")),
        (Some(_), None) => return Err(invalid("tls-cert requires tls-key, the file with its private key")),
        (None, Some(_)) => return Err(invalid("tls-key requires tls-cert, the file with its certificate")),
    };
    let client_ca = args.client_ca.as_deref().map(Pem::read).transpose()?;
    Ok(Some(TlsConfig::new(Pem::read(certificates)?, Pem::read(key)?).client_ca(client_ca)))
}

/// Loads the users.
pub fn users(args: &ServerArgs) -> Result<Users, Error> {
    let mut users = Users::default();
    for user in &args.user {
        let (name, password) = user.parts().ok_or_else(|| invalid("user: expected NAME:PASSWORD"))?;
        users.add(name, password)?;
    }
    if let Some(file) = &args.users_file {
        users.add_file(file)?;
    }
    Ok(users)
}

/// Rejects a configuration that other machines can reach without authentication, unless that is explicitly allowed.
pub fn require_authentication(args: &ServerArgs, inherited: Option<SocketAddr>) -> Result<(), Error> {
    let address = match inherited {
        Some(address) => Some(address).filter(is_remote),
        None => remote_address(&args.listen.clone().unwrap_or_default()),
    };
    match address {
        Some(address) if is_open(args) && !args.allow_anonymous => Err(invalid(&format!(
            "other machines can reach {address} without authentication: set --users-file or --client-ca, or \
             --allow-anonymous if everyone may upload"
        ))),
        _ => Ok(()),
    }
}

/// Rejects a remote admin address, which shows the names of all sessions and owners, unless it is explicitly allowed.
pub fn require_local_admin(args: &ServerArgs) -> Result<(), Error> {
    match args.admin.as_ref().and_then(remote_address) {
        Some(address) if !args.admin_allow_remote => Err(invalid(&format!(
            "other machines can reach the admin address {address}, which has no authentication: use a loopback \
             address, or set --admin-allow-remote"
        ))),
        _ => Ok(()),
    }
}

/// Rejects lists of users without authentication, because no request could match them.
pub fn require_users_for_lists(args: &ServerArgs, directories: &[Directory]) -> Result<(), Error> {
    let lists = |directory: &Directory| {
        let DirectoryArgs { allow_user, create_user, overwrite_user, .. } = &directory.args;
        ![allow_user, create_user, overwrite_user].iter().all(|list| list.is_empty())
    };
    if is_open(args) && directories.iter().any(lists) {
        return Err(invalid(
            "allow-user, create-user and overwrite-user require authentication: set users-file or client-ca",
        ));
    }
    Ok(())
}

/// Warns if other machines can reach a server without authentication or encryption.
pub fn warn_if_exposed(args: &ServerArgs, server: &Server) {
    let address = server.local_addr();
    if !is_remote(&address) {
        return;
    }
    if is_open(args) {
        output::warn(&format!("everyone who can reach {address} may upload"));
    } else if args.tls_cert.is_none() {
        output::warn(&format!(
            "passwords are sent to {address} unencrypted: set --tls-cert and --tls-key, or use a TLS proxy"
        ));
    }
}

/// Returns whether there is something to reload on SIGHUP. Otherwise the signal keeps its default action.
pub fn can_be_reloaded(args: &ServerArgs) -> bool {
    args.tls_cert.is_some() || args.users_file.is_some() || access_log::is_file(args)
}

/// Reloads certificates and users and reopens the access log. If one of them fails, the old one stays in use and a warning
/// is printed.
pub fn reload(args: &ServerArgs, server: &Server) {
    warn_if_failed("access log file", server.reopen_access_log());
    if args.tls_cert.is_some() {
        let outcome = tls(args).and_then(|tls| tls.map_or(Ok(()), |tls| server.reload_tls(&tls)));
        warn_if_failed("certificates", outcome);
    }
    if args.users_file.is_some() {
        warn_if_failed("users", users(args).and_then(|users| server.reload_users(users)));
    }
}

fn warn_if_failed(what: &str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        output::warn(&format!(
            "cannot reload the {what}; the previous version stays in use: {}",
            error.message()
        ));
    }
}

fn is_open(args: &ServerArgs) -> bool {
    args.user.is_empty() && args.users_file.is_none() && args.client_ca.is_none()
}

/// Returns the first resolved address that other machines can reach.
fn remote_address(listen: &Listen) -> Option<SocketAddr> {
    // A name that does not resolve is reported when it is bound.
    let addresses = (listen.host.as_str(), listen.port).to_socket_addrs().into_iter().flatten();
    addresses.into_iter().find(is_remote)
}

fn is_remote(address: &SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArgument, message)
}
