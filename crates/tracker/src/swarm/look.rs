//! One who is given peers without being one: a NAT check has not reached it yet.

use std::net::{IpAddr, SocketAddr};

use super::Swarms;
use super::announce::{Answer, Call, Outs, give};
use super::mix::Keys;
use super::peer::{Coarse, Meta, PeerV4, PeerV6};
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
        let origins = self.origins.load();
        let turn = self.turn(now, origins.as_deref());
        let hash = self.keys.mix_torrent(&announce.infohash);
        let shard = self.lock(hash);
        let meta = Meta::new(turn.now, false, false);
        match announce.ip {
            IpAddr::V4(ip) => {
                let asker = PeerV4::new(ip, announce.port, meta);
                let (own, other) = (v4_out, v6_out);
                let call = Call::new(turn, announce, hash, asker);
                let answer = shard.look(&call, rng, Outs { own, other });
                Facts {
                    v4_bytes: answer.own,
                    v6_bytes: answer.other,
                    ..answer.facts
                }
            }
            IpAddr::V6(ip) => {
                let asker = PeerV6::new(ip, announce.port, meta);
                let (own, other) = (v6_out, v4_out);
                let call = Call::new(turn, announce, hash, asker);
                let answer = shard.look(&call, rng, Outs { own, other });
                Facts {
                    v4_bytes: answer.other,
                    v6_bytes: answer.own,
                    ..answer.facts
                }
            }
        }
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
        let unsaid = Meta::new(Coarse::of(0), false, false);
        let meta = match address.ip() {
            IpAddr::V4(ip) => known(slot, PeerV4::new(ip, address.port(), unsaid), &self.keys),
            IpAddr::V6(ip) => known(slot, PeerV6::new(ip, address.port(), unsaid), &self.keys),
        }?;
        Some(PeerRow {
            address,
            seeder: meta.is_seeder(),
            partial: meta.is_partial(),
        })
    }
}

fn known<P: Kept>(slot: &Slot, peer: P, keys: &Keys) -> Option<Meta> {
    let hash = peer.mix(keys);
    let place = P::find(slot, peer, hash)?;
    Some(P::place(slot, place, hash).meta())
}

impl Shard {
    fn look<P: Family>(&self, call: &Call<'_, P>, rng: &mut Rng, outs: Outs<'_>) -> Answer {
        let found = self
            .torrents
            .find(&call.announce.infohash, call.torrent_hash);
        // Origins are given before the swarm has a peer.
        let nobody = Slot::EMPTY;
        let slot = found.map_or(&nobody, |number| self.torrents.slot(number));
        let mut facts = Facts::default();
        facts.count(slot);
        let (own, other) = give(slot, call, rng, outs);
        Answer { facts, own, other }
    }
}
