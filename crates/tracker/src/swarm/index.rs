//! From an infohash's hash to the number of its slot: eight bytes a torrent, open addressing.
//!
//! An entry is 32 bits of the hash and the slot's number plus one; zero is an empty place. It says
//! where it belongs, so the index grows and closes gaps without looking at a slot.

use super::mix::scale;

#[derive(Default)]
pub(super) struct Index {
    entries: Box<[u64]>,
    len: u32,
}

const PLACES_MIN: usize = 8;

#[inline]
fn entry(tag: u32, number: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(number + 1)
}

#[inline]
fn tag_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

impl Index {
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.entries)
    }

    /// The entries, for a prefetch from outside of the lock.
    pub(super) fn entries(&self) -> &[u64] {
        &self.entries
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        scale(tag, self.entries.len() as u32) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.entries.len() {
            0
        } else {
            place + 1
        }
    }

    /// Find the slot of this tag that `is` the wanted one.
    #[inline]
    pub(super) fn find(&self, tag: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let mut place = self.home(tag);
        loop {
            let entry = self.entries[place];
            if entry == 0 {
                return None;
            }
            let number = (entry as u32).wrapping_sub(1);
            if tag_of(entry) == tag && is(number) {
                return Some(number);
            }
            place = self.after(place);
        }
    }

    /// Add a slot that is not in the index.
    pub(super) fn insert(&mut self, tag: u32, number: u32) {
        if (self.len as usize + 1) * 5 > self.entries.len() * 4 {
            self.rebuild((self.entries.len() * 3 / 2).max(PLACES_MIN));
        }
        self.put(entry(tag, number));
        self.len += 1;
    }

    /// Take a slot out that is in the index.
    pub(super) fn remove(&mut self, tag: u32, number: u32) {
        let mut gap = self.place(tag, number);
        let mut next = self.after(gap);
        while self.entries[next] != 0 {
            let home = self.home(tag_of(self.entries[next]));
            // An entry may close the gap unless that would put it before its home.
            if self.distance(home, next) >= self.distance(gap, next) {
                self.entries[gap] = self.entries[next];
                gap = next;
            }
            next = self.after(next);
        }
        self.entries[gap] = 0;
        self.len -= 1;
        if self.entries.len() > PLACES_MIN && (self.len as usize) * 4 < self.entries.len() {
            self.rebuild((self.entries.len() / 2).max(PLACES_MIN));
        }
    }

    /// Give the slot with this tag another number.
    pub(super) fn renumber(&mut self, tag: u32, from: u32, to: u32) {
        let place = self.place(tag, from);
        self.entries[place] = entry(tag, to);
    }

    fn place(&self, tag: u32, number: u32) -> usize {
        let wanted = entry(tag, number);
        let mut place = self.home(tag);
        while self.entries[place] != wanted {
            debug_assert!(self.entries[place] != 0, "the slot is in the index");
            place = self.after(place);
        }
        place
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.entries.len() - from
        }
    }

    fn put(&mut self, entry: u64) {
        let mut place = self.home(tag_of(entry));
        while self.entries[place] != 0 {
            place = self.after(place);
        }
        self.entries[place] = entry;
    }

    #[cold]
    fn rebuild(&mut self, places: usize) {
        let old = std::mem::replace(&mut self.entries, vec![0; places].into());
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            self.put(entry);
        }
    }
}
