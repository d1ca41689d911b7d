//! One peer as it is kept: its compact wire form with two bytes of what the tracker knows.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::mix::Keys;
use crate::cluster::stamp;
use crate::model::{COMPACT_V4, COMPACT_V6};

/// What is known of a peer besides its address, in 16 bits:
///
/// | bits  | what                                                         |
/// | ----: | ------------------------------------------------------------ |
/// | 0–12  | its last announce, in 8 s units modulo 2^13 (18 hours)        |
/// | 13    | its completed download is counted                            |
/// | 14    | seeder                                                       |
/// | 15    | partial seed: has all it wants, not all there is (BEP 21)     |
///
/// Nobody is both a seeder and a partial seed: that is a place without a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta(pub(super) u16);

/// Which peers help an asker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Useful {
    /// Those who want data: for a seeder or a partial seed, who want none.
    Downloaders,
    Everyone,
}

impl Useful {
    /// 1 for a peer that helps, else 0.
    #[inline]
    pub(super) fn number(self, meta: Meta) -> usize {
        // A bit for each value of the two upper bits of a meta.
        let helps = match self {
            Self::Downloaders => 0b0001,
            Self::Everyone => 0b0111,
        };
        helps >> (meta.0 >> 14) & 1
    }
}

impl Meta {
    const TIME: u16 = stamp::TIME;
    const COMPLETED: u16 = 1 << 13;
    const SEEDER: u16 = 1 << 14;
    const PARTIAL: u16 = 1 << 15;
    const NOBODY: u16 = Self::SEEDER | Self::PARTIAL;

    /// Of a peer that is only looked for.
    pub(super) const UNSAID: Self = Self(0);

    #[inline]
    pub(super) fn new(seen: Coarse, seeder: bool, partial: bool) -> Self {
        let seeder = if seeder { Self::SEEDER } else { 0 };
        let partial = if partial { Self::PARTIAL } else { 0 };
        Self(seen.0 | seeder | partial)
    }

    /// Whether this can be said of a peer.
    pub(super) fn is_sound(self) -> bool {
        self.0 & Self::NOBODY != Self::NOBODY
    }

    #[inline]
    pub(super) fn is_seeder(self) -> bool {
        self.0 & Self::SEEDER != 0
    }

    #[inline]
    pub(super) fn is_partial(self) -> bool {
        self.0 & Self::PARTIAL != 0
    }

    #[inline]
    pub(super) fn wants_data(self) -> bool {
        self.0 & (Self::SEEDER | Self::PARTIAL) == 0
    }

    #[inline]
    pub(super) fn is_completed(self) -> bool {
        self.0 & Self::COMPLETED != 0
    }

    #[inline]
    pub(super) fn completed_if(self, completed: bool) -> Self {
        Self(self.0 | if completed { Self::COMPLETED } else { 0 })
    }

    /// Units since the last announce, none where that lies ahead.
    #[inline]
    pub(super) fn age(self, now: Coarse) -> u16 {
        stamp::lateness(self.0, now.0).saturating_sub(stamp::AHEAD_MAX)
    }

    /// Whether this is said later than what the other says.
    pub(super) fn beats(self, other: Self, now: Coarse) -> bool {
        stamp::beats(self.0, other.0, now.0)
    }

    /// The same said after all that is known already.
    pub(super) fn after(self, old: Self, now: Coarse) -> Self {
        Self(stamp::after(old.0, self.0, now.0))
    }

    /// The same from a stranger: of those who are gone nothing else can be said, and what is remembered of
    /// them is the time alone.
    pub(super) fn as_told(self) -> Self {
        if self.is_sound() {
            self
        } else {
            Self(self.0 & Self::TIME | stamp::GONE)
        }
    }

    /// What says that a peer is gone.
    pub(super) fn gone(seen: Coarse) -> Self {
        Self(seen.0 | stamp::GONE)
    }

    /// The same flags and another time, or another one of the same time.
    #[inline]
    pub(super) fn says_as(self, other: Self) -> bool {
        (self.0 ^ other.0) & !Self::TIME == 0
    }

    pub(super) fn at(self, seen: Coarse) -> Self {
        Self(self.0 & !Self::TIME | seen.0)
    }

    /// The same flags with `units` in place of the time.
    pub(super) fn with_age(self, units: u16) -> Self {
        Self(self.0 & !Self::TIME | units & Self::TIME)
    }

    pub(super) fn units(self) -> u16 {
        self.0 & Self::TIME
    }
}

/// A time in units of 8 s, modulo 2^13.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Coarse(pub(super) u16);

impl Coarse {
    pub(super) const UNIT_S: u32 = stamp::UNIT_S;

    #[inline]
    pub(super) fn of(seconds: u32) -> Self {
        Self((seconds / Self::UNIT_S) as u16 & Meta::TIME)
    }

    /// Of units that are counted already.
    pub(super) fn of_units(units: u16) -> Self {
        Self(units & Meta::TIME)
    }

    pub(super) fn earlier(self, units: u16) -> Self {
        Self(self.0.wrapping_sub(units) & Meta::TIME)
    }
}

