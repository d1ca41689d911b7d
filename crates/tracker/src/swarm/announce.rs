//! One announce: the peer's word goes into its swarm, peers and numbers come out.

use std::net::{IpAddr, SocketAddr};

use super::Swarms;
use super::apply::tell;
use super::peer::{Meta, Peer, PeerV4, PeerV6, Useful};
use super::peers::Peers;
use super::select::{Ask, prefetch_peers, select};
use super::shard::{Family, Shard, Turn};
use super::slot::{Kept, Slot, View};
use super::walk::{PartsWalk, TableWalk};
use crate::model::{Announce, Event, Facts, Refused};
use crate::rng::Rng;

/// Places of a swarm that are looked at for other peers of a host.
const SAMPLE: usize = 512;

/// Peers given to one that says it has all and may have nothing, where nobody else wants data.
const LAST_RESORT: usize = 5;

/// An announce with what was made of it before the lock was taken.
pub(super) struct Call<'a, P> {
    pub(super) turn: Turn<'a>,
    pub(super) announce: &'a Announce,
    pub(super) torrent_hash: u64,
    pub(super) asker: P,
    pub(super) asker_hash: u64,
}

/// Where an answer's peers go: the asker's family first, then the other.
pub(super) struct Outs<'a> {
    pub(super) own: &'a mut [u8],
    pub(super) other: &'a mut [u8],
}

/// What becomes of a peer's word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Taken,
    /// The peer does not come into the swarm, since nobody can connect to it; its download is counted.
    Counted,
    /// The peer is not in the swarm, and does not come into it.
    Ignored,
}

/// The facts, with the bytes written of the asker's family and of the other.
pub(super) struct Answer {
    pub(super) facts: Facts,
    pub(super) own: usize,
    pub(super) other: usize,
    /// The peer wants data, and did not before.
    pub(super) arrived: bool,
}

impl<'a, P: Family> Call<'a, P> {
    #[inline]
    pub(super) fn new(turn: Turn<'a>, announce: &'a Announce, torrent_hash: u64, asker: P) -> Self {
        let asker_hash = asker.mix(turn.keys);
        Self {
            turn,
            announce,
            torrent_hash,
            asker,
            asker_hash,
        }
    }

    /// The peers that help the asker.
    ///
    /// Who starts with a magnet link alone does not know yet what there is to download, and may say
    /// that nothing is.
    #[inline]
    fn useful(&self) -> Useful {
        match self.announce.event {
            Event::Started => Useful::Everyone,
            Event::Paused => Useful::Downloaders,
            _ if self.announce.left == 0 => Useful::Downloaders,
            _ => Useful::Everyone,
        }
    }

    /// Whether the asker may have nothing though it says that nothing is left.
    #[inline]
    fn may_have_nothing(&self) -> bool {
        self.announce.left == 0 && self.announce.has_nothing
    }
}

impl Swarms {
    /// Write peers for an asker of either family, whether its word is taken or not.
    #[allow(clippy::inline_always)] // so that what is done with the word is known, and costs nothing
    #[inline(always)]
    pub(super) fn ask(
        &self,
        announce: &Announce,
        now: u32,
        rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
        word: Word,
    ) -> Facts {
        match announce.ip {
            IpAddr::V4(ip) => {
                let asker = PeerV4::new(ip, announce.port, Meta::UNSAID);
                let (own, other) = (v4_out, v6_out);
                let answer = self.ask_as(asker, announce, now, rng, Outs { own, other }, word);
                Facts {
                    v4_bytes: answer.own,
                    v6_bytes: answer.other,
                    ..answer.facts
                }
            }
            IpAddr::V6(ip) => {
                let asker = PeerV6::new(ip, announce.port, Meta::UNSAID);
                let (own, other) = (v6_out, v4_out);
                let answer = self.ask_as(asker, announce, now, rng, Outs { own, other }, word);
                Facts {
                    v4_bytes: answer.other,
                    v6_bytes: answer.own,
                    ..answer.facts
                }
            }
        }
    }

