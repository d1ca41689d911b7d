//! One shard of the store: torrents that come and go with their peers, and what they add up to.

use std::collections::HashMap;

use super::apply::Told;
use super::completions::Completions;
use super::counted::Counted;
use super::foreign::Foreign;
use super::load::Load;
use super::mix::Keys;
use super::origins::Origins;
use super::peer::{Coarse, Meta, PeerV4, PeerV6};
use super::slot::Kept;
use super::torrents::Torrents;
use crate::cluster::Cluster;
use crate::cluster::tombstones::Tombstones;
use crate::limits::Limits;
use crate::model::{Counts, InfoHash};

#[derive(Default)]
pub(super) struct Shard {
    pub(super) torrents: Torrents,
    pub(super) tally: Tally,
    pub(super) completions: Completions,
    /// How many partial seeds (BEP 21) a swarm has, of the few that have any.
    pub(super) partials: HashMap<InfoHash, u32>,
    /// Downloads that other nodes counted.
    pub(super) foreign: Foreign,
    /// Whom older words of other nodes must not bring back.
    pub(super) tombstones: Tombstones,
}

/// What the slots of a shard add up to.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) v4: u64,
    pub(super) v6: u64,
    pub(super) seeders: u64,
    pub(super) expired: u64,
    /// Bytes of peers beside the slots.
    pub(super) bytes: u64,
}

/// What is the same for everything done at a moment.
pub(super) struct Turn<'a> {
    pub(super) limits: &'a Limits,
    pub(super) cluster: Option<&'a Cluster>,
    pub(super) keys: &'a Keys,
    pub(super) load: &'a Load,
    pub(super) origins: Option<&'a Origins>,
    pub(super) counted: &'a Counted,
    pub(super) now: Coarse,
}

impl Turn<'_> {
    /// What a peer says again, as far as other nodes are to hear of it, and whether it is more than that
    /// the peer is still there.
    ///
    /// Where nobody hears of it the peer keeps its time, so that all nodes let it go at the same one.
    pub(super) fn news(&self, said: Meta, old: Meta) -> Option<(Meta, bool)> {
        let is_change = !said.says_as(old);
        let half = self.limits.peer_timeout_s / 2 / Coarse::UNIT_S;
        let is_news = is_change || u32::from(old.age(self.now)) >= half;
        is_news.then(|| (said.after(old, self.now), is_change))
    }
}

/// One of the two address families.
pub(super) trait Family: Kept + Told {
    type Other: Family;
    fn tally(tally: &mut Tally) -> &mut u64;
    fn origins(origins: &Origins) -> &[Self];
}

impl Family for PeerV4 {
    type Other = PeerV6;

    fn tally(tally: &mut Tally) -> &mut u64 {
        &mut tally.v4
    }

    fn origins(origins: &Origins) -> &[Self] {
        &origins.v4
    }
}

impl Family for PeerV6 {
    type Other = PeerV4;

    fn tally(tally: &mut Tally) -> &mut u64 {
        &mut tally.v6
    }

    fn origins(origins: &Origins) -> &[Self] {
        &origins.v6
    }
}

impl Shard {
    /// Find a torrent, or make it if there is room for one more.
    #[inline]
    pub(super) fn find_or_open(
        &mut self,
        turn: &Turn<'_>,
        infohash: &InfoHash,
        hash: u64,
    ) -> Option<u32> {
        let found = self.torrents.find(infohash, hash);
        found.or_else(|| self.open(turn, infohash, hash))
    }

    #[cold]
    fn open(&mut self, turn: &Turn<'_>, infohash: &InfoHash, hash: u64) -> Option<u32> {
        let fits = turn.load.torrents.admit(turn.limits.torrents_max);
        fits.then(|| {
            turn.load.empty.enter();
            self.torrents.insert(infohash, hash)
        })
    }

