//! The bounds of the store: given at birth, never read from anywhere else.

/// How much the store may hold, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Torrents with or without peers.
    pub torrents_max: usize,
    /// Peers over all swarms and both families.
    pub peers_max: usize,
    /// Peers of both families in one swarm.
    pub peers_per_torrent_max: usize,
    /// Peers of one IPv4 address or one IPv6 /64 among any 512 peers of a swarm; 0 is no limit.
    pub peers_per_address_max: usize,
    /// Torrents kept for their completed counter alone after the last peer left.
    pub counters_kept_max: usize,
    /// A peer silent for longer is gone, seconds; at most [`Limits::PEER_TIMEOUT_S_MAX`].
    pub peer_timeout_s: u32,
}

impl Limits {
    /// A peer's last announce is kept in 13 bits of 8 s, 18 hours; the rest is room to sweep in.
    pub const PEER_TIMEOUT_S_MAX: u32 = 12 * 3600;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            torrents_max: 16_000_000,
            peers_max: 100_000_000,
            peers_per_torrent_max: 2_000_000,
            peers_per_address_max: 0,
            counters_kept_max: 262_144,
            peer_timeout_s: 2700,
        }
    }
}