    #[allow(clippy::inline_always)] // as above
    #[inline(always)]
    fn ask_as<P: Family>(
        &self,
        asker: P,
        announce: &Announce,
        now: u32,
        rng: &mut Rng,
        outs: Outs<'_>,
        word: Word,
    ) -> Answer {
        let origins = self.origins.load();
        let turn = self.turn(now, origins.as_deref());
        let hash = self.keys.mix_torrent(&announce.infohash);
        let call = Call::new(turn, announce, hash, asker);
        let padded = self.padded(hash);
        let mut shard = padded.shard.lock();
        let mut answer = match word {
            Word::Taken => shard.announce(&call, rng, outs),
            Word::Counted => shard.overhear(&call, rng, outs),
            Word::Ignored => shard.look(&call, rng, outs),
        };
        if answer.facts.joined || answer.facts.completed_now {
            padded.note(&shard);
        }
        if self.cluster.is_some() {
            let facts = &mut answer.facts;
            facts.downloaded = shard.foreign.with(&announce.infohash, facts.downloaded);
        }
        if answer.arrived {
            drop(shard);
            let address = SocketAddr::new(announce.ip, announce.port);
            let arrivals = &self.arrivals;
            arrivals.note(announce.infohash, address, &answer.facts);
        }
        answer
    }
}

impl Shard {
    /// Fetch what an announce reads of its swarm, given the `rng` that it will be given.
    #[inline]
    pub(super) fn prefetch<P: Family>(&self, call: &Call<'_, P>, rng: &mut Rng) {
        let found = self
            .torrents
            .find(&call.announce.infohash, call.torrent_hash);
        let slot = found.map(|number| self.torrents.slot(number));
        if let Some(slot) = slot
            && let View::Many(peers) = P::view(slot)
        {
            peers.prefetch(call.asker_hash);
            prefetch_peers(peers, call.announce.numwant, call.useful().of(slot), rng);
        }
    }

    #[inline]
    pub(super) fn announce<P: Family>(
        &mut self,
        call: &Call<'_, P>,
        rng: &mut Rng,
        outs: Outs<'_>,
    ) -> Answer {
        if call.announce.event == Event::Stopped {
            return Answer::of(self.stop(call));
        }
        let turn = &call.turn;
        let opened = self.find_or_open(turn, &call.announce.infohash, call.torrent_hash);
        let Some(number) = opened else {
            return Answer::of(Facts {
                refused: Some(Refused::Torrents),
                ..Facts::default()
            });
        };
        let mut facts = Facts::default();
        let mut arrived = false;
        let place = self.hear(call, number, rng, &mut facts, &mut arrived);
        let slot = self.torrents.slot_mut(number);
        facts.count(slot);
        if slot.len() == 0 {
            self.close_if_useless(turn, number);
            return Answer::of(facts);
        }
        let Some(place) = place else {
            return Answer::with_peers(facts, give(slot, call, rng, outs));
        };
        // Nobody is given itself: the asker is not in its place while peers are picked.
        let asker = std::mem::replace(P::place_mut(slot, place, call.asker_hash), P::EMPTY);
        let given = give(slot, call, rng, outs);
        *P::place_mut(slot, place, call.asker_hash) = asker;
        Answer {
            arrived,
            ..Answer::with_peers(facts, given)
        }
    }

    fn stop<P: Family>(&mut self, call: &Call<'_, P>) -> Facts {
        let mut facts = Facts::default();
        let found = self
            .torrents
            .find(&call.announce.infohash, call.torrent_hash);
        let Some(number) = found else {
            if let Some(cluster) = call.turn.cluster {
                self.tell_gone(call, cluster, None);
            }
            return facts;
        };
        let slot = self.torrents.slot(number);
        let mut old = None;
        if let Some(place) = P::find(slot, call.asker, call.asker_hash) {
            let meta = P::place(slot, place, call.asker_hash).meta();
            // Some clients stop when they have finished, and do not say `completed` before.
            if call.announce.left == 0 && !meta.is_seeder() && !meta.is_completed() {
                facts.completed_now = self.complete(call, number);
            }
            self.leave::<P>(&call.turn, number, place, call.asker_hash);
            old = Some(meta);
        }
        if let Some(cluster) = call.turn.cluster {
            self.tell_gone(call, cluster, old);
        }
        facts.count(self.torrents.slot(number));
        self.close_if_useless(&call.turn, number);
        facts
    }

