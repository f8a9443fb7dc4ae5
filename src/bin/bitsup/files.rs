//! Files that options name.

use std::fs;
use std::path::Path;

use bitsup::Error;

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}
