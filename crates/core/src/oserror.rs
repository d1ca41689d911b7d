//! An operating system's fault as Python's `OSError`, with number, text and path.

use std::{io, path::PathBuf};

use pyo3::{PyErr, exceptions::PyOSError};

/// Say it in the system's own words, which Rust ends with the number.
pub(crate) fn os_error(errno: i32, error: &io::Error, path: PathBuf) -> PyErr {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    PyOSError::new_err((errno, text.to_owned(), path.into_os_string()))
}
