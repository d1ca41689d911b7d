//! What happened at other nodes comes into the swarms, and what happens here goes out to them.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use super::Swarms;
use super::announce::{Call, neighbours};
use super::mix::fold;
use super::peer::{Coarse, Meta, Peer, PeerV4, PeerV6};
use super::shard::{Family, Shard, Turn};
use crate::cluster::codec::{self, Group};
use crate::cluster::stamp::{self, AHEAD_MAX};
use crate::cluster::{BlobError, Cluster, Event};
use crate::limits::Limits;
use crate::model::{InfoHash, is_reachable};
use crate::rng::Rng;

/// A peer of several nodes' that is silent is kept half as long again: what it says again within half its
/// time is told to nobody. With twelve hours that is as long as times do not come round.
const LIFE_MAX: u16 = 6800;

/// Torrents that memory is asked for before their turn, twice.
const AHEAD: usize = 8;

/// What became of the events of another node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// They changed something.
    pub changed: usize,
    /// Something later was known already, or they are too old.
    pub stale: usize,
    /// Their torrent or address is not served here, or there is no room.
    pub refused: usize,
}

#[derive(Clone, Copy)]
enum Fate {
    Changed,
    Stale,
    Refused,
}

impl Applied {
    fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Changed => self.changed += 1,
            Fate::Stale => self.stale += 1,
            Fate::Refused => self.refused += 1,
        }
    }
}

/// The tombstone of a peer.
fn grave(torrent_hash: u64, peer_hash: u64) -> u64 {
    fold(torrent_hash ^ 0x9e37_79b9_7f4a_7c15, peer_hash | 1)
}

impl Swarms {
    /// Units after which a silent peer is gone where there are several nodes.
    pub(super) fn life(limits: &Limits) -> u16 {
        let timeout_s = limits.peer_timeout_s.min(Limits::PEER_TIMEOUT_S_MAX);
        let life = (timeout_s + timeout_s / 2).div_ceil(Coarse::UNIT_S);
        (life as u16).min(LIFE_MAX)
    }

