//! The few system calls that the standard library lacks, behind safe functions.

pub(crate) mod batch;
pub(crate) mod poller;
pub(crate) mod socket;

/// Looks until there is something: a busy kernel brings what was sent to loopback a moment later.
#[cfg(test)]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    use std::time::{Duration, Instant};

    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what}");
        std::thread::yield_now();
    }
}
