//! Waiting for many descriptors at once.

#![allow(unsafe_code)] // epoll

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::sockets::check;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Read,
    Write,
    /// Nothing for now.
    Paused,
}

impl Interest {
    fn flags(self) -> u32 {
        match self {
            Self::Read => libc::EPOLLIN as u32,
            Self::Write => libc::EPOLLOUT as u32,
            Self::Paused => 0,
        }
    }
}

const EVENTS_A_WAIT: usize = 256;

pub(super) struct Epoll {
    fd: OwnedFd,
}

/// Room for the events of one wait.
pub(super) struct Events(Box<[libc::epoll_event; EVENTS_A_WAIT]>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Box::new(
            [libc::epoll_event { events: 0, u64: 0 }; EVENTS_A_WAIT],
        ))
    }

    /// The number that the descriptor of an event was added with.
    pub(super) fn token(&self, at: usize) -> u64 {
        self.0[at].u64
    }
}

impl Epoll {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1() takes no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is new and owned by nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    pub(super) fn add(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    pub(super) fn change(
        &self,
        fd: &impl AsRawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Forgets a descriptor that stays open elsewhere; closing one forgets it by itself.
    pub(super) fn remove(&self, fd: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest::Paused)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: &impl AsRawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest.flags(),
            u64: token,
        };
        // SAFETY: the pointer is to `event`, which outlives the call.
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &raw mut event,
            )
        })?;
        Ok(())
    }

    /// Waits for events, or until the timeout where there is one, and says how many came.
    pub(super) fn wait(&self, events: &mut Events, timeout_ms: Option<u64>) -> io::Result<usize> {
        let timeout_ms = timeout_ms.map_or(-1, |timeout| timeout as libc::c_int);
        // SAFETY: the pointer is to as many events as are said to fit.
        let result = check(unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                events.0.as_mut_ptr(),
                EVENTS_A_WAIT as libc::c_int,
                timeout_ms,
            )
        });
        match result {
            Ok(count) => Ok(count as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }
}
