//! Files named by options.

use std::fs;
use std::path::Path;

use bitsup::Error;

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}