    /// Answer a peer that does not join since nobody can connect to it.
    #[cold]
    fn overhear<P: Family>(&mut self, call: &Call<'_, P>, rng: &mut Rng, outs: Outs<'_>) -> Answer {
        let announce = call.announce;
        if announce.event == Event::Stopped {
            return Answer::of(self.stop(call));
        }
        if announce.left > 0 || announce.event != Event::Completed {
            return self.look(call, rng, outs);
        }
        let opened = self.find_or_open(&call.turn, &announce.infohash, call.torrent_hash);
        let completed_now = opened.is_some_and(|number| self.complete(call, number));
        let answer = self.look(call, rng, outs);
        if let Some(number) = opened {
            self.close_if_useless(&call.turn, number);
        }
        Answer {
            facts: Facts {
                completed_now,
                ..answer.facts
            },
            ..answer
        }
    }

    /// Write down what the peer says of itself and give its place, unless it is refused one.
    #[inline]
    fn hear<P: Family>(
        &mut self,
        call: &Call<'_, P>,
        number: u32,
        rng: &mut Rng,
        facts: &mut Facts,
        arrived: &mut bool,
    ) -> Option<usize> {
        let (turn, announce) = (&call.turn, call.announce);
        let seeder = announce.left == 0;
        let partial = !seeder && announce.event == Event::Paused;
        let says_so = seeder && announce.event == Event::Completed;
        let said = Meta::new(turn.now, seeder, partial);
        let slot = self.torrents.slot_mut(number);
        let (place, finished) = if let Some(place) = P::find(slot, call.asker, call.asker_hash) {
            let peer = P::place_mut(slot, place, call.asker_hash);
            let old = peer.meta();
            // Another client may be at the same address now; whether it is, its peer id tells.
            let counted = old.is_completed() && (seeder || announce.event != Event::Started);
            let finished = !counted && (says_so || seeder && !old.is_seeder());
            *arrived = said.wants_data() && !old.wants_data();
            let said = said.completed_if(counted | finished);
            if turn.cluster.is_none() {
                *peer = peer.with_meta(said);
            } else if let Some((said, is_change)) = turn.news(said, old) {
                *peer = peer.with_meta(said);
                tell(turn, announce.infohash, *peer, is_change);
            }
            let change = u32::from(seeder).wrapping_sub(u32::from(old.is_seeder()));
            slot.seeders = slot.seeders.wrapping_add(change);
            let seeders = &mut self.tally.seeders;
            *seeders = seeders.wrapping_add_signed(i64::from(change as i32));
            if partial != old.is_partial() {
                self.note_partials(number, if partial { 1 } else { -1 });
            }
            (place, finished)
        } else {
            facts.refused = self.refusal(call, number, rng);
            if facts.refused.is_some() {
                return None;
            }
            facts.joined = true;
            *arrived = said.wants_data();
            let mut peer = call.asker.with_meta(said.completed_if(says_so));
            if turn.cluster.is_some() {
                peer = peer.with_meta(self.said_by_new(call, peer.meta()));
                tell(turn, announce.infohash, peer, true);
            }
            (self.join(turn, number, peer, call.asker_hash), says_so)
        };
        if finished {
            facts.completed_now = self.complete(call, number);
        }
        Some(place)
    }

    /// Why a new peer is not taken; otherwise it is counted.
    fn refusal<P: Family>(
        &self,
        call: &Call<'_, P>,
        number: u32,
        rng: &mut Rng,
    ) -> Option<Refused> {
        let limits = call.turn.limits;
        let slot = self.torrents.slot(number);
        let per_address = limits.peers_per_address_max;
        if slot.len() as usize >= limits.peers_per_torrent_max {
            Some(Refused::PeersPerTorrent)
        } else if per_address > 0 && neighbours(slot, call.asker, rng) >= per_address {
            Some(Refused::PeersPerAddress)
        } else if !call.turn.load.peers.admit(limits.peers_max) {
            Some(Refused::Peers)
        } else {
            None
        }
    }
}

