//! What happens when a thread cannot be started, or ends unasked.
//!
//! These cases take descriptors away from the whole process, so they are one test: nothing else runs
//! beside it.

mod common;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use common::{V4, announce, config, limit_descriptors, serve, until};
use outpour_tracker::{Config, Tracker};

/// The descriptors of this process with what they are.
fn descriptors() -> Vec<(i32, PathBuf)> {
    let entries = fs::read_dir("/proc/self/fd").expect("descriptors");
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((number(&entry)?, fs::read_link(entry.path()).ok()?)))
        .collect()
}

fn pollers() -> Vec<i32> {
    let found = descriptors().into_iter();
    let pollers = found.filter(|(_, what)| what.ends_with("anon_inode:[eventpoll]"));
    pollers.map(|(number, _)| number).collect()
}

/// The threads of this process; one that was joined may be listed for a moment longer.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("threads").count()
}

fn is_closed(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}

/// Another file in the place of a descriptor.
#[allow(unsafe_code)] // there is no safe spelling of it
fn replace(number: i32) {
    let null = File::open("/dev/null").expect("a file");
    // SAFETY: both are open, and the owner of `number` goes on owning what is there now.
    assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), number) }, number);
}

/// Wakes a worker, one or the other.
fn knock(tracker: &Tracker) {
    let socket = UdpSocket::bind(V4).expect("a socket");
    let sent = socket.send_to(b"?", tracker.udp_addresses()[0]);
    // Nobody may be there any more.
    assert!(sent.is_ok() || tracker.fault().is_some());
}

/// Of a thread, as Rust makes it.
const STACK_BYTES: u64 = 2 << 20;

/// Addresses in use, bytes.
fn size() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = number.expect("a size").parse().expect("a number");
    kibibytes << 10
}

/// Lets this process use so many addresses, and says how many it might before.
#[allow(unsafe_code)] // there is no safe spelling of it
fn limit_memory(bytes: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are to `limit`, which outlives the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &raw mut limit), 0);
        let before = limit.rlim_cur;
        limit.rlim_cur = bytes;
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
        before
    }
}

/// Opens files until there is room for `left` more descriptors.
fn hog(left: usize) -> Vec<File> {
    let null = || File::open("/dev/null");
    let mut hogs: Vec<File> = std::iter::from_fn(|| null().ok()).collect();
    hogs.truncate(hogs.len() - left);
    hogs
}

#[test]
fn no_thread_is_left_behind_or_missing_unseen() {
    // So few that all can be taken.
    limit_descriptors(256);
    let before_all = threads();
    for left in 0..=2 {
        let tracker = Tracker::bind(Config {
            nat_check_attempts: 1,
            ..config()
        });
        let tracker = tracker.expect("free ports");
        let address = tracker.http_addresses()[0];
        let hogs = hog(left);
        assert!(tracker.start().is_err(), "room for {left}");
        drop(hogs);
        until("no thread is left", || threads() == before_all);
        assert!(is_closed(address));
        assert_eq!(tracker.fault(), None);
        assert!(tracker.start().is_err());
    }

    for stacks in 0..2 {
        let tracker = Tracker::bind(config()).expect("free ports");
        let address = tracker.http_addresses()[0];
        let usual = limit_memory(size() + stacks * STACK_BYTES + STACK_BYTES / 2);
        let started = tracker.start();
        limit_memory(usual);
        assert!(started.is_err(), "room for {stacks}");
        until("no thread is left", || threads() == before_all);
        assert!(is_closed(address));
    }

    for at in 0..2 {
        let before = pollers();
        let tracker = serve(config());
        assert_eq!(tracker.fault(), None);
        let mut own = pollers();
        own.retain(|number| !before.contains(number));
        assert_eq!(own.len(), 2);
        replace(own[at]);
        until("the fault is known", || {
            // Whoever waits at the old descriptor has to be woken up once.
            knock(&tracker);
            tracker.fault().is_some()
        });
        let fault = tracker.fault().expect("a fault");
        assert!(fault.starts_with("the thread `outpour-"), "{fault}");
        until("all threads have ended", || threads() == before_all);
        assert!(tracker.http_addresses().iter().all(|http| is_closed(*http)));
        tracker.stop();
        assert!(tracker.fault().is_some());
    }

    let tracker = serve(config());
    announce(tracker.http_addresses()[0], "&left=0");
    tracker.stop();
    assert_eq!(tracker.fault(), None);
    until("all threads have ended", || threads() == before_all);
}
