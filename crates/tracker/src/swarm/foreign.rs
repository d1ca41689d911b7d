//! Downloads that other nodes counted, as far as they are not counted by this one as well.
//!
//! What this node counted stays its own, in the slots; the sum of both is shown.

use std::collections::HashMap;

use super::Swarms;
use super::shard::{Shard, Turn};
use crate::cluster::Cluster;
use crate::folded::Folded;
use crate::model::{Completed, InfoHash};

/// Downloads taken back that wait for their owner: of more, later ones are counted twice.
const WITHDRAWN_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct Foreign {
    /// Below zero where more were taken back here than others have told of yet.
    counts: HashMap<InfoHash, i64, Folded>,
    withdrawn: HashMap<InfoHash, u32, Folded>,
    /// Of these downloads.
    marks: Vec<u64>,
}

impl Foreign {
    /// What is shown where so many were counted here.
    #[inline]
    pub(super) fn with(&self, infohash: &InfoHash, own: u32) -> u32 {
        if self.counts.is_empty() {
            return own;
        }
        let foreign = self.counts.get(infohash).copied().unwrap_or(0);
        i64::from(own)
            .saturating_add(foreign)
            .clamp(0, u32::MAX.into()) as u32
    }

    pub(super) fn holds(&self, infohash: &InfoHash) -> bool {
        self.counts.contains_key(infohash)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&InfoHash) -> bool) {
        self.counts.retain(|infohash, _| keep(infohash));
    }

    pub(super) fn remove(&mut self, infohash: &InfoHash) {
        self.counts.remove(infohash);
    }

    /// Take back the download of a mark, and tell if it can be remembered.
    pub(super) fn withdraw(&mut self, infohash: InfoHash, mark: u64) -> bool {
        if self.withdrawn.len() >= WITHDRAWN_MAX && !self.withdrawn.contains_key(&infohash) {
            return false;
        }
        *self.withdrawn.entry(infohash).or_default() += 1;
        self.marks.push(mark);
        *self.counts.entry(infohash).or_default() -= 1;
        true
    }
}

impl Shard {
    fn set_foreign(&mut self, turn: &Turn<'_>, infohash: &InfoHash, hash: u64, count: i64) {
        if count == 0 {
            self.foreign.counts.remove(infohash);
        } else {
            self.foreign.counts.insert(*infohash, count);
        }
        // A torrent that others counted for is there as one that was counted for here.
        if let Some(number) = self.find_or_open(turn, infohash, hash) {
            self.close_if_useless(turn, number);
        }
    }
}

impl Swarms {
    /// Set what is shown beside the downloads counted here: what other nodes counted, less what was
    /// taken back, here and there.
    pub fn set_foreign(&self, counts: &[(InfoHash, i64)]) {
        let turn = self.turn(0, None);
        for (infohash, count) in counts {
            let hash = self.keys.mix_torrent(infohash);
            let padded = self.padded(hash);
            let mut shard = padded.shard.lock();
            shard.set_foreign(&turn, infohash, hash, *count);
            padded.note(&shard);
        }
    }

    /// Take the downloads that were counted here and are taken back, as another node counted them too,
    /// with the marks that they were counted by; what is shown is less by them already.
    pub fn take_withdrawn(&self, mut take: impl FnMut(Completed)) {
        for padded in &self.shards {
            let mut shard = padded.shard.lock();
            let withdrawn = std::mem::take(&mut shard.foreign.withdrawn);
            let marks = std::mem::take(&mut shard.foreign.marks);
            drop(shard);
            if !withdrawn.is_empty() {
                let counts = withdrawn.into_iter().collect();
                take(Completed { counts, marks });
            }
        }
    }

    /// Take the downloads that were counted here since they were last taken, as
    /// [`Swarms::recall_counted_here`] takes them.
    pub fn take_counted_here(&self) -> Vec<(u64, InfoHash)> {
        self.cluster()
            .map(Cluster::take_counted)
            .unwrap_or_default()
    }

    /// Know again of downloads that an earlier run counted, should another node have counted them too, and
    /// tell the other nodes of them unless that run has.
    pub fn recall_counted_here(&self, counted: &[(u64, InfoHash)], is_told: bool) {
        if let Some(cluster) = self.cluster() {
            cluster.recall_counted(counted, is_told);
        }
    }
}
