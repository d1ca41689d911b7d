//! What is asked of the allocator of the process.

#![allow(unsafe_code)] // a call of the C library

use pyo3::prelude::*;

/// Give the system what lies free between blocks in use.
///
/// The allocator of glibc gives back its end alone; what a moment's work leaves behind in the middle
/// stays resident for good. Others give back by themselves.
#[pyfunction]
pub(crate) fn give_back_free_memory(py: Python<'_>) {
    py.detach(|| {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: takes no pointer, and takes the locks of the allocator by itself.
        unsafe {
            libc::malloc_trim(0);
        }
    });
}
