//! What systems do in different words: opening, reading at a place, the time of the last change and
//! that of a thread.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

/// Open a file to be read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A fifo that took the file's place would otherwise block until someone writes to it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

/// Fill `into` from the place `at` on.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

/// Fill `into` from the place `at` on. This moves the file's own place, which nothing here goes by.
#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                into = &mut into[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Memory of at least so much is worth large pages.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// Have the pages of much memory be large ones, of which a core looks up five hundred times fewer.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // a system call that the standard library has no word for
pub(crate) fn prefer_large_pages(bytes: &mut [u8]) {
    const PAGE: usize = 4 << 10;

    let from = bytes.as_ptr().align_offset(PAGE);
    let whole = bytes.len().saturating_sub(from) / PAGE * PAGE;
    if whole >= LARGE {
        // SAFETY: an advice about pages within these bytes; what is in them stays as it is.
        unsafe {
            libc::madvise(
                bytes[from..].as_mut_ptr().cast(),
                whole,
                libc::MADV_HUGEPAGE,
            )
        };
    }
}

/// Have the pages of much memory be large ones, where there is a way to ask for it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer_large_pages(_: &mut [u8]) {}

/// Whether a stretch of a file is a hole: nothing was ever written there, and all of it is zeros.
/// False where the system or the file system does not tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // a system call that the standard library has no word for
pub(crate) fn is_hole(file: &File, at: u64, length: u64) -> bool {
    use std::os::fd::AsRawFd;

    let (Ok(begin), Ok(end)) = (i64::try_from(at), i64::try_from(at + length)) else {
        return false;
    };
    // SAFETY: the descriptor is open, and its place is what nothing here goes by.
    let data = unsafe { libc::lseek64(file.as_raw_fd(), begin, libc::SEEK_DATA) };
    // That there is no data at all up to the end of the file is told as an error of its own.
    data >= end || (data < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_hole(_: &File, _: u64, _: u64) -> bool {
    false
}

/// Whether a file has less on the disk than its length.
#[cfg(unix)]
pub(crate) fn is_sparse(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512) < metadata.len()
}

#[cfg(not(unix))]
pub(crate) fn is_sparse(_: &Metadata) -> bool {
    false
}

/// How long this thread has run, without what others ran in its stead.
#[cfg(unix)]
#[allow(unsafe_code)] // a system call that the standard library has no word for
pub(crate) fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a place for what is asked for.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How long the process has run: the time of one thread alone is coarse here.
#[cfg(windows)]
pub(crate) fn thread_time() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed()
}

/// When a file was last changed, as a number that another change makes another: nanoseconds since
/// 1970, or units of 100 ns since 1601.
#[cfg(unix)]
pub(crate) fn changed(metadata: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;

    let seconds = metadata.mtime().wrapping_mul(1_000_000_000);
    seconds.wrapping_add(metadata.mtime_nsec())
}

#[cfg(windows)]
pub(crate) fn changed(metadata: &Metadata) -> i64 {
    std::os::windows::fs::MetadataExt::last_write_time(metadata) as i64
}
