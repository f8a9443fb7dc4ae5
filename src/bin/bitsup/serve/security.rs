//! TLS and users, as the options have them: read at the start, and again at SIGHUP.

use std::net::{SocketAddr, ToSocketAddrs};

use bitsup::server::{Pem, Server, TlsConfig, Users};
use bitsup::{Error, Status};

use super::access_log;
use super::args::{DirectoryArgs, Listen, ServerArgs};
use super::directory::Directory;
use crate::report;

/// With what to speak TLS, if it is to be spoken.
pub fn tls(args: &ServerArgs) -> Result<Option<TlsConfig>, Error> {
    let (certificates, key) = match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => (certificates, key),
        (None, None) if args.client_ca.is_none() => return Ok(None),
        (None, None) => return Err(invalid("client-ca needs tls-cert and tls-key: a server certificate")),
        (Some(_), None) => return Err(invalid("tls-cert needs tls-key, the file with its private key")),
        (None, Some(_)) => return Err(invalid("tls-key needs tls-cert, the file with its certificate")),
    };
    let client_ca = args.client_ca.as_deref().map(Pem::read).transpose()?;
    Ok(Some(TlsConfig { certificates: Pem::read(certificates)?, key: Pem::read(key)?, client_ca }))
}

/// Who may.
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

/// Where other machines reach the server, somebody must have decided who may.
pub fn refuse_strangers(args: &ServerArgs, inherited: Option<SocketAddr>) -> Result<(), Error> {
    let address = match inherited {
        Some(address) => Some(address).filter(is_reached_from_elsewhere),
        None => reached_from_elsewhere(&args.listen.clone().unwrap_or_default()),
    };
    match address {
        Some(address) if is_open(args) && !args.allow_anonymous => Err(invalid(&format!(
            "other machines can reach {address}, and nobody would have to say who they are: give --users-file or \
             --client-ca, or --allow-anonymous if everybody may upload"
        ))),
        _ => Ok(()),
    }
}

/// Whoever reaches the operators' address sees the names of all sessions and of their owners.
pub fn refuse_remote_operators(args: &ServerArgs) -> Result<(), Error> {
    match args.admin.as_ref().and_then(reached_from_elsewhere) {
        Some(address) if !args.admin_allow_remote => Err(invalid(&format!(
            "other machines can reach {address}, and admin asks nobody who they are: give it an address of \
             loopback, or say --admin-allow-remote"
        ))),
        _ => Ok(()),
    }
}

/// Lists of users are of no use where nobody says who they are: nobody would be on them.
pub fn refuse_lists_without_users(args: &ServerArgs, directories: &[Directory]) -> Result<(), Error> {
    let lists = |directory: &Directory| {
        let DirectoryArgs { allow_user, create_user, overwrite_user, .. } = &directory.args;
        ![allow_user, create_user, overwrite_user].iter().all(|list| list.is_empty())
    };
    match is_open(args) && directories.iter().any(lists) {
        true => Err(invalid(
            "allow-user, create-user and overwrite-user let nobody in while nobody says who they are: give \
             users-file or client-ca",
        )),
        false => Ok(()),
    }
}

/// Warns of what a server that others reach does not do.
pub fn warn(args: &ServerArgs, server: &Server) {
    let address = server.local_addr();
    if !is_reached_from_elsewhere(&address) {
        return;
    }
    if is_open(args) {
        report::warn(&format!("everybody who reaches {address} may upload"));
    } else if args.tls_cert.is_none() {
        report::warn(&format!(
            "passwords come to {address} in the clear: give --tls-cert and --tls-key, or let a proxy speak TLS"
        ));
    }
}

/// Whether SIGHUP has something to read anew; without, it does what it always does.
pub fn can_be_reloaded(args: &ServerArgs) -> bool {
    args.tls_cert.is_some() || args.users_file.is_some() || access_log::is_file(args)
}

/// Reads the files anew, and opens that of the access log. What is wrong with one of them is said, and what was
/// there before stays.
pub fn reload(args: &ServerArgs, server: &Server) {
    warn_of_the_old("file of the access log stays", server.reopen_access_log());
    if args.tls_cert.is_some() {
        let outcome = tls(args).and_then(|tls| tls.map_or(Ok(()), |tls| server.reload_tls(&tls)));
        warn_of_the_old("certificates stay", outcome);
    }
    if args.users_file.is_some() {
        warn_of_the_old("users stay", users(args).and_then(|users| server.reload_users(users)));
    }
}

fn warn_of_the_old(what: &str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        report::warn(&format!("the old {what} in use: {}", error.message()));
    }
}

fn is_open(args: &ServerArgs) -> bool {
    args.user.is_empty() && args.users_file.is_none() && args.client_ca.is_none()
}

/// The first of its addresses that is.
fn reached_from_elsewhere(listen: &Listen) -> Option<SocketAddr> {
    // What does not resolve is found out, and said, by whoever binds it.
    let addresses = (listen.host.as_str(), listen.port).to_socket_addrs().into_iter().flatten();
    addresses.into_iter().find(is_reached_from_elsewhere)
}

fn is_reached_from_elsewhere(address: &SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArgument, message)
}