    /// Add a peer that is not in the swarm and is counted already, and give its place.
    pub(super) fn join<P: Family>(
        &mut self,
        turn: &Turn<'_>,
        number: u32,
        peer: P,
        hash: u64,
    ) -> usize {
        let slot = self.torrents.slot_mut(number);
        if slot.len() == 0 {
            turn.load.empty.leave(1);
        }
        let before = slot.bytes();
        let place = P::insert(slot, peer, hash, turn.keys);
        self.tally.bytes += (slot.bytes() - before) as u64;
        let seeder = peer.meta().is_seeder();
        slot.seeders += u32::from(seeder);
        self.tally.seeders += u64::from(seeder);
        *P::tally(&mut self.tally) += 1;
        if peer.meta().is_partial() {
            self.note_partials(number, 1);
        }
        place
    }

    /// Count partial seeds that came or went.
    #[cold]
    pub(super) fn note_partials(&mut self, number: u32, change: i32) {
        let infohash = self.torrents.slot(number).infohash;
        let partials = self.partials.entry(infohash).or_default();
        *partials = partials.saturating_add_signed(change);
        if *partials == 0 {
            self.partials.remove(&infohash);
        }
    }

    /// The numbers of a swarm.
    #[inline]
    pub(super) fn counts(&self, number: u32) -> Counts {
        let slot = self.torrents.slot(number);
        let mut counts = slot.counts();
        counts.downloaded = self.foreign.with(&slot.infohash, counts.downloaded);
        if !self.partials.is_empty() {
            counts.partial = self.partials.get(&slot.infohash).copied().unwrap_or(0);
        }
        counts
    }

    /// Remove a peer; the torrent is left, be it empty.
    pub(super) fn leave<P: Family>(
        &mut self,
        turn: &Turn<'_>,
        number: u32,
        place: usize,
        hash: u64,
    ) {
        let slot = self.torrents.slot_mut(number);
        let meta = P::remove(slot, place, hash).meta();
        let seeder = meta.is_seeder();
        slot.seeders -= u32::from(seeder);
        self.tally.seeders -= u64::from(seeder);
        *P::tally(&mut self.tally) -= 1;
        turn.load.peers.leave(1);
        if slot.len() == 0 {
            turn.load.empty.enter();
        }
        if meta.is_partial() {
            self.note_partials(number, -1);
        }
    }

    /// Remove a torrent that has no peers, unless its counter is worth keeping and there is room;
    /// tell if it was removed.
    pub(super) fn close_if_useless(&mut self, turn: &Turn<'_>, number: u32) -> bool {
        let slot = self.torrents.slot_mut(number);
        if slot.len() > 0 {
            return false;
        }
        let before = slot.bytes();
        slot.settle();
        self.tally.bytes -= before as u64;
        let is_counted = slot.completed() > 0 || self.foreign.holds(&slot.infohash);
        if is_counted && turn.load.empty.get() <= turn.limits.counters_kept_max {
            return false;
        }
        turn.load.empty.leave(1);
        turn.load.torrents.leave(1);
        self.torrents.remove(number, turn.keys);
        true
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (InfoHash, Counts)> {
        let numbers = 0..self.torrents.len();
        numbers.map(|number| (self.torrents.slot(number).infohash, self.counts(number)))
    }

    /// Raise a completed counter, of a torrent without peers too.
    pub(super) fn set_completed(
        &mut self,
        turn: &Turn<'_>,
        infohash: &InfoHash,
        hash: u64,
        count: u32,
    ) {
        if let Some(number) = self.find_or_open(turn, infohash, hash) {
            let completed = self.torrents.slot_mut(number).completed_mut();
            *completed = count.max(*completed);
            self.close_if_useless(turn, number);
        }
    }

    /// Remove a torrent with its peers and its counter; its completions are left to the caller.
    pub(super) fn forget(&mut self, turn: &Turn<'_>, number: u32) {
        let slot = self.torrents.slot(number);
        let [v4, v6] = [PeerV4::view(slot).len(), PeerV6::view(slot).len()];
        self.tally.v4 -= v4 as u64;
        self.tally.v6 -= v6 as u64;
        self.tally.seeders -= u64::from(slot.seeders);
        self.tally.bytes -= slot.bytes() as u64;
        turn.load.peers.leave(v4 + v6);
        turn.load.empty.leave(usize::from(slot.len() == 0));
        turn.load.torrents.leave(1);
        self.partials.remove(&slot.infohash);
        self.torrents.remove(number, turn.keys);
    }
}
