//! Connections on their way to the web application, whose request is not for the tracker, and on their
//! way back to a worker once that is answered.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use parking_lot::Mutex;

use super::limits::HANDOFFS_MAX;
use super::sockets::eventfd;

/// A connection with all bytes that were read of it.
type HandedOver = (OwnedFd, Vec<u8>);

pub(crate) struct HandOff {
    waiting: Mutex<VecDeque<HandedOver>>,
    signal: File,
}

impl HandOff {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            signal: File::from(eventfd()?),
        })
    }

    /// Readable while connections wait.
    pub(crate) fn signal_fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }

    /// The same for who waits in this crate.
    pub(super) fn signal(&self) -> &File {
        &self.signal
    }

    /// Leaves a connection to be taken; gives it back if too many wait already.
    pub(crate) fn leave(&self, stream: TcpStream, read: &[u8]) -> Result<(), TcpStream> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= HANDOFFS_MAX {
            return Err(stream);
        }
        waiting.push_back((OwnedFd::from(stream), read.to_vec()));
        if waiting.len() == 1 {
            // Its count cannot overflow: it goes up by one for each time it was brought to zero.
            let _written = (&self.signal).write(&1u64.to_ne_bytes());
        }
        Ok(())
    }

    pub(crate) fn take(&self) -> Vec<HandedOver> {
        let mut waiting = self.waiting.lock();
        let _nothing_waits = (&self.signal).read(&mut [0; 8]);
        waiting.drain(..).collect()
    }
}