/// A peer of one address family.
pub(super) trait Peer: Copy + Send + 'static {
    const EMPTY: Self;
    /// Peers that are found by looking at one place of a table: a cache line of IPv4, two of IPv6.
    const GROUP: usize;
    /// Bytes on the wire.
    const WIRE: usize;
    /// Bytes that [`Peer::store`] overwrites.
    const STORE: usize;

    fn is_empty(self) -> bool;
    /// The same address and port.
    fn same(self, other: Self) -> bool;
    /// The same subscriber: an IPv4 address, an IPv6 /64.
    fn same_host(self, other: Self) -> bool;
    fn meta(self) -> Meta;
    fn with_meta(self, meta: Meta) -> Self;
    fn mix(self, keys: &Keys) -> u64;
    /// Hash the address without the port.
    fn mix_host(self, keys: &Keys) -> u64;
    /// Write the wire form and whatever follows it in memory, in as few moves as possible.
    fn store(self, out: &mut [u8]);
    fn address(self) -> SocketAddr;
}

/// Bytes 0–3 address, 4–5 port, both in network order, 6–7 meta.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct PeerV4(u64);

impl PeerV4 {
    const ADDRESS: u64 = (1 << 48) - 1;

    #[inline]
    pub(super) fn new(ip: Ipv4Addr, port: u16, meta: Meta) -> Self {
        let [a, b, c, d] = ip.octets();
        let [high, low] = port.to_be_bytes();
        Self(u64::from_le_bytes([a, b, c, d, high, low, 0, 0])).with_meta(meta)
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }
}

impl Peer for PeerV4 {
    const EMPTY: Self = Self((Meta::NOBODY as u64) << 48);
    const GROUP: usize = 8;
    const WIRE: usize = COMPACT_V4;
    const STORE: usize = 8;

    #[inline]
    fn is_empty(self) -> bool {
        self.0 >> 62 == 0b11
    }

    #[inline]
    fn same(self, other: Self) -> bool {
        (self.0 ^ other.0) << 16 == 0
    }

    #[inline]
    fn same_host(self, other: Self) -> bool {
        self.0 as u32 == other.0 as u32
    }

    #[inline]
    fn meta(self) -> Meta {
        Meta((self.0 >> 48) as u16)
    }

    #[inline]
    fn with_meta(self, meta: Meta) -> Self {
        Self(self.0 & Self::ADDRESS | u64::from(meta.0) << 48)
    }

    #[inline]
    fn mix(self, keys: &Keys) -> u64 {
        keys.mix_word(self.0 & Self::ADDRESS)
    }

    fn mix_host(self, keys: &Keys) -> u64 {
        keys.mix_word(u64::from(self.0 as u32))
    }

    #[inline]
    fn store(self, out: &mut [u8]) {
        out[..Self::STORE].copy_from_slice(&self.0.to_le_bytes());
    }

    fn address(self) -> SocketAddr {
        let [a, b, c, d, high, low, _, _] = self.to_bytes();
        (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into()
    }
}

/// Bytes 0–15 address, 16–17 port, both in network order, 18–19 meta.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct PeerV6 {
    ip: [u8; 16],
    port: [u8; 2],
    meta: [u8; 2],
}

impl PeerV6 {
    #[inline]
    pub(super) fn new(ip: Ipv6Addr, port: u16, meta: Meta) -> Self {
        Self {
            ip: ip.octets(),
            port: port.to_be_bytes(),
            meta: meta.0.to_le_bytes(),
        }
    }

    #[inline]
    pub(super) fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&self.ip);
        bytes[16..18].copy_from_slice(&self.port);
        bytes[18..].copy_from_slice(&self.meta);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 20]) -> Self {
        let mut peer = Self::EMPTY;
        peer.ip.copy_from_slice(&bytes[..16]);
        peer.port.copy_from_slice(&bytes[16..18]);
        peer.meta.copy_from_slice(&bytes[18..]);
        peer
    }

    #[inline]
    fn words(self) -> (u64, u64) {
        let ip = u128::from_le_bytes(self.ip);
        (ip as u64, (ip >> 64) as u64)
    }
}

impl Peer for PeerV6 {
    const EMPTY: Self = Self {
        ip: [0; 16],
        port: [0; 2],
        meta: Meta::NOBODY.to_le_bytes(),
    };
    const GROUP: usize = 6;
    const WIRE: usize = COMPACT_V6;
    const STORE: usize = 20;

    #[inline]
    fn is_empty(self) -> bool {
        self.meta[1] >> 6 == 0b11
    }

    #[inline]
    fn same(self, other: Self) -> bool {
        self.ip == other.ip && self.port == other.port
    }

    #[inline]
    fn same_host(self, other: Self) -> bool {
        self.words().0 == other.words().0
    }

    #[inline]
    fn meta(self) -> Meta {
        Meta(u16::from_le_bytes(self.meta))
    }

    #[inline]
    fn with_meta(self, meta: Meta) -> Self {
        Self {
            meta: meta.0.to_le_bytes(),
            ..self
        }
    }

    #[inline]
    fn mix(self, keys: &Keys) -> u64 {
        let (high, low) = self.words();
        keys.mix_words(high, low, u64::from(u16::from_le_bytes(self.port)))
    }

    fn mix_host(self, keys: &Keys) -> u64 {
        let (high, low) = self.words();
        keys.mix_words(high, low, 0)
    }

    #[inline]
    fn store(self, out: &mut [u8]) {
        out[..Self::STORE].copy_from_slice(&self.to_bytes());
    }

    fn address(self) -> SocketAddr {
        (Ipv6Addr::from(self.ip), u16::from_be_bytes(self.port)).into()
    }
}

const _: () = assert!(size_of::<PeerV4>() == 8 && size_of::<PeerV6>() == 20);
