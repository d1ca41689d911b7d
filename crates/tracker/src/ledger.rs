//! Completed downloads of every torrent ever counted, and which of them are not saved yet.
//!
//! A tracker for everybody counts for many torrents that are long gone. Each costs 24 bytes here.
//! What is not saved yet has the marks beside it that keep its downloads from being counted again.

use std::collections::VecDeque;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::count_page;
use crate::model::{Completed, InfoHash};

/// Set in the count of an entry that is to be saved.
const UNSAVED: u32 = 1 << 31;

/// Entries a table begins with.
const CAPACITY_MIN: usize = 16;

/// Marks that wait to be saved, about as many as a tracker remembers; while nothing can be saved, later
/// ones are left out.
const MARKS_MAX: usize = 65_536;

#[derive(Clone, Copy)]
struct Entry {
    infohash: InfoHash,
    /// 0 where there is no entry.
    count: u32,
}

const _: () = assert!(size_of::<Entry>() == 24);

impl Entry {
    const EMPTY: Self = Self {
        infohash: [0; 20],
        count: 0,
    };

    fn pair(self) -> (InfoHash, u32) {
        (self.infohash, self.count & !UNSAVED)
    }
}

/// A table of counters in open addressing.
pub struct Ledger {
    entries: Vec<Entry>,
    len: usize,
    total: u64,
    unsaved: usize,
    /// Those to save, so that nobody has to look for the few of them among all.
    waiting: VecDeque<InfoHash>,
    /// Where those to save are looked for that are not in `waiting`, if there are any.
    sweep: Option<usize>,
    /// Of downloads that are not saved yet.
    marks: Vec<u64>,
    key: [u64; 2],
}

impl Ledger {
    /// What a counter stops at.
    pub const COUNT_MAX: u32 = UNSAVED - 1;

