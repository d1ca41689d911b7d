//! Descriptors that Python gives away.
#![allow(unsafe_code)] // a number becomes a descriptor with an owner, which no safe function does

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use crate::error::{Error, Result};

/// Takes a descriptor over.
pub(super) fn own(fd: RawFd) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(Error::value(format!("`{fd}`: not a descriptor")));
    }
    // SAFETY: the caller gives it away, as the description of `give_back` says, and uses it no more.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
