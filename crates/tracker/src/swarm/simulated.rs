//! What the simulation sees of a store, and does to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Swarms;
use super::peer::{Coarse, Peer, PeerV4, PeerV6};
use super::slot::Kept;
use crate::cluster::tombstones::Tombstones;
use crate::model::InfoHash;

impl Swarms {
    pub(crate) fn forget_tombstones(&self) {
        for padded in &self.shards {
            padded.shard.lock().tombstones = Tombstones::default();
        }
    }

    /// How old, in seconds, and what the word about every peer is.
    pub(crate) fn words(&self, now_s: u32) -> BTreeMap<(InfoHash, SocketAddr), (u32, u16)> {
        let now = self.coarse(now_s);
        let mut words = BTreeMap::new();
        for padded in &self.shards {
            let shard = padded.shard.lock();
            for slot in shard.torrents.iter() {
                let v4 = PeerV4::view(slot)
                    .iter()
                    .map(|peer| (peer.address(), peer.meta()));
                let v6 = PeerV6::view(slot)
                    .iter()
                    .map(|peer| (peer.address(), peer.meta()));
                for (address, meta) in v4.chain(v6) {
                    let age_s = u32::from(meta.age(now)) * Coarse::UNIT_S;
                    words.insert((slot.infohash, address), (age_s, meta.0 >> 13));
                }
            }
        }
        words
    }
}
