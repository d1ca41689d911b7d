//! What can go wrong in either crate, as the exceptions of Python: the one place that chooses them.

use std::{ffi::OsString, io};

use outpour_hasher::Fault;
use pyo3::{
    PyErr,
    exceptions::{PyOSError, PyRuntimeError, PyValueError},
};

pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) enum Error {
    /// An `OSError`: the system's number, if it has one, its text, and what it is about.
    System(Option<i32>, String, OsString),
    /// A `ValueError`: an argument that cannot be.
    Value(String),
    /// A `RuntimeError`: asked for at the wrong time, or given up.
    State(String),
    /// Python's own.
    Python(PyErr),
}

/// The number of a file that changed, as Python's `errno` has it.
#[cfg(not(windows))]
const STALE: i32 = libc::ESTALE;
#[cfg(windows)]
const STALE: i32 = 10070; // WSAESTALE

impl Error {
    /// Say it in the system's own words, which Rust ends with the number.
    pub(crate) fn system(error: &io::Error, about: impl Into<OsString>) -> Self {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Self::System(error.raw_os_error(), text.to_owned(), about.into())
    }

    pub(crate) fn value(text: impl Into<String>) -> Self {
        Self::Value(text.into())
    }

    pub(crate) fn state(text: impl Into<String>) -> Self {
        Self::State(text.into())
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            // There the number is one of Windows, which Python turns into an `errno` itself.
            #[cfg(windows)]
            Error::System(Some(number), text, about) if number != STALE => {
                PyOSError::new_err((0, text, about, number))
            }
            Error::System(number, text, about) => PyOSError::new_err((number, text, about)),
            Error::Value(text) => PyValueError::new_err(text),
            Error::State(text) => PyRuntimeError::new_err(text),
            Error::Python(error) => error,
        }
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Read { path, error } => Self::system(&error, path),
            Fault::Changed { path } => {
                let text = "changed while it was read".to_owned();
                Self::System(Some(STALE), text, path.into())
            }
            Fault::Kernel(_) | Fault::Plan(_) => Self::value(fault.to_string()),
            Fault::Cancelled | Fault::Thread(_) => Self::state(fault.to_string()),
        }
    }
}
