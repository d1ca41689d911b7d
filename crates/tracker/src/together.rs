//! A tracker as one of several: what it tells the others, and what it takes in from them.

use crate::cluster::BlobError;
use crate::model::{Completed, InfoHash};
use crate::swarm::Applied;
use crate::tracker::Tracker;

impl Tracker {
    /// Whether this is one of several.
    pub fn is_clustered(&self) -> bool {
        self.shared.store.swarms.cluster().is_some()
    }

    /// Take up to about `bytes_max` of what happened here and the other nodes do not know, of one of the
    /// [`ClusterConfig::parts`]; empty if nothing did.
    ///
    /// [`ClusterConfig::parts`]: crate::ClusterConfig::parts
    pub fn cluster_take(&self, part: usize, bytes_max: usize) -> Vec<u8> {
        let swarms = &self.shared.store.swarms;
        swarms.take_events(part, bytes_max, self.shared.clock.now_s())
    }

    /// Take in what another node told `age_s` seconds ago, all of it or, where it is damaged, nothing.
    ///
    /// It is trusted no more than a peer: what is not served here is left out.
    pub fn cluster_apply(&self, blob: &[u8], age_s: u32) -> Result<Applied, BlobError> {
        let gate = &self.shared.gate;
        let lists = gate.lists();
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.apply_events(
            blob,
            age_s,
            now_s,
            |infohash| lists.lists(infohash),
            |ip| lists.admit_address(ip).is_ok() && gate.admit_peer(ip).is_ok(),
        )
    }

    /// All peers for a node that joins, a page at a time, from where the last one ended (0 at first), and
    /// where the next one begins; none after the last. Each is taken in as [`Tracker::cluster_apply`] does.
    ///
    /// None where this tracker is alone.
    pub fn cluster_page(&self, from: usize, bytes_min: usize) -> Option<(Vec<u8>, Option<usize>)> {
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.events_page(from, bytes_min, now_s)
    }

    /// Show so many downloads beside those that were counted here, of each of these torrents.
    pub fn set_foreign(&self, counts: &[(InfoHash, i64)]) {
        self.shared.store.swarms.set_foreign(counts);
    }

    /// Take the downloads that were counted here and are taken back, as another node counted them too, with
    /// their marks.
    pub fn take_withdrawn(&self, take: impl FnMut(Completed)) {
        self.shared.store.swarms.take_withdrawn(take);
    }

    /// Take the marks and torrents of the downloads that were counted here since they were last taken.
    pub fn take_counted_here(&self) -> Vec<(u64, InfoHash)> {
        self.shared.store.swarms.take_counted_here()
    }

    /// Know again of downloads that an earlier run counted, as [`Tracker::take_counted_here`] gave them, and
    /// tell the other nodes of them unless that run has.
    pub fn recall_counted_here(&self, counted: &[(u64, InfoHash)], is_told: bool) {
        self.shared
            .store
            .swarms
            .recall_counted_here(counted, is_told);
    }

    /// Have peers that were silent for so long gone in two minutes, or with [`Tracker::drop_old`], unless
    /// another node says that they are there.
    pub fn make_old(&self, silent_s: u32) -> usize {
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.make_old(silent_s, now_s)
    }

    /// Have those gone soon of whom no other node said so.
    pub fn drop_old(&self) -> usize {
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.drop_old(now_s)
    }

    /// Every count of a cluster under its name; none where this tracker is alone.
    pub(crate) fn cluster_counts(&self) -> Vec<(&'static str, u64)> {
        let swarms = &self.shared.store.swarms;
        let Some(cluster) = swarms.cluster() else {
            return Vec::new();
        };
        let mut counts = cluster.all_counts();
        counts.push(("cluster_tombstone_bytes", swarms.tombstone_bytes()));
        counts
    }
}
