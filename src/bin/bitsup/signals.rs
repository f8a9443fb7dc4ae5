//! SIGINT and SIGTERM.

use std::io;

use bitsup::Error;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// From here on SIGINT and SIGTERM no longer kill the process: they wait to be taken from the iterator.
pub fn catch() -> Result<Signals, Error> {
    Signals::new([SIGINT, SIGTERM]).map_err(|error: io::Error| Error::io("cannot catch signals", error))
}
