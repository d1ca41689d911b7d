//! What happened here and is to be told to the other nodes, within a bound.
//!
//! Changes (a peer came, went, or has all now) are kept longest; a refresh tells only that a peer is
//! still there, which its next one tells again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::fifo::Fifo;
use super::stamp::lateness;
use crate::model::InfoHash;

/// Bytes that an event is counted with: those on the wire of one that is alone of its torrent.
pub(super) const V4_BYTES: usize = 29;
pub(super) const V6_BYTES: usize = 41;
const MARK_BYTES: usize = 8;

/// Marks that wait in a part, as many as a node remembers.
const MARKS_MAX: usize = 65_536;

/// A torrent with a peer and the word about it, as they lie in the store.
pub(crate) type EventV4 = (InfoHash, [u8; 8]);
pub(crate) type EventV6 = (InfoHash, [u8; 20]);

/// What is taken out for one blob.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) v4: Vec<EventV4>,
    pub(super) v6: Vec<EventV6>,
    pub(super) marks: Vec<u64>,
}

#[derive(Default)]
struct Events {
    v4: Fifo<EventV4>,
    v6: Fifo<EventV6>,
}

#[derive(Default)]
struct Queue {
    changes: Events,
    refreshes: Events,
    marks: Fifo<u64>,
    bytes: usize,
    /// The oldest word of the events that were dropped and is in the store all the same.
    dropped_since: Option<u16>,
    missed: Option<Missed>,
}

/// What the store is looked through for, as it was dropped here: all peers with this word and later ones.
#[derive(Clone, Copy)]
pub(crate) struct Missed {
    pub(crate) since: u16,
    /// The page of the store to go on with.
    pub(crate) at: usize,
}

/// One queue for each part of the infohashes.
pub(crate) struct Outbox {
    queues: Box<[Mutex<Queue>]>,
    bytes_max: usize,
    dropped_refreshes: AtomicU64,
    dropped_changes: AtomicU64,
}

/// An event of either family.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    V4(EventV4),
    V6(EventV6),
}

fn word<const N: usize>(peer: &[u8; N]) -> u16 {
    u16::from_le_bytes([peer[N - 2], peer[N - 1]])
}

impl Event {
    fn word(&self) -> u16 {
        match self {
            Self::V4((_, peer)) => word(peer),
            Self::V6((_, peer)) => word(peer),
        }
    }
}

impl Events {
    fn push(&mut self, event: Event) {
        match event {
            Event::V4(event) => self.v4.push(event),
            Event::V6(event) => self.v6.push(event),
        }
    }

    /// Drop the oldest of one family, and give the word about it and the bytes it had.
    fn drop_one(&mut self) -> Option<(u16, usize)> {
        if self.v4.len() * V4_BYTES >= self.v6.len() * V6_BYTES {
            let (_, peer) = self.v4.pop()?;
            Some((word(&peer), V4_BYTES))
        } else {
            let (_, peer) = self.v6.pop()?;
            Some((word(&peer), V6_BYTES))
        }
    }

    /// Take what one chunk of each family has within `bytes`, and tell how many bytes that were.
    fn take(&mut self, bytes: usize, taken: &mut Taken) -> usize {
        let v4 = self.v4.take(bytes / V4_BYTES, &mut taken.v4) * V4_BYTES;
        let v6 = self.v6.take((bytes - v4) / V6_BYTES, &mut taken.v6) * V6_BYTES;
        v4 + v6
    }
}

impl Queue {
    fn note_dropped(&mut self, word: u16, now: u16) {
        let oldest = self.dropped_since.unwrap_or(word);
        let is_older = lateness(word, now) > lateness(oldest, now);
        self.dropped_since = Some(if is_older { word } else { oldest });
    }

    fn take(&mut self, bytes: usize, taken: &mut Taken) -> usize {
        let marks = self.marks.take(bytes / MARK_BYTES, &mut taken.marks) * MARK_BYTES;
        let mut took = marks + self.changes.take(bytes - marks, taken);
        if took == 0 {
            took = self.refreshes.take(bytes, taken);
        }
        self.bytes -= took;
        took
    }
}

impl Outbox {
    /// Make one that holds `bytes_max` over all its parts.
    pub(super) fn new(bytes_max: usize, parts: usize) -> Self {
        let parts = parts.max(1);
        Self {
            queues: (0..parts).map(|_| Mutex::default()).collect(),
            bytes_max: bytes_max / parts,
            dropped_refreshes: AtomicU64::new(0),
            dropped_changes: AtomicU64::new(0),
        }
    }

    pub(super) fn parts(&self) -> usize {
        self.queues.len()
    }

    #[inline]
    fn queue(&self, infohash: &InfoHash) -> &Mutex<Queue> {
        &self.queues[part_of(infohash, self.queues.len())]
    }

    pub(super) fn push(&self, event: Event, is_change: bool) {
        let (infohash, bytes) = match &event {
            Event::V4((infohash, _)) => (infohash, V4_BYTES),
            Event::V6((infohash, _)) => (infohash, V6_BYTES),
        };
        let mut queue = self.queue(infohash).lock();
        let has_room = self.make_room(&mut queue, bytes, is_change, event.word());
        if !has_room {
            queue.note_dropped(event.word(), event.word());
            return;
        }
        queue.bytes += bytes;
        let events = if is_change {
            &mut queue.changes
        } else {
            &mut queue.refreshes
        };
        events.push(event);
    }

