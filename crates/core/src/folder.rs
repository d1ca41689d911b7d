//! A folder's entries for Python with what the system knows of each, in one call.
//!
//! Python's own way makes an entry and a status an object each, and takes twice as long for a tree
//! of many small files as to hash them.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use pyo3::prelude::*;

use crate::error::{Error, Result};

/// Name, mode, device, inode, length and time of the last change in nanoseconds since 1970.
type Row = (OsString, u32, u64, u64, u64, i64);

/// List a folder in the byte order of its names; links are not followed.
#[pyfunction]
pub(crate) fn list_folder(py: Python<'_>, folder: PathBuf) -> Result<Vec<Row>> {
    py.detach(|| list(&folder))
        .map_err(|error| Error::system(&error, folder))
}

fn list(folder: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone since the folder was read, or out of reach: whoever asks for it shall be told.
        let (mode, device, inode, length, changed) = entry
            .metadata()
            .map_or((0, 0, 0, 0, 0), |metadata| status(&metadata));
        rows.push((entry.file_name(), mode, device, inode, length, changed));
    }
    rows.sort_unstable_by(|one, other| {
        let [one, other] = [one, other].map(|row| row.0.as_encoded_bytes());
        one.cmp(other)
    });
    Ok(rows)
}

#[cfg(unix)]
fn status(metadata: &Metadata) -> (u32, u64, u64, u64, i64) {
    use std::os::unix::fs::MetadataExt;

    const NANOSECONDS: i64 = 1_000_000_000;
    let changed = metadata.mtime().wrapping_mul(NANOSECONDS);
    let changed = changed.wrapping_add(metadata.mtime_nsec());
    let [device, inode] = [metadata.dev(), metadata.ino()];
    (metadata.mode(), device, inode, metadata.size(), changed)
}

/// Modes as Python's `stat` has them there. A folder is read without device and inode, which it
/// costs an open file to learn.
#[cfg(not(unix))]
fn status(metadata: &Metadata) -> (u32, u64, u64, u64, i64) {
    use std::time::UNIX_EPOCH;

    const FOLDER: u32 = 0o040_777;
    const LINK: u32 = 0o120_777;
    const FILE: u32 = 0o100_666;
    let kind = metadata.file_type();
    let mode = if kind.is_symlink() {
        LINK
    } else if kind.is_dir() {
        FOLDER
    } else {
        FILE
    };
    let changed = metadata.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.map_or(0, |since| since.as_nanos() as i64);
    (mode, 0, 0, metadata.len(), changed)
}
