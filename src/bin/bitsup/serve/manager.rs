//! Integration with systemd and compatible service managers: socket activation and state notifications.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use bitsup::{Error, Status};
use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::output;

/// The service manager that started the program, if any.
pub struct ServiceManager {
    listener: Option<(Arc<TcpListener>, SocketAddr)>,
    expects_notifications: bool,
}

impl ServiceManager {
    /// Reads the socket-activation variables such as `LISTEN_FDS` and removes them from the environment. Call it before
    /// another thread is started.
    ///
    /// # Errors
    ///
    /// Returns an error if there is more than one socket, or one that is not a TCP socket.
    pub fn from_env() -> Result<Self, Error> {
        let mut inherited = ListenFd::from_env();
        let wrong = |why: &str| {
            Error::new(Status::InvalidArgument, format!("invalid socket from the service manager: {why}"))
        };
        if inherited.len() > 1 {
            return Err(wrong("there is more than one; the unit may have only one ListenStream="));
        }
        let listener = inherited.take_tcp_listener(0).map_err(|error| wrong(&error.to_string()))?;
        let listener = listener
            .map(|listener| listener.local_addr().map(|address| (Arc::new(listener), address)))
            .transpose()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { listener, expects_notifications: env::var_os("NOTIFY_SOCKET").is_some() })
    }

    /// Returns whether the service manager expects state notifications.
    pub fn expects_notifications(&self) -> bool {
        self.expects_notifications
    }

    /// Returns the address of the inherited socket.
    pub fn listener(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(|(_, address)| *address)
    }

    /// Takes the inherited socket for the server.
    pub fn take_listener(&mut self) -> Option<Arc<TcpListener>> {
        self.listener.take().map(|(listener, _)| listener)
    }

    /// Notifies the service manager of a state. A failure is only a warning.
    pub fn notify(&self, state: NotifyState<'_>) {
        if self.expects_notifications
            && let Err(error) = sd_notify::notify(&[state])
        {
            output::warn(&format!("cannot notify the service manager: {error}"));
        }
    }
}
