//! Who is in which swarm: takes announces, gives facts and compact peers.
//!
//! It knows no socket, file, clock or statistics: time is given by the caller, changes come back
//! as values. 256 shards have a lock each, held for one announce or one small step of a sweep.

mod announce;
mod apply;
mod arrivals;
mod census;
mod completions;
pub(crate) mod counted;
mod foreign;
mod index;
mod load;
mod look;
mod mix;
mod origins;
mod pages;
mod peer;
mod peers;
mod prefetch;
mod rejoin;
mod select;
mod shard;
#[cfg(test)]
mod simulated;
mod slot;
mod snapshot;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod torrents;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod trial;
mod walk;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};

use self::announce::{Call, Word};
pub use self::apply::Applied;
use self::arrivals::Arrivals;
use self::census::Distinct;
use self::counted::Counted;
use self::load::Load;
use self::mix::{Keys, scale};
use self::origins::Origins;
use self::peer::{Coarse, Meta, PeerV4, PeerV6};
use self::shard::{Shard, Turn};
#[cfg(feature = "fuzzing")]
pub(crate) use self::snapshot::sealed;
use self::snapshot::{Aging, Copied};
pub use self::snapshot::{Snapshot, SnapshotError};
use self::sweep::{Cursor, HOLD};
use crate::cluster::{Cluster, ClusterConfig};
use crate::limits::Limits;
use crate::model::{Announce, Counts, Facts, InfoHash, Totals, is_reachable};
use crate::rng::Rng;

const SHARDS: usize = 256;

/// All swarms of the tracker, shared by the workers.
pub struct Swarms {
    limits: Limits,
    timeout: u16,
    /// None where this tracker is not one of several.
    cluster: Option<Box<Cluster>>,
    keys: Keys,
    load: Load,
    origins: ArcSwapOption<Origins>,
    counted: Arc<Counted>,
    arrivals: Arrivals,
    shards: Box<[Padded]>,
    sweep: Mutex<(usize, Cursor)>,
}

/// A shard on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Padded {
    /// Where the index lies, for a prefetch without the lock: stale values fetch a line in vain.
    entries: AtomicPtr<u64>,
    places: AtomicUsize,
    shard: Mutex<Shard>,
}

impl Swarms {
    /// Pages begin at numbers below this, see [`Swarms::torrents_page`].
    pub const SHARDS: usize = SHARDS;