    /// What this store is one of, if it is one of several.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_deref()
    }

    /// Take up to about `bytes_max` of what happened here and the other nodes do not know, of one range
    /// of infohashes; empty if nothing did.
    pub fn take_events(&self, part: usize, bytes_max: usize, now: u32) -> Vec<u8> {
        let Some(cluster) = self.cluster.as_deref() else {
            return Vec::new();
        };
        let mut blob = cluster.take(part, bytes_max, now);
        // What was dropped is in the store: it is told from there once nothing else waits.
        while blob.is_empty()
            && let Some(missed) = cluster.missed(part)
        {
            let page = self.missed_page(part, missed.since, missed.at, bytes_max, now);
            let (bytes, next) = page.unwrap_or_default();
            cluster.made_good(part, &missed, next);
            cluster.count_out(&bytes);
            blob = bytes;
        }
        blob
    }

    /// Take in what another node told `age_s` seconds ago, all of it or, where it is damaged, nothing.
    ///
    /// Whatever of it is later than what is known counts, in whatever order and however often it comes.
    /// A lock is held for one torrent's peers of a blob, at most 128.
    pub fn apply_events(
        &self,
        bytes: &[u8],
        age_s: u32,
        now: u32,
        admits_torrent: impl Fn(&InfoHash) -> bool,
        admits_peer: impl Fn(IpAddr) -> bool,
    ) -> Result<Applied, BlobError> {
        let mut applied = Applied::default();
        let Some(cluster) = self.cluster.as_deref() else {
            return Ok(applied);
        };
        let blob = codec::read(bytes).inspect_err(|_| {
            cluster.counts().cluster_blobs_refused.fetch_add(1, Relaxed);
        })?;
        if cluster.is_own(&blob.head) {
            return Ok(applied);
        }
        let more = cluster.heed(&blob.head, age_s, now);
        for mark in blob.marks() {
            self.heed_counted(cluster, &blob.head, mark);
        }
        let here = |word: [u8; 2]| {
            let word = u16::from_le_bytes(word);
            Meta(stamp::shifted(word, 0_u16.wrapping_sub(more))).as_told()
        };
        let groups: Vec<Group<'_>> = blob.groups().collect();
        for (at, group) in groups.iter().enumerate() {
            if let Some(soon) = groups.get(at + 2 * AHEAD) {
                self.prefetch(soon.infohash());
            }
            if let Some(soon) = groups.get(at + AHEAD) {
                self.prefetch_torrent(soon.infohash());
            }
            let infohash = *group.infohash();
            let is_admitted = admits_torrent(&infohash);
            match group {
                Group::V4(_, peers) => {
                    let peers = peers.iter().map(|bytes| {
                        PeerV4::from_bytes(*bytes).with_meta(here([bytes[6], bytes[7]]))
                    });
                    self.apply_group(
                        &infohash,
                        peers,
                        now,
                        is_admitted,
                        &admits_peer,
                        &mut applied,
                    );
                }
                Group::V6(_, peers) => {
                    let peers = peers.iter().map(|bytes| {
                        PeerV6::from_bytes(*bytes).with_meta(here([bytes[18], bytes[19]]))
                    });
                    self.apply_group(
                        &infohash,
                        peers,
                        now,
                        is_admitted,
                        &admits_peer,
                        &mut applied,
                    );
                }
            }
        }
        let counts = cluster.counts();
        let events = applied.changed + applied.stale + applied.refused;
        counts.cluster_blobs_in.fetch_add(1, Relaxed);
        counts
            .cluster_bytes_in
            .fetch_add(bytes.len() as u64, Relaxed);
        counts.cluster_events_in.fetch_add(events as u64, Relaxed);
        counts
            .cluster_events_stale
            .fetch_add(applied.stale as u64, Relaxed);
        counts
            .cluster_events_refused
            .fetch_add(applied.refused as u64, Relaxed);
        Ok(applied)
    }

    fn apply_group<P: Family>(
        &self,
        infohash: &InfoHash,
        peers: impl ExactSizeIterator<Item = P>,
        now: u32,
        is_admitted: bool,
        admits_peer: &impl Fn(IpAddr) -> bool,
        applied: &mut Applied,
    ) {
        if !is_admitted {
            applied.refused += peers.len();
            return;
        }
        let turn = self.turn(now, None);
        let hash = self.keys.mix_torrent(infohash);
        let padded = self.padded(hash);
        let mut shard = padded.shard.lock();
        for peer in peers {
            let address = peer.address();
            let can_be = is_reachable(address.port())
                && !is_mapped(address.ip())
                && admits_peer(address.ip());
            // What lies too far ahead is as what is too old.
            let is_late = stamp::lateness(peer.meta().0, turn.now.0) > AHEAD_MAX + self.timeout;
            applied.count(match (can_be, is_late) {
                (false, _) => Fate::Refused,
                (true, true) => Fate::Stale,
                (true, false) => shard.apply(&turn, infohash, hash, peer, self.timeout),
            });
        }
        padded.note(&shard);
    }

    /// Keep a download from being counted here that another node counted, and take it back if it was.
    fn heed_counted(&self, cluster: &Cluster, head: &codec::Head, mark: u64) {
        self.counted.put(mark);
        if let Some((own, infohash)) = cluster.counted_twice(head, mark) {
            let hash = self.keys.mix_torrent(&infohash);
            if self.lock(hash).foreign.withdraw(infohash, own) {
                cluster.counts().cluster_withdrawn.fetch_add(1, Relaxed);
            }
        }
    }

    /// Bytes of what is remembered of peers that went.
    pub(crate) fn tombstone_bytes(&self) -> u64 {
        let shards = self.shards.iter();
        let bytes = shards.map(|padded| padded.shard.lock().tombstones.bytes() as u64);
        bytes.sum()
    }
}

/// IPv4 as IPv6 has it: a peer that has a place as IPv4.
fn is_mapped(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
    }
}

impl Shard {
    /// Take in what another node says of a peer, if nothing later is known.
    fn apply<P: Family>(
        &mut self,
        turn: &Turn<'_>,
        infohash: &InfoHash,
        torrent_hash: u64,
        peer: P,
        life: u16,
    ) -> Fate {
        let said = peer.meta();
        let peer_hash = peer.mix(turn.keys);
        let number = self.torrents.find(infohash, torrent_hash);
        let known = number.and_then(|number| {
            let place = P::find(self.torrents.slot(number), peer, peer_hash)?;
            Some((number, place))
        });
        let Some((number, place)) = known else {
            return self.apply_new(turn, infohash, [torrent_hash, peer_hash], peer, life);
        };
        let old = P::place(self.torrents.slot(number), place, peer_hash).meta();
        if !said.beats(old, turn.now) {
            return Fate::Stale;
        }
        if said.is_sound() {
            self.put_word::<P>(number, place, peer_hash, said);
        } else {
            self.leave::<P>(turn, number, place, peer_hash);
            self.bury(turn, torrent_hash, peer_hash, said, life);
            self.close_if_useless(turn, number);
        }
        Fate::Changed
    }

