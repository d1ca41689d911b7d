//! What carries blobs between nodes: a stream for each part, as a Redis has them.

use std::collections::{BTreeMap, VecDeque};

use super::node::Counted;

pub(super) struct Entry {
    /// What the carrier's clock showed.
    pub(super) at_s: i64,
    added_s: i64,
    pub(super) blob: Vec<u8>,
}

#[derive(Default)]
struct Stream {
    /// The number of the first entry that is kept.
    first: usize,
    entries: VecDeque<Entry>,
}

pub(super) struct Carrier {
    streams: Vec<Stream>,
    /// What each node counted, as it told last.
    pub(super) counted: BTreeMap<u64, Counted>,
    pub(super) is_up: bool,
    /// Seconds by which its clock is wrong.
    pub(super) wrong_s: i64,
    /// Seconds for which entries are kept.
    kept_s: i64,
}

impl Carrier {
    pub(super) fn new(parts: usize, kept_s: u32) -> Self {
        Self {
            streams: (0..parts).map(|_| Stream::default()).collect(),
            counted: BTreeMap::new(),
            is_up: true,
            wrong_s: 0,
            kept_s: kept_s.into(),
        }
    }

    pub(super) fn parts(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn add(&mut self, part: usize, blob: Vec<u8>, now_s: i64) {
        let stream = &mut self.streams[part];
        // Numbers of entries never go back, whatever the clock does.
        let before_s = stream.entries.back().map_or(i64::MIN, |last| last.at_s);
        stream.entries.push_back(Entry {
            at_s: before_s.max(now_s + self.wrong_s),
            added_s: now_s,
            blob,
        });
        while let Some(first) = stream.entries.front()
            && first.added_s < now_s - self.kept_s
        {
            stream.entries.pop_front();
            stream.first += 1;
        }
    }

    /// The next entry from a number on, with the number after it.
    pub(super) fn next(&self, part: usize, from: usize) -> Option<(&Entry, usize)> {
        let stream = &self.streams[part];
        let at = from.max(stream.first);
        let entry = stream.entries.get(at - stream.first)?;
        Some((entry, at + 1))
    }

    /// Whether entries from a number on are kept no more.
    pub(super) fn has_dropped(&self, part: usize, from: usize) -> bool {
        from < self.streams[part].first
    }

    pub(super) fn first(&self, part: usize) -> usize {
        self.streams[part].first
    }

    pub(super) fn end(&self, part: usize) -> usize {
        let stream = &self.streams[part];
        stream.first + stream.entries.len()
    }

    /// Loses the latest entries, as one does whose place is taken by a copy that is behind.
    pub(super) fn lose(&mut self, number: usize) {
        for stream in &mut self.streams {
            let kept = stream.entries.len().saturating_sub(number);
            stream.entries.truncate(kept);
        }
    }

    /// Starts again with nothing.
    pub(super) fn forget(&mut self) {
        self.counted.clear();
        for stream in &mut self.streams {
            stream.first += stream.entries.len();
            stream.entries.clear();
        }
    }
}
