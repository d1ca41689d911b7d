//! A folder's entries for Python with what the system knows of each, in one call.
//!
//! Python's own way makes an entry and a status an object each, and takes twice as long for a tree
//! of many small files as to hash them.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use pyo3::prelude::*;

use crate::oserror::os_error;

/// Name, mode, device, inode, length and time of the last change in nanoseconds since 1970.
type Row = (OsString, u32, u64, u64, u64, i64);

const NANOSECONDS: i64 = 1_000_000_000;

/// List a folder in the byte order of its names; links are not followed.
#[pyfunction]
pub(crate) fn list_folder(py: Python<'_>, folder: PathBuf) -> PyResult<Vec<Row>> {
    py.detach(|| list(&folder)).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or_default();
        os_error(errno, &error, folder)
    })
}

fn list(folder: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone since the folder was read, or out of reach: whoever asks for it shall be told.
        let (mode, device, inode, length, changed) = entry.metadata().map_or_else(
            |_| (0, 0, 0, 0, 0),
            |it| {
                let changed = it.mtime().wrapping_mul(NANOSECONDS);
                let changed = changed.wrapping_add(it.mtime_nsec());
                (it.mode(), it.dev(), it.ino(), it.size(), changed)
            },
        );
        rows.push((entry.file_name(), mode, device, inode, length, changed));
    }
    rows.sort_unstable_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
    Ok(rows)
}
