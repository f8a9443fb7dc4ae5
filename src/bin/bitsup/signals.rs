//! SIGINT and SIGTERM, and SIGXFSZ.

use std::io;
use std::sync::Arc;

use bitsup::Error;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// From here on SIGINT and SIGTERM no longer kill the process: they wait to be taken from the iterator.
pub fn catch() -> Result<Signals, Error> {
    Signals::new([SIGINT, SIGTERM]).map_err(|error: io::Error| Error::io("cannot catch signals", error))
}

/// From here on that signal waits there as well.
pub fn add(signals: &Signals, signal: i32) -> Result<(), Error> {
    signals.handle().add_signal(signal).map_err(|error| Error::io("cannot catch signals", error))
}

/// From here on a file-size limit is an error of the write that meets it, and no longer kills the process: the
/// client hears that there is no space, and the other uploads go on.
pub fn survive_the_file_size_limit() -> Result<(), Error> {
    let caught = flag::register(SIGXFSZ, Arc::default());
    caught.map(drop).map_err(|error| Error::io("cannot catch signals", error))
}