impl Answer {
    fn of(facts: Facts) -> Self {
        Self::with_peers(facts, (0, 0))
    }

    #[inline]
    pub(super) fn with_peers(facts: Facts, (own, other): (usize, usize)) -> Self {
        Self {
            facts,
            own,
            other,
            arrived: false,
        }
    }
}

impl Facts {
    #[inline]
    pub(super) fn count(&mut self, slot: &Slot) {
        let counts = slot.counts();
        self.complete = counts.complete;
        self.incomplete = counts.incomplete;
        self.downloaded = counts.downloaded;
    }
}

/// Write peers of both families and give the bytes of each.
#[inline]
pub(super) fn give<P: Family>(
    slot: &Slot,
    call: &Call<'_, P>,
    rng: &mut Rng,
    outs: Outs<'_>,
) -> (usize, usize) {
    let Outs { own, other } = outs;
    let numwant = call.announce.numwant;
    let outs = Outs {
        own: &mut *own,
        other: &mut *other,
    };
    let given = give_some(call.useful(), numwant, slot, call, rng, outs);
    if given == (0, 0) && call.may_have_nothing() {
        let numwant = numwant.min(LAST_RESORT);
        give_some(
            Useful::Everyone,
            numwant,
            slot,
            call,
            rng,
            Outs { own, other },
        )
    } else {
        given
    }
}

/// Write up to `numwant` peers, and tell the bytes of the asker's family and of the other.
///
/// The asker's own family goes first but leaves a quarter to the other one where that has peers.
#[inline]
fn give_some<P: Family>(
    useful: Useful,
    numwant: usize,
    slot: &Slot,
    call: &Call<'_, P>,
    rng: &mut Rng,
    Outs { own, other }: Outs<'_>,
) -> (usize, usize) {
    let useful_number = useful.of(slot);
    let origins = call.turn.origins.filter(|_| useful == Useful::Everyone);
    if useful_number == 0 && origins.is_none() {
        return (0, 0);
    }
    let others = P::Other::view(slot);
    let other_origins = origins.map_or(&[][..], P::Other::origins);
    let reserved = (others.len() + other_origins.len())
        .min(other.len() / P::Other::WIRE)
        .min(numwant / 4);
    let ask = Ask {
        asker: call.asker,
        useful,
        origins: origins.map_or(&[][..], P::origins),
        want: numwant - reserved,
        useful_number,
    };
    let own = select(&P::view(slot), &ask, rng, own);
    if other.is_empty() {
        return (own, 0);
    }
    let ask = Ask {
        asker: P::Other::EMPTY,
        useful,
        origins: other_origins,
        want: numwant - own / P::WIRE,
        useful_number,
    };
    (own, select(&others, &ask, rng, other))
}

impl Useful {
    /// How many of a swarm may be of these.
    #[inline]
    fn of(self, slot: &Slot) -> usize {
        match self {
            Self::Downloaders => (slot.len() - slot.seeders) as usize,
            Self::Everyone => slot.len() as usize,
        }
    }
}

/// Peers of the asker's host among the places of a sample.
#[cold]
pub(super) fn neighbours<P: Family>(slot: &Slot, asker: P, rng: &mut Rng) -> usize {
    let near = |peer: &&P| !peer.is_empty() && peer.same_host(asker);
    let groups = (SAMPLE / P::GROUP) as u32;
    match P::view(slot) {
        View::Few(peers) => peers.iter().filter(near).count(),
        View::Many(Peers::One(table)) => {
            let places = TableWalk::new(table, groups, rng).flatten().flatten();
            places.take(SAMPLE).filter(near).count()
        }
        View::Many(Peers::Many(parts)) => {
            let places = PartsWalk::new(parts, groups, rng).flatten().flatten();
            places.take(SAMPLE).filter(near).count()
        }
    }
}
