//! `epoll`: waits for any of many descriptors to become readable.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

const EVENTS: usize = 64;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: [MaybeUninit<Event>; EVENTS],
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: [MaybeUninit::uninit(); EVENTS],
        })
    }

    /// Watches until the descriptor is closed; `token` comes back with each readiness.
    pub(crate) fn watch(&self, source: &impl AsFd, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, source, data, EventFlags::IN)?)
    }

    /// Waits, without end, until at least one descriptor is readable.
    pub(crate) fn wait(&mut self) -> io::Result<impl Iterator<Item = u64>> {
        let ready = match epoll::wait(&self.epoll, &mut self.events, None) {
            Ok((ready, _)) => ready,
            Err(Errno::INTR) => &mut [],
            Err(error) => return Err(error.into()),
        };
        Ok(ready.iter().map(|event| event.data.u64()))
    }
}
