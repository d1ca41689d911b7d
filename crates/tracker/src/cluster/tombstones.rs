//! Who is gone, for as long as an older word about it may still come.
//!
//! A tombstone is 8 bytes: 51 bits of a keyed hash of torrent and peer, and when it went. They lie in sets
//! of one cache line; a full set of fresh ones makes the table twice as large, up to a bound, beyond which
//! the oldest is forgotten.

use super::stamp::{TIME, lateness};

const WAYS: usize = 8;
const HASH_SHIFT: u32 = 13;

/// Sets of one shard's table at most: 32 MiB over all shards, four million peers that went.
const SETS_MAX: usize = 2048;

const NOTHING: u64 = 0;

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Set([u64; WAYS]);

#[derive(Default)]
pub(crate) struct Tombstones(Vec<Set>);

/// No hash is all zeros, so no tombstone is.
fn key(hash: u64) -> u64 {
    (hash >> HASH_SHIFT).max(1) << HASH_SHIFT
}

fn at(key: u64, sets: usize) -> usize {
    (key >> HASH_SHIFT) as usize % sets
}

impl Tombstones {
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Set>()
    }

    /// When this peer went, if that is remembered.
    pub(crate) fn find(&self, hash: u64) -> Option<u16> {
        if self.0.is_empty() {
            return None;
        }
        let key = key(hash);
        let Set(ways) = &self.0[at(key, self.0.len())];
        let found = ways.iter().find(|other| *other & !u64::from(TIME) == key)?;
        Some(*found as u16 & TIME)
    }

    /// Remember that a peer went, over what was remembered of it. What is `life` units old is not needed.
    pub(crate) fn put(&mut self, hash: u64, word: u16, now: u16, life: u16) {
        if self.0.is_empty() {
            self.0.push(Set([NOTHING; WAYS]));
        }
        let key = key(hash);
        let entry = key | u64::from(word & TIME);
        while !self.put_in_set(key, entry, now, life) {
            self.grow(now, life);
        }
    }

    /// Put it in the place of itself, of nothing, of what is not needed, or of the oldest where the table
    /// grows no more.
    fn put_in_set(&mut self, key: u64, entry: u64, now: u16, life: u16) -> bool {
        let sets = self.0.len();
        let Set(ways) = &mut self.0[at(key, sets)];
        if let Some(own) = ways
            .iter_mut()
            .find(|other| **other & !u64::from(TIME) == key)
        {
            *own = entry;
            return true;
        }
        let age = |other: u64| {
            if other == NOTHING {
                u16::MAX
            } else {
                lateness(other as u16, now)
            }
        };
        let Some(oldest) = ways.iter_mut().max_by_key(|other| age(**other)) else {
            return false;
        };
        let is_free = age(*oldest) > life;
        if is_free || sets >= SETS_MAX {
            *oldest = entry;
            return true;
        }
        false
    }

    #[cold]
    fn grow(&mut self, now: u16, life: u16) {
        let sets = self.0.len() * 2;
        let old = std::mem::replace(&mut self.0, vec![Set([NOTHING; WAYS]); sets]);
        for entry in old.into_iter().flat_map(|Set(ways)| ways) {
            // Each set becomes two, so there is room.
            if entry != NOTHING && lateness(entry as u16, now) <= life {
                self.put_in_set(entry & !u64::from(TIME), entry, now, life);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: u16 = 500;

    fn hash(number: u64) -> u64 {
        (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn who_went_is_remembered_with_the_latest_time() {
        let mut tombstones = Tombstones::default();
        assert_eq!(tombstones.find(hash(0)), None);
        for number in 0..10_000 {
            tombstones.put(hash(number), 100, 100, LIFE);
        }
        tombstones.put(hash(7), 0xc067, 101, LIFE);
        assert!((0..10_000).all(|number| tombstones.find(hash(number)).is_some()));
        assert_eq!(tombstones.find(hash(7)), Some(103));
        assert_eq!(tombstones.find(hash(10_001)), None);
    }

    #[test]
    fn a_table_is_bounded_and_what_is_not_needed_makes_room_before_it_grows() {
        let mut tombstones = Tombstones::default();
        for number in 0..100_000 {
            let now = (number / 10) as u16;
            tombstones.put(hash(number), now, now, LIFE);
        }
        // Five thousand are needed at a time.
        assert!(tombstones.bytes() <= 4 * 5000 * 8, "{}", tombstones.bytes());
        for number in 0..100_000 {
            tombstones.put(hash(number), 100, 100, LIFE);
        }
        assert_eq!(tombstones.bytes(), SETS_MAX * 64);
        assert!(tombstones.find(hash(99_999)).is_some());
    }
}
