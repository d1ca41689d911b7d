//! Looks into a swarm that stays as it is: at its peers, or for what it would give to one more.

use std::net::{IpAddr, SocketAddr};

use super::Swarms;
use super::announce::{Answer, Call, Outs, Word, give};
use super::mix::Keys;
use super::peer::{Meta, Peer, PeerV4, PeerV6};
use super::shard::{Family, Shard};
use super::slot::{Kept, Slot};
use crate::model::{Announce, Facts, InfoHash, PeerRow};
use crate::rng::Rng;

impl Swarms {
    /// What [`Swarms::announce`] would give to this peer; its word is not taken.
    pub fn look(
        &self,
        announce: &Announce,
        now: u32,
        rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Facts {
        self.ask(announce, now, rng, v4_out, v6_out, Word::Ignored)
    }

    /// Whether this peer is in the swarm.
    pub fn holds(&self, infohash: &InfoHash, address: SocketAddr) -> bool {
        self.find(infohash, address).is_some()
    }

    /// What is known of this peer, if it is in the swarm.
    pub fn find(&self, infohash: &InfoHash, address: SocketAddr) -> Option<PeerRow> {
        let hash = self.keys.mix_torrent(infohash);
        let shard = self.lock(hash);
        let slot = shard.torrents.slot(shard.torrents.find(infohash, hash)?);
        let port = address.port();
        match address.ip() {
            IpAddr::V4(ip) => find(slot, PeerV4::new(ip, port, Meta::UNSAID), &self.keys),
            IpAddr::V6(ip) => find(slot, PeerV6::new(ip, port, Meta::UNSAID), &self.keys),
        }
    }

    /// Up to `limit` peers of a swarm, those of IPv4 first.
    pub fn peers(&self, infohash: &InfoHash, limit: usize) -> Vec<PeerRow> {
        let hash = self.keys.mix_torrent(infohash);
        let shard = self.lock(hash);
        let Some(number) = shard.torrents.find(infohash, hash) else {
            return Vec::new();
        };
        let slot = shard.torrents.slot(number);
        let v4 = PeerV4::view(slot).iter().map(row);
        v4.chain(PeerV6::view(slot).iter().map(row))
            .take(limit)
            .collect()
    }
}

fn find<P: Kept>(slot: &Slot, peer: P, keys: &Keys) -> Option<PeerRow> {
    let hash = peer.mix(keys);
    let place = P::find(slot, peer, hash)?;
    Some(row(P::place(slot, place, hash)))
}

fn row(peer: impl Peer) -> PeerRow {
    let meta = peer.meta();
    PeerRow {
        address: peer.address(),
        seeder: meta.is_seeder(),
        partial: meta.is_partial(),
    }
}

impl Shard {
    /// Answer one who does not join.
    pub(super) fn look<P: Family>(
        &self,
        call: &Call<'_, P>,
        rng: &mut Rng,
        outs: Outs<'_>,
    ) -> Answer {
        let found = self
            .torrents
            .find(&call.announce.infohash, call.torrent_hash);
        // Origins are given before the swarm has a peer.
        let nobody = Slot::EMPTY;
        let slot = found.map_or(&nobody, |number| self.torrents.slot(number));
        let mut facts = Facts::default();
        facts.count(slot);
        Answer::with_peers(facts, give(slot, call, rng, outs))
    }
}
