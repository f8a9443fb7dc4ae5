//! Tests of the protocol: vectors, captured exchanges, the upload machine, and simulations of client and server.

mod client_capture;
mod server_capture;
mod simulated_server_farm;
mod simulated_uploads;
mod simulation;
mod statements;
mod upload_failures;
mod upload_host;
mod upload_machine;
mod upload_properties;
mod upload_reply;
mod upload_script;
mod upload_sessions;
mod vectors;
