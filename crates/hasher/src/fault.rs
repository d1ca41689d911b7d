//! What can go wrong while hashing, with the facts a message needs.

use std::{fmt, io, path::PathBuf};

/// Why a job has no result.
#[derive(Debug)]
pub enum Fault {
    /// Opening or reading failed.
    Read { path: PathBuf, error: io::Error },
    /// The file is not what it was when its length was taken.
    Changed { path: PathBuf },
    /// No kernel of this name, or this CPU cannot run it.
    Kernel(String),
    /// The layout asked for is impossible.
    Plan(&'static str),
    /// `cancel` was called.
    Cancelled,
    /// A thread panicked or could not be started.
    Thread(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Changed { path } => write!(f, "{}: changed while it was read", path.display()),
            Self::Kernel(name) => write!(f, "{name}: not a kernel of this CPU"),
            Self::Plan(what) => f.write_str(what),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Thread(what) => write!(f, "hashing thread: {what}"),
        }
    }
}

impl std::error::Error for Fault {}
