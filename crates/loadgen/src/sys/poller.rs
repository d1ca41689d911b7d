//! `epoll`: waits for any of many descriptors to become readable.
#![allow(unsafe_code)] // the kernel fills an array of events

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

const EVENTS: usize = 64;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a flag goes in, a descriptor or -1 comes out.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us alone.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            epoll,
            events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS],
        })
    }

    /// Watches until the descriptor is closed; `token` comes back with each readiness.
    pub(crate) fn watch(&self, source: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token,
        };
        // SAFETY: both descriptors are open and `event` is alive during the call.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                source.as_raw_fd(),
                ptr::from_mut(&mut event),
            )
        };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Waits, without end, until at least one descriptor is readable.
    pub(crate) fn wait(&mut self) -> io::Result<impl Iterator<Item = u64>> {
        // SAFETY: `events` has room for `EVENTS` events.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as libc::c_int,
                -1,
            )
        };
        let count = match count {
            0.. => count as usize,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => 0,
            _ => return Err(io::Error::last_os_error()),
        };
        Ok(self.events[..count].iter().map(|event| event.u64))
    }
}
