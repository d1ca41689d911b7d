//! Who announces: one client with one torrent.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::{Announce, Event, InfoHash};
use crate::rng::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It never came, or said that it goes.
    Gone,
    /// It went without a word.
    Silent,
    Leecher,
    Partial,
    Seeder,
}

pub(super) struct Client {
    pub(super) infohash: InfoHash,
    pub(super) address: SocketAddr,
    peer_id: [u8; 20],
    pub(super) state: State,
    /// The node it announces at mostly.
    pub(super) node: usize,
    has_completed: bool,
    /// It wanted data, and so is taken to have finished when it next seeds, as long as it is known.
    has_wanted: bool,
}

impl Client {
    pub(super) fn new(number: u32, torrents: u32, rng: &mut Rng) -> Self {
        let torrent = rng.u32(..torrents) as u8;
        let port = 1000 + number as u16;
        let address = if number.is_multiple_of(4) {
            (
                Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)),
                port,
            )
                .into()
        } else {
            (Ipv4Addr::from_bits(0xc000_0200 + number / 3), port).into()
        };
        let mut peer_id = [b'-'; 20];
        peer_id[16..].copy_from_slice(&number.to_be_bytes());
        Self {
            infohash: [torrent * 80 + 7; 20],
            address,
            peer_id,
            state: State::Gone,
            node: 0,
            has_completed: false,
            has_wanted: false,
        }
    }

    /// What it does next.
    pub(super) fn act(&mut self, rng: &mut Rng) -> Option<Event> {
        let (state, event) = match (self.state, rng.u32(..20)) {
            (State::Gone | State::Silent, 0..6) => (State::Leecher, Event::Started),
            (State::Gone | State::Silent, 6..9) if self.has_completed || !self.has_wanted => {
                (State::Seeder, Event::Started)
            }
            (State::Gone | State::Silent, _) => return None,
            (_, 0..4) => (State::Gone, Event::Stopped),
            (_, 4) => (State::Silent, Event::None),
            (State::Leecher, 5..10) => (State::Seeder, Event::Completed),
            (State::Leecher, 10..12) | (State::Partial, 12..) => (State::Partial, Event::Paused),
            (State::Partial, 5..12) | (State::Seeder, 5) => (State::Leecher, Event::None),
            (State::Seeder, 6) if self.has_completed => (State::Seeder, Event::Completed),
            (state, _) => (state, Event::None),
        };
        self.state = state;
        if state == State::Silent {
            return None;
        }
        self.has_wanted |= state == State::Leecher;
        self.has_completed |= event == Event::Completed;
        Some(event)
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self.state, State::Gone | State::Silent)
    }

    /// What it says while nothing changes.
    pub(super) fn again(&self) -> Event {
        if self.state == State::Partial {
            Event::Paused
        } else {
            Event::None
        }
    }

    pub(super) fn announce(&self, event: Event) -> Announce {
        let has_all = self.state == State::Seeder;
        Announce {
            infohash: self.infohash,
            peer_id: self.peer_id,
            ip: self.address.ip(),
            port: self.address.port(),
            // Who stops says no more than that.
            left: if has_all { 0 } else { 5 },
            has_nothing: false,
            event,
            numwant: 0,
        }
    }
}
