//! NAT checks: which peers are to be tried, and what came of it. Knows no socket.
//!
//! As the first trackers did, a peer is given to others only once a handshake with it (BEP 3)
//! came back with the right torrent. A failed check is repeated with the next announce, a few times.
//!
//! The first trackers compared the peer id too; clients of today choose another for every connection.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;

use parking_lot::Mutex;

use crate::model::{Announce, InfoHash};

/// Checks that wait for a socket; a peer for which there is no room asks again with its next announce.
const QUEUE_MAX: usize = 4096;

/// Peers whose failures are remembered; when there are more, all get another chance.
const FAILED_MAX: usize = 65_536;

/// A peer to be tried.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    pub(crate) announce: Announce,
}

type Key = (InfoHash, SocketAddr);

impl Check {
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.announce.ip, self.announce.port)
    }

    fn key(&self) -> Key {
        (self.announce.infohash, self.address())
    }
}

pub(crate) struct Checks {
    attempts_max: u32,
    state: Mutex<State>,
    /// Readable while checks wait.
    signal: File,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Check>,
    /// In the queue or being tried.
    pending: HashSet<Key>,
    failures: HashMap<Key, u32>,
}

impl Checks {
    /// Try each peer up to `attempts_max` times; `signal` is an event descriptor.
    pub(crate) fn new(attempts_max: u32, signal: File) -> Self {
        Self {
            attempts_max,
            state: Mutex::default(),
            signal,
        }
    }

    pub(crate) fn signal(&self) -> &File {
        &self.signal
    }

    /// Queues a check unless it is under way already, has failed too often, or there is no room.
    pub(crate) fn ask(&self, check: Check) {
        let mut state = self.state.lock();
        let key = check.key();
        let failures = state.failures.get(&key).copied().unwrap_or_default();
        // Those that are being tried are few and bounded elsewhere.
        if failures >= self.attempts_max
            || state.queue.len() >= QUEUE_MAX
            || !state.pending.insert(key)
        {
            return;
        }
        state.queue.push_back(check);
        if state.queue.len() == 1 {
            let _written = (&self.signal).write(&1u64.to_ne_bytes());
        }
    }

    /// The next check to be made.
    pub(crate) fn next(&self) -> Option<Check> {
        let mut state = self.state.lock();
        let next = state.queue.pop_front();
        if state.queue.is_empty() {
            let _nothing_waits = (&self.signal).read(&mut [0; 8]);
        }
        next
    }

    /// Notes how a check ended.
    pub(crate) fn ended(&self, check: &Check, was_reached: bool) {
        let mut state = self.state.lock();
        let key = check.key();
        state.pending.remove(&key);
        if was_reached {
            state.failures.remove(&key);
        } else {
            if state.failures.len() >= FAILED_MAX {
                state.failures.clear();
            }
            *state.failures.entry(key).or_default() += 1;
        }
    }
}

/// | offset | size | what                         |
/// |-------:|-----:|------------------------------|
/// |      0 |    1 | 19                           |
/// |      1 |   19 | "BitTorrent protocol"        |
/// |     20 |    8 | reserved, no extension here  |
/// |     28 |   20 | infohash                     |
/// |     48 |   20 | peer id                      |
pub(crate) const HANDSHAKE_BYTES: usize = 68;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// A peer id that says who asks.
const OWN_PEER_ID: &[u8; 20] = b"-OP0100-nat-check---";

impl Check {
    pub(crate) fn handshake(&self) -> [u8; HANDSHAKE_BYTES] {
        let mut bytes = [0; HANDSHAKE_BYTES];
        bytes[..20].copy_from_slice(PROTOCOL);
        bytes[28..48].copy_from_slice(&self.announce.infohash);
        bytes[48..].copy_from_slice(OWN_PEER_ID);
        bytes
    }

    /// Whether this is the answer of a peer of this torrent.
    pub(crate) fn is_answered_by(&self, answer: &[u8; HANDSHAKE_BYTES]) -> bool {
        answer[..20] == *PROTOCOL && answer[28..48] == self.announce.infohash
    }
}
