//! Waiting for many descriptors at once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Read,
    Write,
    /// Nothing for now.
    Paused,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::Read => epoll::EventFlags::IN,
            Self::Write => epoll::EventFlags::OUT,
            Self::Paused => epoll::EventFlags::empty(),
        }
    }
}

const EVENTS_A_WAIT: usize = 256;

pub(super) struct Epoll {
    fd: OwnedFd,
}

/// Room for the events of one wait.
pub(super) struct Events(Box<[epoll::Event; EVENTS_A_WAIT]>);

impl Events {
    pub(super) fn new() -> Self {
        let none = epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        };
        Self(Box::new([none; EVENTS_A_WAIT]))
    }

    /// The number that the descriptor of an event was added with.
    pub(super) fn token(&self, at: usize) -> u64 {
        let data = self.0[at].data;
        data.u64()
    }
}

impl Epoll {
    pub(super) fn new() -> io::Result<Self> {
        let fd = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { fd })
    }

    pub(super) fn add(&self, fd: &impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.fd, fd, data, interest.flags())?)
    }

    pub(super) fn change(&self, fd: &impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.fd, fd, data, interest.flags())?)
    }

    /// Forgets a descriptor that stays open elsewhere; closing one forgets it by itself.
    pub(super) fn remove(&self, fd: &impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.fd, fd)?)
    }

    /// Waits for events, or until the timeout where there is one, and says how many came.
    pub(super) fn wait(&self, events: &mut Events, timeout_ms: Option<u64>) -> io::Result<usize> {
        let timeout = timeout_ms.map(Duration::from_millis);
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match epoll::wait(&self.fd, &mut events.0[..], timeout.as_ref()) {
            Ok(count) => Ok(count),
            Err(Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
