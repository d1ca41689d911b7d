//! What is asked of the allocator of the process.

#![allow(unsafe_code)] // a call of the C library

/// Blocks above this are given back to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES_MIN: i32 = 128 * 1024;

/// Let large blocks be mapped for ever.
///
/// Tables that grow leave their old places behind. By default glibc raises the bound with each
/// large block that is freed, and soon keeps all of them.
pub(crate) fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number of the allocator, which does so under its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_MIN);
    }
}
