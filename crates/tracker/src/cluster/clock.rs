//! The clock that nodes go by together: not what the time is, but how late each word is among all.
//!
//! A node starts with a clock of its own, and goes by the first that it hears of before it tells anything.
//! Where several started alone, each goes by an older clock as soon as it hears of it, so that soon all go
//! by the oldest, whatever their machines take the time for. From then on words are compared
//! as they were said, without asking how long they were on their way. A node whose clock turns out to be
//! behind steps ahead; none ever goes back.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::codec::Head;
use super::stamp::TIME;

/// Units by which a clock drifts from the others in weeks; what is more was no drift.
const DRIFT_MAX: u32 = 8;

#[derive(Clone, Copy)]
struct Common {
    /// Which clock: the lower number is the older one.
    name: u64,
    /// What it shows more than this node's own.
    more: u32,
}

pub(crate) struct Clock {
    common: Mutex<Common>,
    /// Units that this node's own clock was found to be behind.
    behind: AtomicU32,
    /// Others may know words of this clock.
    is_known: AtomicBool,
}

impl Clock {
    /// Make a clock that others take over if it is the oldest: it is named by when it began. That may be
    /// wrong by hours, and only decides whose clock all go by.
    pub(super) fn begin(random: u64) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        let began_ms = began.map_or(0, |began| began.as_millis() as u64);
        Self::named(began_ms << 16 | random & 0xffff)
    }

    pub(crate) fn named(name: u64) -> Self {
        Self {
            common: Mutex::new(Common { name, more: 0 }),
            behind: AtomicU32::new(0),
            is_known: AtomicBool::new(false),
        }
    }

    /// This node's own clock at `now_units` of the machine's.
    #[inline]
    pub(super) fn own(&self, now_units: u32) -> u32 {
        now_units.wrapping_add(self.behind.load(Relaxed))
    }

    /// The name of the common clock and what it shows, and by how much its words differ from those here.
    pub(super) fn shown(&self, now_units: u32) -> (u64, u32, u16) {
        let common = *self.common.lock();
        self.is_known.store(true, Relaxed);
        let shown = self.own(now_units).wrapping_add(common.more);
        (common.name, shown, common.more as u16 & TIME)
    }

    /// Heed the clock of another node, whose words are `age` units old, and tell what those differ by
    /// from words here.
    pub(super) fn heed(&self, head: &Head, age: u32, now_units: u32) -> u16 {
        let mut common = self.common.lock();
        let own = self.own(now_units);
        if head.clock == common.name {
            let ahead = head.clock_units.wrapping_sub(own.wrapping_add(common.more));
            if (1..=DRIFT_MAX).contains(&ahead) {
                self.behind.fetch_add(ahead, Relaxed);
            } else if (DRIFT_MAX..1 << 31).contains(&ahead) {
                // This machine stood still: words that it knows are left as old as it thinks they are.
                common.more = common.more.wrapping_add(ahead);
            }
            return common.more as u16 & TIME;
        }
        let more = head.clock_units.wrapping_add(age).wrapping_sub(own);
        // Who joins goes by the clock of those who are there.
        if head.clock < common.name || !self.is_known.load(Relaxed) {
            *common = Common {
                name: head.clock,
                more,
            };
        }
        more as u16 & TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(clock: &Clock, now_units: u32) -> Head {
        let (name, shown, _) = clock.shown(now_units);
        Head {
            node: 0,
            run: 0,
            clock: name,
            clock_units: shown,
            is_of_all: false,
        }
    }

    #[test]
    fn all_go_by_the_oldest_clock_whatever_their_machines_show() {
        let [old, new] = [Clock::named(1), Clock::named(2)];
        // The machines of these are far apart, and the blob is 3 units old.
        new.heed(&head(&old, 5000), 3, 100);
        assert_eq!(new.shown(100), (1, 5003, (5003 - 100) & TIME));
        assert_eq!(old.shown(5003).0, 1);
        // Who has told nobody anything yet goes by any clock that is there.
        let joins = Clock::named(0);
        joins.heed(&head(&old, 5003), 0, 77);
        assert_eq!(joins.shown(77).0, 1);
        // The other way round nothing changes, and words are taken over by their age.
        let stranger = Clock::named(9);
        let more = old.heed(&head(&stranger, 70), 2, 5003);
        assert_eq!(more, 72_u16.wrapping_sub(5003) & TIME);
        assert_eq!(old.shown(5003), (1, 5003, 0));
    }

    #[test]
    fn a_clock_that_is_behind_steps_ahead_and_none_goes_back() {
        let [one, other] = [Clock::named(1), Clock::named(1)];
        one.heed(&head(&other, 103), 0, 100);
        assert_eq!(one.own(100), 103);
        assert_eq!(one.shown(100), (1, 103, 0));
        one.heed(&head(&other, 50), 0, 101);
        assert_eq!(one.own(101), 104);
        // One that stood still for an hour has its own words keep their age.
        one.heed(&head(&other, 104 + 450), 0, 101);
        assert_eq!(one.own(101), 104);
        assert_eq!(one.shown(101), (1, 554, 450));
    }
}
