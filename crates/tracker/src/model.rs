//! The words of the tracker: what an announce says, and what the store answers.
//!
//! Values only. Reading them off the wire is left to `wire`, keeping them to `swarm`.

use std::net::{IpAddr, SocketAddr};

/// The 20 bytes that name a torrent on the tracker wire: SHA-1 of the info
/// dictionary (BEP 3), or the truncated SHA-256 of a v2 torrent (BEP 52).
pub type InfoHash = [u8; 20];

/// The 20 bytes that a client chose for itself (BEP 3, BEP 20).
pub type PeerId = [u8; 20];

/// Bytes of one compact IPv4 peer on the wire (BEP 23).
pub const COMPACT_V4: usize = 6;

/// Bytes of one compact IPv6 peer on the wire (BEP 7).
pub const COMPACT_V6: usize = 18;

/// What happened at the peer since its last announce (BEP 3, BEP 21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Event {
    #[default]
    None,
    Started,
    Completed,
    Stopped,
    /// A partial seed: it has all it wants, which is not all there is.
    Paused,
}

/// What a peer says of itself, as it comes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    pub infohash: InfoHash,
    pub peer_id: PeerId,
    pub port: u16,
    /// Bytes downloaded since `started`; none where the client does not say.
    pub downloaded: Option<u64>,
    /// Bytes still to download, the most there can be where the client does not say.
    pub left: u64,
    pub event: Event,
}

/// One peer's word about itself in one swarm.
#[derive(Clone, Copy, Debug)]
pub struct Announce {
    pub infohash: InfoHash,
    pub peer_id: PeerId,
    /// An IPv4-mapped IPv6 address is to be given as IPv4.
    pub ip: IpAddr,
    /// One that nobody can connect to has its peer answered and not kept, see [`is_reachable`].
    pub port: u16,
    /// Bytes still to download; 0 makes the peer a seeder.
    pub left: u64,
    /// It says that it has downloaded nothing yet: with `left` 0 a seeder, or one that has no more than
    /// a magnet link and does not know what there is to download.
    pub has_nothing: bool,
    pub event: Event,
    /// Peers wanted over both families, already bounded by the caller.
    pub numwant: usize,
}

/// Whether a port is one to connect to: clients that cannot be reached announce 0 or 1.
#[must_use]
pub const fn is_reachable(port: u16) -> bool {
    port > 1
}

/// Why an announce is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The store holds as many torrents as it may.
    Torrents,
    /// The store holds as many peers as it may.
    Peers,
    /// The swarm holds as many peers as it may.
    PeersPerTorrent,
    /// The address has as many peers in this swarm as it may.
    PeersPerAddress,
}

/// Downloads that were completed: how many of each torrent, and the marks that keep them from being
/// counted again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completed {
    pub counts: Vec<(InfoHash, u32)>,
    pub marks: Vec<u64>,
}

/// What an announce changed and what was written for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Seeders of both families, the asker included.
    pub complete: u32,
    /// All other peers of both families, partial seeds and the asker included.
    pub incomplete: u32,
    /// Downloads ever completed.
    pub downloaded: u32,
    /// Bytes of compact IPv4 peers written.
    pub v4_bytes: usize,
    /// Bytes of compact IPv6 peers written.
    pub v6_bytes: usize,
    /// This announce raised `downloaded`.
    pub completed_now: bool,
    /// This announce added a peer that was not in the swarm.
    pub joined: bool,
    pub refused: Option<Refused>,
}

/// The numbers of one swarm, over both families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub complete: u32,
    pub incomplete: u32,
    pub downloaded: u32,
    /// How many of `incomplete` have all they want and not all there is (BEP 21).
    pub partial: u32,
}

/// One peer of a swarm, as shown to people and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRow {
    pub address: SocketAddr,
    pub seeder: bool,
    /// It has all it wants and not all there is (BEP 21).
    pub partial: bool,
}

/// A peer that has come to a swarm for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub infohash: InfoHash,
    pub address: SocketAddr,
}

/// The numbers of the whole store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub torrents: u64,
    pub peers_v4: u64,
    pub peers_v6: u64,
    pub seeders: u64,
    /// Peers removed because they had not announced for too long.
    pub expired: u64,
    /// Heap bytes held by torrents and peers.
    pub bytes: u64,
}