    pub(super) fn push_mark(&self, infohash: &InfoHash, mark: u64) {
        let mut queue = self.queue(infohash).lock();
        // A bound of their own for marks: no event makes room for them.
        if queue.marks.len() < MARKS_MAX {
            queue.bytes += MARK_BYTES;
            queue.marks.push(mark);
        } else {
            self.dropped_changes.fetch_add(1, Relaxed);
        }
    }

    /// Drop the oldest refreshes, then the oldest changes, until there is room; a refresh that finds
    /// changes alone is dropped itself.
    #[inline]
    fn make_room(&self, queue: &mut Queue, bytes: usize, is_change: bool, now: u16) -> bool {
        while queue.bytes + bytes > self.bytes_max {
            let refresh = queue.refreshes.drop_one();
            let dropped = if refresh.is_some() || !is_change {
                self.dropped_refreshes.fetch_add(1, Relaxed);
                refresh
            } else {
                self.dropped_changes.fetch_add(1, Relaxed);
                queue.changes.drop_one()
            };
            let Some((word, bytes)) = dropped else {
                return false;
            };
            queue.bytes -= bytes;
            queue.note_dropped(word, now);
        }
        true
    }

    /// Take up to `bytes` of a part, changes first. The lock is held for one chunk at a time.
    pub(super) fn take(&self, part: usize, bytes: usize) -> Taken {
        let mut taken = Taken::default();
        let Some(queue) = self.queues.get(part) else {
            return taken;
        };
        let mut left = bytes;
        loop {
            let took = queue.lock().take(left, &mut taken);
            left -= took;
            if took == 0 {
                return taken;
            }
        }
    }

    /// What was dropped of a part, once nothing else of it waits.
    pub(super) fn missed(&self, part: usize) -> Option<Missed> {
        let mut queue = self.queues.get(part)?.lock();
        if queue.missed.is_none() {
            let since = queue.dropped_since.take()?;
            queue.missed = Some(Missed { since, at: 0 });
        }
        queue.missed
    }

    pub(super) fn made_good(&self, part: usize, missed: &Missed, next: Option<usize>) {
        let since = missed.since;
        self.queues[part].lock().missed = next.map(|at| Missed { since, at });
    }

    pub(super) fn bytes(&self) -> usize {
        self.queues.iter().map(|queue| queue.lock().bytes).sum()
    }

    pub(super) fn dropped(&self) -> [u64; 2] {
        [&self.dropped_refreshes, &self.dropped_changes].map(|count| count.load(Relaxed))
    }
}

/// The part of an infohash among so many, each a range of infohashes as long as the others.
#[inline]
pub(crate) fn part_of(infohash: &InfoHash, parts: usize) -> usize {
    let [a, b, c, d, ..] = *infohash;
    let first = u64::from(u32::from_be_bytes([a, b, c, d]));
    ((first * parts as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u8) -> Event {
        Event::V4(([number; 20], [number; 8]))
    }

    fn first_bytes(taken: &Taken) -> Vec<u8> {
        taken.v4.iter().map(|(infohash, _)| infohash[0]).collect()
    }

    #[test]
    fn a_full_one_drops_the_oldest_refreshes_and_keeps_changes() {
        let outbox = Outbox::new(4 * V4_BYTES, 1);
        for number in 0..3 {
            outbox.push(event(number), false);
        }
        for number in 10..13 {
            outbox.push(event(number), true);
        }
        assert_eq!(outbox.dropped(), [2, 0]);
        assert_eq!(outbox.bytes(), 4 * V4_BYTES);
        outbox.push(event(13), true);
        outbox.push(event(3), false);
        assert_eq!(outbox.dropped(), [4, 0]);
        outbox.push(event(14), true);
        assert_eq!(outbox.dropped(), [4, 1]);
        let taken = outbox.take(0, usize::MAX);
        assert_eq!(first_bytes(&taken), [11, 12, 13, 14]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn what_is_taken_is_bounded_and_begins_with_changes() {
        let outbox = Outbox::new(1 << 20, 1);
        for number in 0..4 {
            outbox.push(event(number), false);
            outbox.push(event(10 + number), true);
        }
        outbox.push_mark(&[1; 20], 77);
        let taken = outbox.take(0, MARK_BYTES + 6 * V4_BYTES);
        assert_eq!(taken.marks, [77]);
        assert_eq!(first_bytes(&taken), [10, 11, 12, 13, 0, 1]);
        assert_eq!(first_bytes(&outbox.take(0, 2 * V4_BYTES)), [2, 3]);
        assert!(outbox.take(0, 2 * V4_BYTES).v4.is_empty());
        assert!(outbox.take(1, 2 * V4_BYTES).v4.is_empty());
    }

    #[test]
    fn parts_are_ranges_of_equal_length() {
        for (first, part) in [
            (0, 0),
            (0x3f, 0),
            (0x40, 1),
            (0x7f, 1),
            (0x80, 2),
            (0xff, 3),
        ] {
            assert_eq!(part_of(&[first; 20], 4), part);
            assert_eq!(part_of(&[first; 20], 1), 0);
        }
        let outbox = Outbox::new(1 << 20, 4);
        (0..=255).for_each(|first| outbox.push(event(first), true));
        let lens: Vec<usize> = (0..4)
            .map(|part| outbox.take(part, usize::MAX).v4.len())
            .collect();
        assert_eq!(lens, [64; 4]);
    }
}
