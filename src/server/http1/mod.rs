//! HTTP/1.1: parsing request heads, encoding responses, and the state machine of a connection.

pub(crate) mod connection;
pub(crate) mod head;
pub(crate) mod idle_connections;
pub(crate) mod response;
