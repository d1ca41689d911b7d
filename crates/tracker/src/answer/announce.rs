//! What an announce goes through over UDP and HTTP alike: admitted, fetched ahead, taken by the store.

use std::net::IpAddr;

use super::Context;
use crate::model::{Announce, Announced, Facts, Refused};
use crate::rng::Rng;
use crate::wire::Refusal;

/// An announce that was let in, before the store is asked.
pub(crate) struct Admission {
    pub(super) announce: Announce,
    /// Picks the peers, so that those to be picked are known before they are.
    rng: Rng,
}

impl Admission {
    /// Asks memory for the torrent, its index line having arrived meanwhile.
    pub(super) fn prefetch(&self, context: &Context<'_>) {
        let swarms = &context.store.swarms;
        swarms.prefetch_torrent(&self.announce.infohash);
    }

    /// Asks memory for the peers that the answer is made of, the torrent having arrived meanwhile.
    pub(super) fn prefetch_peers(&self, context: &Context<'_>) {
        let swarms = &context.store.swarms;
        swarms.prefetch_peers(&self.announce, &mut self.rng.clone());
    }
}

impl Context<'_> {
    /// The second step as far as it needs no address: torrent and client.
    pub(super) fn admit_announced(&self, announced: &Announced) -> Result<(), Refusal> {
        self.lists.admit_torrent(&announced.infohash)?;
        self.lists.admit_client(&announced.peer_id)
    }

    /// The second step's end: a peer at this address.
    pub(super) fn admit_peer(
        &mut self,
        announced: &Announced,
        ip: IpAddr,
        numwant: Option<u32>,
    ) -> Result<Admission, Refusal> {
        self.gate.admit_peer(ip)?;
        self.store.swarms.prefetch(&announced.infohash);
        Ok(Admission {
            announce: Announce {
                infohash: announced.infohash,
                peer_id: announced.peer_id,
                ip,
                port: announced.port,
                left: announced.left,
                has_nothing: announced.downloaded == Some(0),
                event: announced.event,
                numwant: self.policy.numwant(announced.event, numwant),
            },
            rng: self.rng.fork(),
        })
    }

    /// The third step: into the swarm, and out of it the peers that help.
    pub(super) fn announce(
        &self,
        admission: &mut Admission,
        is_stated: bool,
        requester: IpAddr,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Result<Facts, Refusal> {
        let now_s = self.now_s();
        let Admission { announce, rng } = admission;
        let mut facts = self
            .store
            .announce(announce, is_stated, now_s, rng, v4_out, v6_out);
        if let Some(refused) = facts.refused {
            return Err(refusal(refused));
        }
        facts.v4_bytes = self
            .gate
            .keep_reachable::<6>(&mut v4_out[..facts.v4_bytes], requester);
        facts.v6_bytes = self
            .gate
            .keep_reachable::<18>(&mut v6_out[..facts.v6_bytes], requester);
        Ok(facts)
    }
}

/// What the client hears when the store has no room; it is to try again when some has expired.
fn refusal(refused: Refused) -> Refusal {
    const RETRY_IN_MIN: u32 = 15;
    match refused {
        Refused::Torrents => {
            Refusal::passing("the tracker holds all torrents it can", RETRY_IN_MIN)
        }
        Refused::Peers => Refusal::passing("the tracker holds all peers it can", RETRY_IN_MIN),
        Refused::PeersPerTorrent => {
            Refusal::passing("the swarm holds all peers it can", RETRY_IN_MIN)
        }
        Refused::PeersPerAddress => Refusal::passing(
            "too many peers of this torrent at your address",
            RETRY_IN_MIN,
        ),
    }
}
