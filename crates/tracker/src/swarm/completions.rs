//! Completed downloads on their way to their owner, each with the mark that keeps it from being counted again.

use std::collections::HashMap;

use super::Swarms;
use super::announce::Call;
use super::shard::{Family, Shard};
use crate::model::{Completed, InfoHash};

/// Marks of a shard that wait: some megabytes over all. Beyond these a download is counted without, and
/// a crash that follows may have it counted again.
const MARKS_MAX: usize = 4096;

/// Downloads completed since they were last drained.
#[derive(Default)]
pub(super) struct Completions {
    by_torrent: HashMap<InfoHash, (u32, Vec<u64>)>,
    marks: usize,
}

impl Completions {
    fn add(&mut self, infohash: InfoHash, mark: u64) {
        let (count, marks) = self.by_torrent.entry(infohash).or_default();
        *count = count.saturating_add(1);
        if self.marks < MARKS_MAX {
            marks.push(mark);
            self.marks += 1;
        }
    }

    /// Take up to `limit` torrents.
    fn take(&mut self, limit: usize) -> impl Iterator<Item = Completed> {
        let taken = self.by_torrent.extract_if(|_, _| true).take(limit);
        taken.map(|(infohash, (count, marks))| {
            self.marks -= marks.len();
            Completed {
                infohash,
                count,
                marks,
            }
        })
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&InfoHash) -> bool) {
        self.by_torrent.retain(|infohash, (_, marks)| {
            let keeps = keep(infohash);
            self.marks -= if keeps { 0 } else { marks.len() };
            keeps
        });
    }

    pub(super) fn remove(&mut self, infohash: &InfoHash) {
        if let Some((_, marks)) = self.by_torrent.remove(infohash) {
            self.marks -= marks.len();
        }
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn counts(&self) -> impl Iterator<Item = (InfoHash, u32)> {
        let counts = self.by_torrent.iter();
        counts.map(|(infohash, (count, _))| (*infohash, *count))
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
        true
    }
}

impl Swarms {
    /// Take up to `limit` torrents with the downloads completed since they were last taken.
    pub fn drain_completed(&self, limit: usize) -> Vec<Completed> {
        let mut taken = Vec::new();
        for padded in &self.shards {
            if taken.len() == limit {
                break;
            }
            let mut shard = padded.shard.lock();
            taken.extend(shard.completions.take(limit - taken.len()));
        }
        taken
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
