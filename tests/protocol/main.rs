//! The protocol: vectors, captures, the upload machine, and the machine against the engine in simulated time.

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
