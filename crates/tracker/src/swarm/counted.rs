//! Whose downloads were counted lately: a peer's is counted once, however often and from wherever it says so.
//!
//! A place in a swarm remembers that its peer was counted, but is gone when the peer stops, is another
//! one over the other address family, and is a minute old after a crash. So the latest are kept here too:
//! a mark of 8 bytes for each torrent and peer id, in sets of one cache line, the latest first. A mark
//! says all that is needed to put it back, so marks are what is saved.

use std::hash::Hasher;

use parking_lot::Mutex;
use siphasher::sip::SipHasher13;

use crate::model::{InfoHash, PeerId};

/// Sets of the table: 65,536 downloads in 512 KiB, most of it untouched where few are counted.
const SETS: usize = 8192;

/// Marks of a set.
const WAYS: usize = 8;

/// Where there is no mark.
const NOTHING: u64 = 0;

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Set([u64; WAYS]);

pub(super) struct Counted(Mutex<Box<[Set]>>);

impl Counted {
    pub(super) fn new() -> Self {
        Self::with_sets(SETS)
    }

    pub(super) fn with_sets(sets: usize) -> Self {
        Self(Mutex::new(vec![Set([NOTHING; WAYS]); sets].into()))
    }

    /// Mark a download as counted, and give the mark unless it was there.
    pub(super) fn add(&self, infohash: &InfoHash, peer_id: &PeerId) -> Option<u64> {
        let mark = mark(infohash, peer_id);
        self.put(mark).then_some(mark)
    }

    /// Put a mark before all others of its set, and tell if it was not there.
    pub(super) fn put(&self, mark: u64) -> bool {
        let mut sets = self.0.lock();
        let at = mark as usize % sets.len();
        let Set(marks) = &mut sets[at];
        let found = marks.iter().position(|other| *other == mark);
        marks[..=found.unwrap_or(WAYS - 1)].rotate_right(1);
        marks[0] = mark;
        found.is_none()
    }

    /// Every mark; putting them in this order makes the same table.
    pub(super) fn marks(&self) -> Vec<u64> {
        let sets = self.0.lock();
        let marks = sets.iter().flat_map(|Set(marks)| marks.iter().rev());
        marks.copied().filter(|mark| *mark != NOTHING).collect()
    }
}

/// The same in every process. Whoever finds two peer ids with the same mark has one of his own
/// downloads left uncounted, which he could have by not announcing it.
fn mark(infohash: &InfoHash, peer_id: &PeerId) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(infohash);
    hasher.write(peer_id);
    hasher.finish().max(NOTHING + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer_id(number: u32) -> PeerId {
        let mut peer_id = [b'-'; 20];
        peer_id[16..].copy_from_slice(&number.to_be_bytes());
        peer_id
    }

    #[test]
    fn a_peer_is_counted_once_for_each_torrent() {
        let counted = Counted::new();
        assert!(counted.add(&[1; 20], &peer_id(1)).is_some());
        assert!(counted.add(&[2; 20], &peer_id(1)).is_some());
        assert!(counted.add(&[1; 20], &peer_id(2)).is_some());
        assert_eq!(counted.add(&[1; 20], &peer_id(1)), None);
    }

    #[test]
    fn the_marks_of_a_table_make_the_same_table_again() {
        let [one, other] = [Counted::with_sets(4), Counted::with_sets(4)];
        for number in 0..50 {
            one.add(&[1; 20], &peer_id(number));
        }
        for mark in one.marks() {
            assert!(other.put(mark));
        }
        for number in 50..60 {
            one.add(&[1; 20], &peer_id(number));
            other.add(&[1; 20], &peer_id(number));
        }
        assert_eq!(one.marks(), other.marks());
        assert_eq!(one.marks().len(), 4 * WAYS);
    }

    #[test]
    fn the_mark_that_was_not_seen_for_longest_makes_room() {
        let counted = Counted::with_sets(1);
        let marks = 1..=WAYS as u64;
        assert!(marks.clone().all(|mark| counted.put(mark)));
        assert!(!counted.put(1));
        assert!(counted.put(100));
        assert!(!counted.put(1));
        assert!(counted.put(2));
    }

    /// What was saved by an older version has to be found by a newer one.
    #[test]
    fn a_mark_is_the_same_in_every_process() {
        assert_eq!(mark(&[1; 20], &[2; 20]), 9_684_136_382_291_588_503);
    }
}
