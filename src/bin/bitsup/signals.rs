//! Signal handling: SIGINT, SIGTERM, SIGHUP and SIGXFSZ.

use std::io;
use std::sync::Arc;

use bitsup::Error;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Catches SIGINT and SIGTERM. They no longer end the process but are delivered to the returned iterator.
pub fn catch() -> Result<Signals, Error> {
    Signals::new([SIGINT, SIGTERM]).map_err(|error: io::Error| Error::io("cannot catch signals", error))
}

/// Catches another signal and delivers it to the same iterator.
pub fn add(signals: &Signals, signal: i32) -> Result<(), Error> {
    signals.handle().add_signal(signal).map_err(|error| Error::io("cannot catch signals", error))
}

/// Catches SIGXFSZ, so that exceeding the file-size limit fails the write instead of ending the process. The client gets
/// an out-of-space error and other uploads continue.
pub fn survive_file_size_limit() -> Result<(), Error> {
    let caught = flag::register(SIGXFSZ, Arc::default());
    caught.map(drop).map_err(|error| Error::io("cannot catch signals", error))
}
