//! The threads of a tracker, none of which ends unasked without all of it ending.
//!
//! A thread that is missing is not seen from outside: peers would no longer expire, or a part of the
//! requests would stay without an answer. One that panicked may have left a swarm half changed.

use std::any::Any;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use super::sockets::eventfd;

/// Whether the threads are to go on, and why they do not.
pub(crate) struct Threads {
    /// Readable when it is time to end.
    pub(super) stop: File,
    is_stopping: AtomicBool,
    /// Why a thread ended that was not told to.
    fault: OnceLock<String>,
    /// Readable once there is a fault.
    signal: File,
}

impl Threads {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            stop: File::from(eventfd()?),
            is_stopping: AtomicBool::new(false),
            fault: OnceLock::new(),
            signal: File::from(eventfd()?),
        })
    }

    /// Have all threads end soon.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // Its count cannot overflow: few threads end.
        let _told = (&self.stop).write(&1u64.to_ne_bytes());
    }

    /// Why a thread ended that was not told to, if one did.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// Readable once there is a fault.
    pub(crate) fn fault_fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }

    fn fail(&self, fault: String) {
        self.fault.get_or_init(|| fault);
        let _told = (&self.signal).write(&1u64.to_ne_bytes());
        self.stop();
    }

    /// Start a thread that runs for as long as the tracker does.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        self.start(name, run, |threads, name| {
            if !threads.is_stopping.load(Ordering::Acquire) {
                threads.fail(format!("the thread `{name}` ended"));
            }
        })
    }

    /// Start a thread that ends when its work is done.
    pub(super) fn spawn_once(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        self.start(name, run, |_, _| {})
    }

    fn start(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce() + Send + 'static,
        ended: impl FnOnce(&Self, &str) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let own = Arc::clone(self);
        let own_name = name.to_owned();
        let watched = move || {
            // What was half done is not looked at again: all threads end.
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(()) => ended(&own, &own_name),
                Err(panic) => {
                    let why = words(panic.as_ref());
                    own.fail(format!("the thread `{own_name}` panicked: {why}"));
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(watched)
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn threads() -> Arc<Threads> {
        Arc::new(Threads::new().expect("descriptors"))
    }

    fn join(thread: io::Result<JoinHandle<()>>) {
        thread.expect("a thread").join().expect("no panic");
    }

    #[test]
    fn a_thread_that_panics_is_told_with_its_words() {
        let expected = Some("the thread `one` panicked: it broke");
        let [lasting, passing] = [threads(), threads()];
        join(lasting.spawn("one", || panic!("it {}", "broke")));
        assert_eq!(lasting.fault(), expected);
        join(passing.spawn_once("one", || panic!("it broke")));
        assert_eq!(passing.fault(), expected);
    }

    #[test]
    fn a_thread_that_ends_is_told_unless_it_was_to() {
        let first = threads();
        join(first.spawn_once("one", || {}));
        assert_eq!(first.fault(), None);
        join(first.spawn("one", || {}));
        join(first.spawn("two", || {}));
        assert_eq!(first.fault(), Some("the thread `one` ended"));
        let second = threads();
        second.stop();
        join(second.spawn("one", || {}));
        assert_eq!(second.fault(), None);
    }
}
