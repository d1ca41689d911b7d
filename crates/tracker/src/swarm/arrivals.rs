//! Leechers that have just come, for a seeder of the same process, which connects to them at once.
//!
//! Nothing is noted before somebody asks for the first time, so a tracker alone pays nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

use super::Swarms;
use crate::model::{Arrival, Facts, InfoHash};

/// Arrivals that wait to be taken: some hundred kilobytes.
pub(super) const ARRIVALS_MAX: usize = 8192;

/// Leechers of a swarm at which those that come are not noted: they feed each other.
const CROWD: u32 = 500;

pub(super) struct Arrivals {
    is_wanted: AtomicBool,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    arrivals: VecDeque<Arrival>,
    has_missed: bool,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            is_wanted: AtomicBool::new(false),
            // Whoever asks for the first time has missed all who were there before.
            waiting: Mutex::new(Waiting {
                arrivals: VecDeque::new(),
                has_missed: true,
            }),
        }
    }

    /// Note a peer that wants data and did not before.
    #[cold]
    pub(super) fn note(&self, infohash: InfoHash, address: SocketAddr, facts: &Facts) {
        if !self.is_wanted.load(Relaxed) || facts.incomplete > CROWD {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.arrivals.len() < ARRIVALS_MAX {
            waiting.arrivals.push_back(Arrival { infohash, address });
        } else {
            waiting.has_missed = true;
        }
    }
}

impl Swarms {
    /// Take up to `limit` leechers that came since they were last taken, the earliest first, and tell
    /// whether others came that are not among them, now or later.
    ///
    /// One that stopped and came back, or seeded before, has come too.
    pub fn take_arrivals(&self, limit: usize) -> (Vec<Arrival>, bool) {
        self.arrivals.is_wanted.store(true, Relaxed);
        let mut waiting = self.arrivals.waiting.lock();
        let number = limit.min(waiting.arrivals.len());
        let taken = waiting.arrivals.drain(..number).collect();
        (taken, std::mem::take(&mut waiting.has_missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::model::{Announce, Event};
    use crate::rng;

    const SEEDS: u64 = 0;
    const WANTS: u64 = 5;

    fn say(swarms: &Swarms, port: u16, left: u64, event: Event) {
        let announce = Announce {
            infohash: [1; 20],
            peer_id: [2; 20],
            ip: [192, 0, 2, (port >> 8) as u8].into(),
            port,
            left,
            has_nothing: false,
            event,
            numwant: 0,
        };
        swarms.announce(&announce, 100, &mut rng::from_os(), &mut [], &mut []);
    }

    fn ports(swarms: &Swarms) -> Vec<u16> {
        let (taken, has_missed) = swarms.take_arrivals(usize::MAX);
        assert!(!has_missed);
        taken.iter().map(|one| one.address.port()).collect()
    }

    #[test]
    fn who_wants_data_and_did_not_before_has_arrived() {
        let swarms = Swarms::new(Limits::default());
        say(&swarms, 1000, WANTS, Event::Started);
        assert_eq!(swarms.take_arrivals(9), (Vec::new(), true));
        say(&swarms, 1000, WANTS, Event::None);
        say(&swarms, 2000, WANTS, Event::Started);
        say(&swarms, 3000, SEEDS, Event::Started);
        say(&swarms, 4000, WANTS, Event::Paused);
        assert_eq!(ports(&swarms), [2000]);
        // One who asked with a magnet link knows now that there is something to download.
        say(&swarms, 3000, WANTS, Event::None);
        say(&swarms, 4000, WANTS, Event::None);
        say(&swarms, 2000, WANTS, Event::Stopped);
        say(&swarms, 2000, WANTS, Event::Started);
        say(&swarms, 2000, SEEDS, Event::Completed);
        assert_eq!(ports(&swarms), [3000, 4000, 2000]);
        assert!(ports(&swarms).is_empty());
    }

    #[test]
    fn no_more_wait_than_are_bounded_and_a_crowd_feeds_itself() {
        let swarms = Swarms::new(Limits::default());
        swarms.take_arrivals(0);
        for port in 1000..2000 {
            say(&swarms, port, WANTS, Event::Started);
        }
        let (first, _) = swarms.take_arrivals(9);
        assert_eq!((first.len(), first[0].address.port()), (9, 1000));
        assert_eq!(ports(&swarms).len(), CROWD as usize - 9);
        let lonely = Swarms::new(Limits::default());
        lonely.take_arrivals(0);
        for _ in 0..=ARRIVALS_MAX {
            say(&lonely, 1000, WANTS, Event::Started);
            say(&lonely, 1000, WANTS, Event::Stopped);
        }
        let (taken, has_missed) = lonely.take_arrivals(usize::MAX);
        assert_eq!((taken.len(), has_missed), (ARRIVALS_MAX, true));
    }
}