    /// Make an empty one.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    pub fn new() -> Self {
        let draw = || getrandom::u64().expect("the system gives random numbers");
        Self {
            entries: vec![Entry::EMPTY; CAPACITY_MIN],
            len: 0,
            total: 0,
            unsaved: 0,
            waiting: VecDeque::new(),
            sweep: None,
            marks: Vec::new(),
            key: [draw(), draw()],
        }
    }

    /// Torrents with a counter.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All counters together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The counter of a torrent, 0 if it has none.
    pub fn get(&self, infohash: &InfoHash) -> u32 {
        self.entries[self.place(infohash)].count & !UNSAVED
    }

    /// Count more downloads; the new value is to be saved.
    pub fn add(&mut self, infohash: &InfoHash, more: u32) {
        if more > 0 {
            let count = self.get(infohash).saturating_add(more);
            self.put(infohash, count, UNSAVED);
        }
    }

    /// Take over a value that is saved already, or that is known elsewhere, and never go down.
    ///
    /// One that is not saved yet stays so.
    pub fn load(&mut self, infohash: &InfoHash, count: u32) {
        if count > self.get(infohash) {
            let unsaved = self.entries[self.place(infohash)].count & UNSAVED;
            self.put(infohash, count, unsaved);
        }
    }

    /// Count downloads that a tracker tells of, with their marks.
    pub fn absorb(&mut self, completed: &Completed) {
        for (infohash, more) in &completed.counts {
            self.add(infohash, *more);
        }
        self.put_marks(&completed.marks);
    }

    /// Take up to `limit` values to save, with the marks to save in the same transaction.
    ///
    /// Marks come with the last of the values that wait: one that was saved before its download would
    /// have it never counted, should a crash come between.
    pub fn take(&mut self, limit: usize) -> Completed {
        let mut counts = Vec::with_capacity(limit.min(self.unsaved));
        while counts.len() < limit && self.unsaved > 0 {
            let Some(place) = self.next_place() else {
                break;
            };
            let entry = &mut self.entries[place];
            if entry.count & UNSAVED != 0 {
                entry.count &= !UNSAVED;
                self.unsaved -= 1;
                counts.push(entry.pair());
            }
        }
        if self.waiting.is_empty() {
            // A turn of many has the next ones few.
            self.waiting = VecDeque::new();
        }
        let is_last = self.unsaved == 0 && !counts.is_empty();
        let marks = if is_last {
            std::mem::take(&mut self.marks)
        } else {
            Vec::new()
        };
        Completed { counts, marks }
    }

    /// A place whose value may be one to save.
    fn next_place(&mut self) -> Option<usize> {
        if let Some(infohash) = self.waiting.pop_front() {
            return Some(self.place(&infohash));
        }
        let at = self.sweep?;
        self.sweep = (at + 1 < self.entries.len()).then_some(at + 1);
        Some(at)
    }

    /// Let a value be taken again, its saving having failed.
    pub fn put_back(&mut self, infohash: &InfoHash) {
        let place = self.place(infohash);
        let entry = &mut self.entries[place];
        if entry.count != 0 && entry.count & UNSAVED == 0 {
            entry.count |= UNSAVED;
            self.unsaved += 1;
            self.waiting.push_back(*infohash);
        }
    }

    /// Let marks be taken with the values that wait.
    pub fn put_marks(&mut self, marks: &[u64]) {
        let room = MARKS_MAX - self.marks.len();
        self.marks.extend(&marks[..marks.len().min(room)]);
    }

    /// Let every value be taken again: where they were saved is gone.
    pub fn put_all_back(&mut self) {
        let kept = self.entries.iter_mut().filter(|entry| entry.count != 0);
        kept.for_each(|entry| entry.count |= UNSAVED);
        self.unsaved = self.len;
        self.waiting.clear();
        self.sweep = Some(0);
    }

    /// Values to save.
    pub fn unsaved(&self) -> usize {
        self.unsaved
    }

    /// Up to `limit` values from place `at` on, and where the next page begins, None after the last.
    ///
    /// Nothing is to be added between the pages.
    pub fn page(&self, at: usize, limit: usize) -> (Vec<(InfoHash, u32)>, Option<usize>) {
        let mut rows = Vec::new();
        for (place, entry) in self.entries.iter().enumerate().skip(at) {
            if rows.len() == limit.max(1) {
                return (rows, Some(place));
            }
            if entry.count != 0 {
                rows.push(entry.pair());
            }
        }
        (rows, None)
    }

    /// Forget a counter if it is saved and has this value; it stays in the sum of all.
    pub fn forget(&mut self, infohash: &InfoHash, count: u32) -> bool {
        let place = self.place(infohash);
        let is_it = count != 0 && self.entries[place].count == count;
        if is_it {
            self.remove(place);
        }
        is_it
    }

    /// Take in the values of a page of those that were saved, all pages in their order; how many are damaged.
    ///
    /// Nothing is to be counted before that.
    pub fn read_page(&mut self, number: i64, page: &[u8]) -> usize {
        count_page::read(number, page, |infohash, count| {
            let place = self.place(infohash);
            let before = self.entries[place].count;
            if count > 0 {
                self.load(infohash, count);
            } else if before > 0 {
                self.total -= u64::from(before & !UNSAVED);
                self.remove(place);
            }
        })
    }

    /// Find the values of a page of those that were saved that no later page has replaced; how many of the
    /// page are damaged.
    pub fn last_of_page(
        &self,
        number: i64,
        page: &[u8],
        found: &mut Vec<(InfoHash, u32)>,
    ) -> usize {
        count_page::read(number, page, |infohash, count| {
            let now = self.entries[self.place(infohash)].count;
            // What is not saved yet hides what is; less than it may be the last that was saved.
            let is_last = now == count || (now & UNSAVED != 0 && count <= now & !UNSAVED);
            if count > 0 && is_last {
                found.push((*infohash, count));
            }
        })
    }

    /// Whoever was put further on because of an entry moves up, so that all are found as before.
    fn remove(&mut self, place: usize) {
        self.len -= 1;
        // Values move to places before it.
        self.sweep = self.sweep.map(|_| 0);
        let places = self.entries.len();
        let (mut hole, mut at) = (place, place);
        loop {
            at = (at + 1) % places;
            let entry = self.entries[at];
            if entry.count == 0 {
                break;
            }
            let own = self.home(&entry.infohash);
            if (at + places - own) % places >= (at + places - hole) % places {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = Entry::EMPTY;
    }

    /// Add to the sum of all what was counted and is forgotten.
    pub fn load_forgotten(&mut self, count: u64) {
        self.total += count;
    }

    fn put(&mut self, infohash: &InfoHash, count: u32, unsaved: u32) {
        let count = count.min(Self::COUNT_MAX);
        if (self.len + 1) * 8 > self.entries.len() * 7 {
            self.grow();
        }
        let place = self.place(infohash);
        let old = std::mem::replace(
            &mut self.entries[place],
            Entry {
                infohash: *infohash,
                count: count | unsaved,
            },
        );
        self.len += usize::from(old.count == 0);
        self.total = self.total - u64::from(old.count & !UNSAVED) + u64::from(count);
        self.unsaved += usize::from(unsaved != 0);
        self.unsaved -= usize::from(old.count & UNSAVED != 0);
        if unsaved & !old.count != 0 {
            self.waiting.push_back(*infohash);
        }
    }

    /// A quarter more, not twice as much: the table is most of what an idle counter costs.
    fn grow(&mut self) {
        let capacity = self.entries.len() + self.entries.len() / 4;
        let old = std::mem::replace(&mut self.entries, vec![Entry::EMPTY; capacity]);
        self.sweep = self.sweep.map(|_| 0);
        for entry in old.into_iter().filter(|entry| entry.count != 0) {
            let place = self.place(&entry.infohash);
            self.entries[place] = entry;
        }
    }

    /// Where a torrent is, or the empty place where it is to go.
    fn place(&self, infohash: &InfoHash) -> usize {
        let mut place = self.home(infohash);
        while self.entries[place].count != 0 && self.entries[place].infohash != *infohash {
            place = (place + 1) % self.entries.len();
        }
        place
    }

    /// Where a torrent would be in an empty table.
    fn home(&self, infohash: &InfoHash) -> usize {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write(infohash);
        let wide = u128::from(hasher.finish()) * self.entries.len() as u128;
        (wide >> 64) as usize
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, VecDeque};
    use std::ops::Range;

    use proptest::prelude::*;

    use super::{Completed, InfoHash, Ledger, MARKS_MAX, count_page};

    fn infohash(number: u16) -> InfoHash {
        let mut infohash = [7; 20];
        infohash[..2].copy_from_slice(&number.to_be_bytes());
        infohash
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(u16, u32),
        Load(u16, u32),
        Save(usize, bool),
        Forget(u16),
        Clean(usize),
        PutAllBack,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            40 => (0..300_u16, 0..5_u32).prop_map(|(number, more)| Step::Add(number, more)),
            10 => (0..300_u16, 0..50_u32).prop_map(|(number, count)| Step::Load(number, count)),
            10 => (0..50_usize, any::<bool>()).prop_map(|(limit, fails)| Step::Save(limit, fails)),
            10 => (0..300_u16).prop_map(Step::Forget),
            10 => (1..20_usize).prop_map(Step::Clean),
            1 => Just(Step::PutAllBack),
        ];
        prop::collection::vec(step, 0..600)
    }

    /// Pages as a store keeps them.
    #[derive(Default)]
    struct Pages {
        kept: VecDeque<(i64, Vec<u8>)>,
        written: i64,
    }

    impl Pages {
        fn append(&mut self, counts: &[(InfoHash, u32)]) {
            for entries in counts.chunks(7) {
                self.written += 1;
                let page = count_page::write(self.written, entries);
                self.kept.push_back((self.written, page));
            }
        }

        fn clean(&mut self, pages: usize, ledger: &Ledger) {
            let mut last = Vec::new();
            for (number, page) in self.kept.drain(..pages.min(self.kept.len())) {
                ledger.last_of_page(number, &page, &mut last);
            }
            self.append(&last);
        }

        fn read(&self) -> Ledger {
            let mut ledger = Ledger::new();
            for (number, page) in &self.kept {
                assert_eq!(ledger.read_page(*number, page), 0);
            }
            ledger
        }
    }

    fn all(ledger: &Ledger) -> HashMap<InfoHash, u32> {
        let (mut rows, mut at) = (Vec::new(), Some(0));
        while let Some(from) = at {
            let (page, next) = ledger.page(from, 7);
            rows.extend(page);
            at = next;
        }
        let found: HashMap<_, _> = rows.iter().copied().collect();
        assert_eq!((rows.len(), rows.len()), (found.len(), ledger.len()));
        found
    }

    proptest! {
        /// Against a plain map: every value is there, and what is saved ends up as what is held.
        #[test]
        fn it_counts_and_saves_like_a_map(steps in steps()) {
            let mut ledger = Ledger::new();
            let mut counts: HashMap<InfoHash, u32> = HashMap::new();
            let mut saved: HashMap<InfoHash, u32> = HashMap::new();
            let mut pages = Pages::default();
            let mut forgotten = 0;
            for step in steps {
                match step {
                    Step::Add(number, more) => {
                        ledger.add(&infohash(number), more);
                        *counts.entry(infohash(number)).or_default() += more;
                    }
                    Step::Load(number, count) => {
                        ledger.load(&infohash(number), count);
                        let known = counts.entry(infohash(number)).or_default();
                        if count > *known {
                            *known = count;
                            saved.insert(infohash(number), count);
                            pages.append(&[(infohash(number), count)]);
                        }
                    }
                    Step::Forget(number) => {
                        let number = infohash(number);
                        let count = counts.get(&number).copied().unwrap_or(0);
                        prop_assert!(!ledger.forget(&number, count + 1));
                        // What is not saved is not forgotten.
                        let is_saved = saved.get(&number) == Some(&count);
                        let is_gone = ledger.forget(&number, count);
                        prop_assert!(is_saved || !is_gone);
                        if is_gone {
                            forgotten += u64::from(count);
                            counts.remove(&number);
                            saved.remove(&number);
                            pages.append(&[(number, 0)]);
                        }
                    }
                    Step::Save(limit, fails) => {
                        let taken = ledger.take(limit);
                        prop_assert!(taken.counts.len() <= limit);
                        if fails {
                            for (infohash, _) in &taken.counts {
                                ledger.put_back(infohash);
                            }
                        } else {
                            pages.append(&taken.counts);
                            saved.extend(taken.counts);
                        }
                    }
                    Step::Clean(some) => {
                        pages.clean(some, &ledger);
                        let read = pages.read();
                        for (infohash, count) in &saved {
                            prop_assert!(read.get(infohash) >= *count);
                        }
                        for (infohash, count) in all(&read) {
                            prop_assert!(count <= counts[&infohash]);
                        }
                    }
                    Step::PutAllBack => ledger.put_all_back(),
                }
            }
            counts.retain(|_, count| *count > 0);
            let total = counts.values().map(|count| u64::from(*count)).sum::<u64>();
            prop_assert_eq!(ledger.total(), total + forgotten);
            prop_assert_eq!(&all(&ledger), &counts);
            pages.append(&ledger.take(usize::MAX).counts);
            prop_assert_eq!(ledger.unsaved(), 0);
            // All are replaced or written again, once.
            pages.clean(usize::MAX, &ledger);
            let read = pages.read();
            prop_assert_eq!(&all(&read), &counts);
            prop_assert_eq!(read.total(), total);
        }
    }

    #[test]
    fn everything_is_saved_again_when_the_store_is_new() {
        let mut ledger = Ledger::new();
        ledger.load(&infohash(1), 5);
        ledger.add(&infohash(2), 1);
        assert_eq!(ledger.take(9).counts, [(infohash(2), 1)]);
        ledger.put_all_back();
        let mut taken = ledger.take(1).counts;
        taken.extend(ledger.take(9).counts);
        taken.sort_unstable();
        assert_eq!(taken, [(infohash(1), 5), (infohash(2), 1)]);
    }

    #[test]
    fn what_waits_longest_is_taken_first() {
        let mut ledger = Ledger::new();
        for number in 0..100 {
            ledger.add(&infohash(number), 1);
        }
        assert_eq!(ledger.take(1).counts, [(infohash(0), 1)]);
        ledger.add(&infohash(0), 1);
        ledger.add(&infohash(1), 1);
        assert_eq!(ledger.take(2).counts, [(infohash(1), 2), (infohash(2), 1)]);
        assert_eq!(ledger.take(99).counts.last(), Some(&(infohash(0), 2)));
    }

    fn completed(numbers: Range<u16>, marks: &[u64]) -> Completed {
        Completed {
            counts: numbers.map(|number| (infohash(number), 1)).collect(),
            marks: marks.to_vec(),
        }
    }

    #[test]
    fn marks_are_taken_with_the_last_of_their_values_and_can_be_put_back() {
        let mut ledger = Ledger::new();
        ledger.absorb(&completed(0..5, &[10, 11]));
        let first = ledger.take(4);
        assert_eq!((first.counts.len(), first.marks), (4, vec![]));
        ledger.absorb(&completed(7..8, &[12]));
        let second = ledger.take(4);
        assert_eq!(
            (second.counts.len(), &second.marks[..]),
            (2, &[10, 11, 12][..])
        );
        assert_eq!(ledger.take(9), Completed::default());
        for (infohash, _) in &second.counts {
            ledger.put_back(infohash);
        }
        ledger.put_marks(&second.marks);
        let third = ledger.take(9);
        assert_eq!((third.counts.len(), third.marks), (2, second.marks));
    }

    #[test]
    fn no_more_marks_wait_than_a_tracker_remembers() {
        let mut ledger = Ledger::new();
        for number in 0..40 {
            ledger.absorb(&completed(number..number + 1, &[1; 2000]));
        }
        let taken = ledger.take(99);
        assert_eq!((taken.counts.len(), taken.marks.len()), (40, MARKS_MAX));
    }

    #[test]
    fn a_counter_stops_at_the_highest_number() {
        let mut ledger = Ledger::new();
        ledger.add(&infohash(1), u32::MAX);
        ledger.add(&infohash(1), u32::MAX);
        assert_eq!(ledger.get(&infohash(1)), Ledger::COUNT_MAX);
        assert_eq!(ledger.take(9).counts, [(infohash(1), Ledger::COUNT_MAX)]);
    }
}
