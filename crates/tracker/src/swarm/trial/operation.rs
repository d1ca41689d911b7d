//! What is done to both stores, made up of the numbers that a source gives.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::{Announce, COMPACT_V4, COMPACT_V6, Event, InfoHash};
use crate::rng::Rng;

/// Gives the choices that an operation is made of.
pub(crate) trait Source {
    /// One of `bound` numbers from 0.
    fn below(&mut self, bound: u32) -> u32;
}

impl Source for Rng {
    fn below(&mut self, bound: u32) -> u32 {
        self.u32(..bound)
    }
}

/// Choices from the bytes of a fuzzer; zeros once they have run out.
#[cfg(feature = "fuzzing")]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

#[cfg(feature = "fuzzing")]
impl Source for Bytes<'_> {
    fn below(&mut self, bound: u32) -> u32 {
        let mut number = 0;
        let mut range = 1;
        while range < bound {
            let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
            self.0 = rest;
            number = number << 8 | u32::from(*byte);
            range <<= 8;
        }
        number % bound.max(1)
    }
}

/// Which torrents and peers there are: some small torrents, and one that grows large.
pub(crate) struct Place {
    pub(crate) torrents: u32,
    /// Addresses of each family in a small torrent.
    pub(crate) small: u32,
    /// Addresses of each family in the large one.
    pub(crate) large: u32,
}

/// An announce, and the room for its answer.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) announce: Announce,
    pub(super) v4_bytes: usize,
    pub(super) v6_bytes: usize,
}

#[derive(Debug)]
pub(super) enum Operation {
    Wait(u32),
    Announce(Ask),
    Look(Ask),
    Scrape(InfoHash),
    Holds(InfoHash, SocketAddr),
    SetCompleted(InfoHash, u32),
    Drain,
    Forget(InfoHash),
    Retain(u8),
    Origins(Vec<SocketAddr>),
    /// Within a budget, or all round.
    Sweep(Option<usize>),
    Save,
    Restart(u32),
    Merge,
}

impl Operation {
    pub(super) fn draw(source: &mut impl Source, place: &Place) -> Self {
        match source.below(256) {
            0..186 => Self::Announce(Ask::draw(source, place)),
            186..192 => Self::Look(Ask::draw(source, place)),
            192..230 => Self::Scrape(place.torrent(source)),
            230..242 => {
                let number = place.number(source);
                Self::Holds(infohash(number), place.peer(source, number))
            }
            242..250 => Self::Wait(source.below(2)),
            250..252 => Self::SetCompleted(place.torrent(source), source.below(256)),
            252..254 => Self::Drain,
            254 => Self::Forget(infohash(1 + source.below(place.torrents))),
            _ => Self::draw_rare(source, place),
        }
    }

    /// What few peers survive.
    fn draw_rarest(source: &mut impl Source) -> Self {
        match source.below(16) {
            0 => Self::Retain(source.below(256) as u8),
            1..4 => Self::Restart(source.below(3000)),
            4 => Self::Wait(2048 + source.below(4096)),
            // So long that times come round again.
            5 => Self::Wait(3600 * source.below(40)),
            _ => Self::Wait(source.below(16)),
        }
    }

    fn draw_rare(source: &mut impl Source, place: &Place) -> Self {
        match source.below(64) {
            0..32 => Self::Sweep(Some(source.below(256) as usize)),
            32..34 => Self::Sweep(None),
            34..48 => {
                let peers = (0..source.below(4)).map(|_| {
                    let number = place.number(source);
                    place.peer(source, number)
                });
                Self::Origins(peers.collect())
            }
            48..52 => Self::Save,
            52..54 => Self::Merge,
            54 => Self::draw_rarest(source),
            _ => Self::Wait(source.below(16)),
        }
    }
}

impl Ask {
    fn draw(source: &mut impl Source, place: &Place) -> Self {
        let number = place.number(source);
        let (peer, at) = place.peer_at(source, number);
        // A client has one peer id at its addresses of both families; now and then another client is there.
        let mut peer_id = [b'-'; 20];
        peer_id[15] = u8::from(source.below(8) == 0);
        peer_id[16..].copy_from_slice(&at.to_be_bytes());
        let event = match source.below(16) {
            0..10 => Event::None,
            10 => Event::Started,
            11 | 12 => Event::Completed,
            13 => Event::Stopped,
            _ => Event::Paused,
        };
        let numwant = match source.below(32) {
            0..31 => source.below(12) as usize,
            _ => source.below(256) as usize,
        };
        // Most answers leave room for one family alone, as those over UDP do.
        let rooms = match source.below(8) {
            0 => [0, 0],
            1..5 => [usize::from(peer.is_ipv4()), usize::from(peer.is_ipv6())],
            _ => [1, 1],
        };
        let spare = if source.below(2) == 0 { 0 } else { 40 };
        Self {
            announce: Announce {
                infohash: infohash(number),
                peer_id,
                ip: peer.ip(),
                port: peer.port(),
                left: u64::from(source.below(3)),
                has_nothing: source.below(2) == 0,
                event,
                numwant,
            },
            v4_bytes: rooms[0] * (numwant * COMPACT_V4 + spare),
            v6_bytes: rooms[1] * (numwant * COMPACT_V6 + spare),
        }
    }
}

/// The large torrent is number 0.
fn infohash(number: u32) -> InfoHash {
    let mut infohash = [7; 20];
    infohash[16..].copy_from_slice(&number.to_be_bytes());
    infohash
}

impl Place {
    fn number(&self, source: &mut impl Source) -> u32 {
        match source.below(8) {
            0..3 => 0,
            _ => 1 + source.below(self.torrents),
        }
    }

    fn torrent(&self, source: &mut impl Source) -> InfoHash {
        infohash(self.number(source))
    }

    /// One of the torrent's peers: some share an address or a network, most the address with a peer
    /// of another torrent, and one has a port that nobody can connect to.
    fn peer(&self, source: &mut impl Source, number: u32) -> SocketAddr {
        self.peer_at(source, number).0
    }

    /// The peer with its number among those of its family.
    fn peer_at(&self, source: &mut impl Source, number: u32) -> (SocketAddr, u32) {
        let all = if number == 0 { self.large } else { self.small };
        let is_v4 = source.below(2) == 0;
        let at = source.below(all);
        let port = match at {
            0 => u16::from(is_v4),
            _ => (at % 3 * 1000 + 2) as u16,
        };
        let host = at / 2;
        let peer = if is_v4 {
            (Ipv4Addr::from_bits(0xc000_0200 + host), port).into()
        } else {
            let network = 0x2001_0db8 << 96 | u128::from(host / 2) << 64;
            (Ipv6Addr::from_bits(network | u128::from(host)), port).into()
        };
        (peer, at)
    }
}
