//! Completed downloads on their way to their owner, with the marks that keep them from being counted again.

use std::collections::HashMap;

use super::Swarms;
use super::announce::Call;
use super::shard::{Family, Shard};
use crate::folded::Folded;
use crate::model::{Completed, InfoHash};

/// Marks of a shard that wait: some megabytes over all. Beyond these a download is counted without, and
/// a crash that follows may have it counted again.
const MARKS_MAX: usize = 4096;

/// Downloads completed since they were last taken.
#[derive(Default)]
pub(super) struct Completions {
    counts: HashMap<InfoHash, u32, Folded>,
    marks: Vec<u64>,
}

impl Completions {
    fn add(&mut self, infohash: InfoHash, mark: u64) {
        let count = self.counts.entry(infohash).or_default();
        *count = count.saturating_add(1);
        if self.marks.len() < MARKS_MAX {
            self.marks.push(mark);
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&InfoHash) -> bool) {
        self.counts.retain(|infohash, _| keep(infohash));
    }

    pub(super) fn remove(&mut self, infohash: &InfoHash) {
        self.counts.remove(infohash);
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn counts(&self) -> impl Iterator<Item = (InfoHash, u32)> {
        let counts = self.counts.iter();
        counts.map(|(infohash, count)| (*infohash, *count))
    }
}

impl Shard {
    /// Count the download of a peer unless it was counted lately, and tell if so.
    #[cold]
    pub(super) fn complete<P: Family>(&mut self, call: &Call<'_, P>, number: u32) -> bool {
        let announce = call.announce;
        let counted = call.turn.counted;
        let Some(mark) = counted.add(announce) else {
            return false;
        };
        let completed = self.torrents.slot_mut(number).completed_mut();
        *completed = completed.saturating_add(1);
        self.completions.add(announce.infohash, mark);
        if let Some(cluster) = call.turn.cluster {
            cluster.tell_counted(&announce.infohash, mark);
        }
        true
    }
}

impl Swarms {
    /// Take the downloads completed since they were last taken, those of one shard after the other.
    pub fn take_completed(&self, mut take: impl FnMut(Completed)) {
        for padded in &self.shards {
            let Completions { counts, marks } =
                std::mem::take(&mut padded.shard.lock().completions);
            if !counts.is_empty() || !marks.is_empty() {
                let counts = counts.into_iter().collect();
                take(Completed { counts, marks });
            }
        }
    }

    /// Raise the completed counters to what an earlier run had reached.
    ///
    /// Torrents without peers are kept for their counter up to [`Limits::counters_kept_max`].
    ///
    /// [`Limits::counters_kept_max`]: crate::limits::Limits::counters_kept_max
    pub fn set_completed(&self, counts: &[(InfoHash, u32)]) {
        let turn = self.turn(0, None);
        for (infohash, count) in counts {
            let hash = self.keys.mix_torrent(infohash);
            let padded = self.padded(hash);
            let mut shard = padded.shard.lock();
            shard.set_completed(&turn, infohash, hash, *count);
            padded.note(&shard);
        }
    }

    /// Keep downloads from being counted again that an earlier run has counted, the earliest first.
    pub fn recall_counted(&self, marks: &[u64]) {
        for mark in marks {
            self.counted.put(*mark);
        }
    }

    /// The marks of the downloads counted lately, as [`Swarms::recall_counted`] takes them.
    pub fn counted(&self) -> Vec<u64> {
        self.counted.marks()
    }
}
