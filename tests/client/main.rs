//! The client against scripted and real servers.

mod credentials;
mod doctor;
mod download;
mod download_failures;
mod downloads;
mod export;
mod host;
mod http;
mod job;
mod job_states;
mod parallel;
mod proxy;
mod reader;
mod reply;
mod source;
mod squid;
mod state_file;
mod step;
mod stop;
mod tls;