    /// Make an empty store.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    pub fn new(limits: Limits) -> Self {
        Self::keyed(limits, Keys::draw(random), Counted::new().into())
    }

    /// Make an empty store that is one of several, see `cluster`.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    pub fn clustered(limits: Limits, config: &ClusterConfig) -> Self {
        Self::new(limits).joined(Cluster::new(config, random))
    }

    fn joined(mut self, cluster: Cluster) -> Self {
        self.timeout = Self::life(&self.limits);
        self.cluster = Some(cluster.into());
        self
    }

    /// Make another one that counts no download which this one has counted, nor the other way round.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    #[must_use]
    pub fn beside(&self, limits: Limits) -> Self {
        Self::keyed(limits, Keys::draw(random), Arc::clone(&self.counted))
    }

    fn keyed(limits: Limits, keys: Keys, counted: Arc<Counted>) -> Self {
        let timeout_s = limits.peer_timeout_s.min(Limits::PEER_TIMEOUT_S_MAX);
        Self {
            limits,
            timeout: timeout_s.div_ceil(Coarse::UNIT_S) as u16,
            cluster: None,
            keys,
            load: Load::default(),
            origins: ArcSwapOption::empty(),
            counted,
            arrivals: Arrivals::new(),
            shards: (0..SHARDS).map(|_| Padded::default()).collect(),
            sweep: Mutex::default(),
        }
    }

    fn turn<'a>(&'a self, now: u32, origins: Option<&'a Origins>) -> Turn<'a> {
        let cluster = self.cluster.as_deref();
        let now = self.coarse(now);
        Turn {
            limits: &self.limits,
            cluster,
            keys: &self.keys,
            load: &self.load,
            origins,
            counted: &self.counted,
            now,
        }
    }

    /// The time of now as peers have it.
    #[inline]
    fn coarse(&self, now: u32) -> Coarse {
        match &self.cluster {
            None => Coarse::of(now),
            Some(cluster) => Coarse::of_units(cluster.now(now)),
        }
    }

    #[inline]
    fn padded(&self, hash: u64) -> &Padded {
        &self.shards[(hash >> 56) as usize % SHARDS]
    }

    #[inline]
    fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        self.padded(hash).shard.lock()
    }

    /// Fetch the index line of a torrent that is announced soon.
    #[inline]
    pub fn prefetch(&self, infohash: &InfoHash) {
        let hash = self.keys.mix_torrent(infohash);
        let padded = self.padded(hash);
        let place = scale(hash as u32, padded.places.load(Relaxed) as u32) as usize;
        prefetch::prefetch(padded.entries.load(Relaxed).wrapping_add(place));
    }

    /// Fetch the torrent itself; to be called some announces after [`Swarms::prefetch`].
    #[inline]
    pub fn prefetch_torrent(&self, infohash: &InfoHash) {
        let hash = self.keys.mix_torrent(infohash);
        if let Some(shard) = self.padded(hash).shard.try_lock() {
            shard.torrents.prefetch(hash);
        }
    }

    /// Fetch the peers that an announce will read; to be called some announces after
    /// [`Swarms::prefetch_torrent`].
    ///
    /// `rng` is a copy of the one that the announces will be made with, called for each of them in
    /// the same order, so that it meets the same peers.
    #[inline]
    pub fn prefetch_peers(&self, announce: &Announce, rng: &mut Rng) {
        let rng = &mut rng.fork();
        let hash = self.keys.mix_torrent(&announce.infohash);
        let Some(shard) = self.padded(hash).shard.try_lock() else {
            return;
        };
        let turn = self.turn(0, None);
        match announce.ip {
            IpAddr::V4(ip) => {
                let asker = PeerV4::new(ip, announce.port, Meta::UNSAID);
                shard.prefetch(&Call::new(turn, announce, hash, asker), rng);
            }
            IpAddr::V6(ip) => {
                let asker = PeerV6::new(ip, announce.port, Meta::UNSAID);
                shard.prefetch(&Call::new(turn, announce, hash, asker), rng);
            }
        }
    }

    /// Give these peers first in every answer to one who may want data: the publisher's own seeds.
    ///
    /// They are given whether they announce or not, and for every torrent.
    pub fn set_origins(&self, origins: &[SocketAddr]) {
        let some = (!origins.is_empty()).then(|| Origins::new(origins).into());
        self.origins.store(some);
    }

    /// Take a peer's word and write peers for it.
    ///
    /// An empty slice asks for no peers of that family. Seeders and partial seeds are given only
    /// peers that want data, but for their first announce: who starts may have nothing and not know
    /// it. Nobody is given itself. `now` is in seconds of any clock that does not go back.
    #[inline]
    pub fn announce(
        &self,
        announce: &Announce,
        now: u32,
        rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Facts {
        // One number an announce, whatever comes of it: `prefetch_peers` draws the same.
        let rng = &mut rng.fork();
        let word = if is_reachable(announce.port) {
            Word::Taken
        } else {
            Word::Counted
        };
        self.ask(announce, now, rng, v4_out, v6_out, word)
    }

    #[inline]
    pub fn scrape(&self, infohash: &InfoHash) -> Option<Counts> {
        let hash = self.keys.mix_torrent(infohash);
        let shard = self.lock(hash);
        let number = shard.torrents.find(infohash, hash)?;
        Some(shard.counts(number))
    }

    /// Every torrent with its numbers, in no order.
    pub fn torrents(&self) -> Vec<(InfoHash, Counts)> {
        let mut rows = Vec::with_capacity(self.load.torrents.get());
        for padded in &self.shards {
            let shard = padded.shard.lock();
            rows.extend(shard.rows());
        }
        rows
    }

    /// Torrents with their numbers, a page at a time: at least `limit` of them unless there are
    /// fewer, from where the last page ended, and where the next one begins unless there is none.
    ///
    /// A page is of whole shards, so a torrent that is there all the while is on one page, once.
    pub fn torrents_page(
        &self,
        from: usize,
        limit: usize,
    ) -> (Vec<(InfoHash, Counts)>, Option<usize>) {
        let mut rows = Vec::new();
        for (at, padded) in self.shards.iter().enumerate().skip(from) {
            if rows.len() >= limit.max(1) {
                return (rows, Some(at));
            }
            let shard = padded.shard.lock();
            rows.extend(shard.rows());
        }
        (rows, None)
    }

    /// Distinct addresses that seed something, and distinct addresses that do not.
    ///
    /// Exact up to a quarter of a million peers, an estimate within a tenth of a percent beyond.
    pub fn unique_ips(&self) -> (usize, usize) {
        let expected = self.load.peers.get();
        let mut seeders = Distinct::new(expected);
        let mut leechers = Distinct::new(expected);
        for padded in &self.shards {
            padded
                .shard
                .lock()
                .census(&self.keys, &mut seeders, &mut leechers);
        }
        (seeders.count(), leechers.count())
    }

    /// Remove silent peers: look at up to `budget` torrents or groups of peers from where the
    /// last call ended, and tell how many peers went.
    ///
    /// No lock is held for more than some tens of microseconds. A call that finds another one at
    /// work does nothing.
    pub fn sweep(&self, now: u32, budget: usize) -> usize {
        let Some(mut sweep) = self.sweep.try_lock() else {
            return 0;
        };
        let (at, cursor) = &mut *sweep;
        let turn = self.turn(now, None);
        let (mut work, mut expired, mut visited) = (0, 0, 0);
        while work < budget && visited <= SHARDS {
            let padded = &self.shards[*at];
            let mut shard = padded.shard.lock();
            let step = shard.sweep(&turn, self.timeout, HOLD.min(budget - work), cursor);
            padded.note(&shard);
            drop(shard);
            work += step.work;
            expired += step.expired;
            if step.ended {
                *at = (*at + 1) % SHARDS;
                visited += 1;
            }
        }
        expired
    }

    /// A sweep of the whole store costs about this much budget.
    pub fn sweep_cost(&self) -> usize {
        SHARDS + self.load.torrents.get() + self.load.peers.get() / 4
    }

    /// Everything worth keeping over a restart, as checksummed bytes with ages instead of times.
    pub fn snapshot(&self, now: u32) -> Vec<u8> {
        let mut snapshot = Snapshot::new(self.coarse(now));
        let mut bytes = Vec::new();
        while let Some(part) = self.snapshot_part(&mut snapshot, usize::MAX) {
            bytes.extend_from_slice(&part);
        }
        bytes
    }

    /// Begin a snapshot that is taken part by part, with the ages of `now`.
    pub fn begin_snapshot(&self, now: u32) -> Snapshot {
        Snapshot::new(self.coarse(now))
    }

    /// Take the next part of a snapshot, of at least `bytes_min` unless it is the last; None after
    /// that. The parts put together are the snapshot.
    pub fn snapshot_part(&self, snapshot: &mut Snapshot, bytes_min: usize) -> Option<Vec<u8>> {
        if snapshot.shard > self.shards.len() {
            return None;
        }
        let mut part = Vec::new();
        snapshot.open(&mut part);
        let mut copy = Copied::default();
        while let Some(padded) = self.shards.get(snapshot.shard) {
            padded.shard.lock().copy_to(&mut copy);
            snapshot.add(&mut part, &copy);
            snapshot.shard += 1;
            if part.len() >= bytes_min {
                snapshot.close(&part);
                return Some(part);
            }
        }
        snapshot.finish(&mut part);
        snapshot.shard += 1;
        Some(part)
    }

    /// Take in a snapshot that was made `age_s` seconds ago and tell how many peers it brought.
    ///
    /// What is known already is kept: a peer's newer announce, the higher completed counter.
    pub fn restore(&self, bytes: &[u8], age_s: u32, now: u32) -> Result<usize, SnapshotError> {
        let records = snapshot::read(bytes)?;
        let turn = self.turn(now, None);
        let aging = Aging {
            since: age_s.div_ceil(Coarse::UNIT_S),
            timeout: self.timeout,
        };
        let mut added = 0;
        for record in &records {
            let hash = self.keys.mix_torrent(&record.infohash);
            let padded = self.padded(hash);
            let mut shard = padded.shard.lock();
            added += shard.restore(&turn, record, hash, &aging);
            padded.note(&shard);
        }
        Ok(added)
    }

    /// Forget every torrent that `keep` does not hold to, peers and counter, and tell how many.
    pub fn retain(&self, mut keep: impl FnMut(&InfoHash) -> bool) -> usize {
        let turn = self.turn(0, None);
        let mut forgotten = 0;
        for padded in &self.shards {
            let mut shard = padded.shard.lock();
            let mut number = 0;
            while number < shard.torrents.len() {
                if keep(&shard.torrents.slot(number).infohash) {
                    number += 1;
                } else {
                    shard.forget(&turn, number);
                    forgotten += 1;
                }
            }
            shard.completions.retain(&mut keep);
            shard.foreign.retain(&mut keep);
            padded.note(&shard);
        }
        forgotten
    }

    /// Forget one torrent, peers and counter, and tell if it was there.
    pub fn forget(&self, infohash: &InfoHash) -> bool {
        let hash = self.keys.mix_torrent(infohash);
        let padded = self.padded(hash);
        let mut shard = padded.shard.lock();
        let number = shard.torrents.find(infohash, hash);
        // A torrent that is gone for want of peers may have completions yet to be drained.
        shard.completions.remove(infohash);
        shard.foreign.remove(infohash);
        if let Some(number) = number {
            shard.forget(&self.turn(0, None), number);
            padded.note(&shard);
        }
        number.is_some()
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            bytes: (SHARDS * size_of::<Padded>()) as u64,
            ..<_>::default()
        };
        for padded in &self.shards {
            let shard = padded.shard.lock();
            totals.torrents += u64::from(shard.torrents.len());
            totals.peers_v4 += shard.tally.v4;
            totals.peers_v6 += shard.tally.v6;
            totals.seeders += shard.tally.seeders;
            totals.expired += shard.tally.expired;
            totals.bytes += shard.tally.bytes + shard.torrents.bytes() as u64;
        }
        totals
    }
}

fn random() -> u64 {
    getrandom::u64().expect("the system gives random numbers")
}

impl Padded {
    /// Note where the index lies now.
    #[inline]
    fn note(&self, shard: &Shard) {
        let entries = shard.torrents.index().entries();
        self.entries.store(entries.as_ptr().cast_mut(), Relaxed);
        self.places.store(entries.len(), Relaxed);
    }
}