    /// Of a peer that is not in the swarm.
    fn apply_new<P: Family>(
        &mut self,
        turn: &Turn<'_>,
        infohash: &InfoHash,
        [torrent_hash, peer_hash]: [u64; 2],
        peer: P,
        life: u16,
    ) -> Fate {
        let said = peer.meta();
        let buried = self.tombstones.find(grave(torrent_hash, peer_hash));
        if buried.is_some_and(|at| !said.beats(Meta::gone(Coarse::of_units(at)), turn.now)) {
            return Fate::Stale;
        }
        if !said.is_sound() {
            self.bury(turn, torrent_hash, peer_hash, said, life);
            return Fate::Changed;
        }
        let limits = turn.limits;
        let Some(number) = self.find_or_open(turn, infohash, torrent_hash) else {
            return Fate::Refused;
        };
        let slot = self.torrents.slot(number);
        let per_address = limits.peers_per_address_max;
        let is_crowded = || neighbours(slot, peer, &mut Rng::with_seed(peer_hash)) >= per_address;
        let fits = (slot.len() as usize) < limits.peers_per_torrent_max
            && !(per_address > 0 && is_crowded())
            && turn.load.peers.admit(limits.peers_max);
        if !fits {
            self.close_if_useless(turn, number);
            return Fate::Refused;
        }
        self.join(turn, number, peer, peer_hash);
        Fate::Changed
    }

    fn bury(&mut self, turn: &Turn<'_>, torrent_hash: u64, peer_hash: u64, said: Meta, life: u16) {
        let grave = grave(torrent_hash, peer_hash);
        self.tombstones
            .put(grave, said.0, turn.now.0, AHEAD_MAX + life);
    }

    /// Remember that a peer went, and tell the other nodes.
    #[cold]
    pub(super) fn tell_gone<P: Family>(
        &mut self,
        call: &Call<'_, P>,
        cluster: &Cluster,
        old: Option<Meta>,
    ) {
        let turn = &call.turn;
        let grave = grave(call.torrent_hash, call.asker_hash);
        let buried = self.tombstones.find(grave);
        let gone = Meta::gone(turn.now);
        let gone = match (old, buried) {
            (Some(old), _) => gone.after(old, turn.now),
            (None, Some(at)) => {
                let at = Meta::gone(Coarse::of_units(at));
                let gone = gone.after(at, turn.now);
                // Whoever says so again at once costs nothing.
                if gone == at {
                    return;
                }
                gone
            }
            // Another node may have heard of it.
            (None, None) => gone,
        };
        let life = Swarms::life(turn.limits);
        self.tombstones
            .put(grave, gone.0, turn.now.0, AHEAD_MAX + life);
        cluster.tell(
            P::event(call.announce.infohash, call.asker.with_meta(gone)),
            true,
        );
    }

    /// What a peer says that is not in the swarm, after it may have gone.
    pub(super) fn said_by_new<P: Family>(&self, call: &Call<'_, P>, said: Meta) -> Meta {
        let grave = grave(call.torrent_hash, call.asker_hash);
        match self.tombstones.find(grave) {
            Some(at) => said.after(Meta::gone(Coarse::of_units(at)), call.turn.now),
            None => said,
        }
    }

    /// Write down what a peer says, and what that changes in the numbers.
    pub(super) fn put_word<P: Family>(&mut self, number: u32, place: usize, hash: u64, said: Meta) {
        let slot = self.torrents.slot_mut(number);
        let peer = P::place_mut(slot, place, hash);
        let old = peer.meta();
        *peer = peer.with_meta(said);
        let change = u32::from(said.is_seeder()).wrapping_sub(u32::from(old.is_seeder()));
        slot.seeders = slot.seeders.wrapping_add(change);
        let seeders = &mut self.tally.seeders;
        *seeders = seeders.wrapping_add_signed(i64::from(change as i32));
        if said.is_partial() != old.is_partial() {
            self.note_partials(number, if said.is_partial() { 1 } else { -1 });
        }
    }
}

/// Tell the other nodes what a peer says, which is new to them.
#[cold]
pub(super) fn tell<P: Family>(turn: &Turn<'_>, infohash: InfoHash, peer: P, is_change: bool) {
    if let Some(cluster) = turn.cluster {
        cluster.tell(P::event(infohash, peer), is_change);
    }
}

/// A peer of a family that other nodes are told of.
pub(super) trait Told: Peer {
    fn event(infohash: InfoHash, peer: Self) -> Event;
}

impl Told for PeerV4 {
    fn event(infohash: InfoHash, peer: Self) -> Event {
        Event::V4((infohash, peer.to_bytes()))
    }
}

impl Told for PeerV6 {
    fn event(infohash: InfoHash, peer: Self) -> Event {
        Event::V6((infohash, peer.to_bytes()))
    }
}
