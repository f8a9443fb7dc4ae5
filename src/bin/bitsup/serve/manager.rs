//! The service manager that started the program, if one did: systemd, or what speaks as it does.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use bitsup::{Error, Status};
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::report;

/// What it handed over, and where it wants to hear how things are.
pub struct Manager {
    listener: Option<(Arc<TcpListener>, SocketAddr)>,
    wants_to_hear: bool,
}

impl Manager {
    /// Reads `LISTEN_FDS` and its like, and removes them from the environment; call it before there is another
    /// thread.
    ///
    /// Errors: more than one socket, or one that is not for TCP.
    pub fn from_env() -> Result<Self, Error> {
        let mut handed = ListenFd::from_env();
        let wrong = |why: &str| {
            Error::new(Status::InvalidArgument, format!("the socket of the service manager: {why}"))
        };
        if handed.len() > 1 {
            return Err(wrong("there is more than one; give the unit one ListenStream= only"));
        }
        let listener = handed.take_tcp_listener(0).map_err(|error| wrong(&error.to_string()))?;
        let listener = listener
            .map(|listener| listener.local_addr().map(|address| (Arc::new(listener), address)))
            .transpose()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { listener, wants_to_hear: env::var_os("NOTIFY_SOCKET").is_some() })
    }

    /// Whether somebody wants to hear.
    pub fn is_there(&self) -> bool {
        self.wants_to_hear
    }

    /// Where the socket listens that was handed over.
    pub fn listener(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(|(_, address)| *address)
    }

    /// That socket, for the server.
    pub fn take_listener(&mut self) -> Option<Arc<TcpListener>> {
        self.listener.take().map(|(listener, _)| listener)
    }

    /// Says how things are. That nobody hears it is no reason to stop serving.
    pub fn tell(&self, state: NotifyState<'_>) {
        if self.wants_to_hear
            && let Err(error) = sd_notify::notify(&[state])
        {
            report::warn(&format!("the service manager does not hear: {error}"));
        }
    }
}
