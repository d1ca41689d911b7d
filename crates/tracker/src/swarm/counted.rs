//! Whose downloads were counted lately: a peer's is counted once, however often and from wherever it says so.
//!
//! A place in a swarm remembers that its peer was counted, but is gone when the peer stops, is another
//! one over the other address family, and is a minute old after a crash. So the latest are kept here too:
//! a mark of 8 bytes for each torrent and peer id, in sets of one cache line, the latest first. A mark
//! says all that is needed to put it back, so marks are what is saved.
//!
//! | bits  | what                                                     |
//! | ----: | -------------------------------------------------------- |
//! | 0–15  | port                                                     |
//! | 16–21 | address: its family, and 5 bits of a hash                |
//! | 22–63 | torrent and peer id: 42 bits of a hash, which set by them |
//!
//! A client keeps its port when its address changes, and has two addresses where it speaks both families.
//! The same peer id at the same address and another port is another client, that made its id badly.

use std::net::IpAddr;

use parking_lot::Mutex;

use super::mix::{fold, halves};
use crate::model::Announce;

/// Sets of the table: 65,536 downloads in 512 KiB, most of it untouched where few are counted.
const SETS: usize = 8192;

/// Marks of a set.
const WAYS: usize = 8;

const PORT: u64 = 0xffff;
const ADDRESS: u64 = 0x3f_0000;
const FAMILY_SHIFT: u32 = 16;
/// Above this lies which client it is, of which torrent.
pub(crate) const CLIENT_SHIFT: u32 = 22;

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

    /// Mark the download of a peer as counted, and give the mark unless it was there.
    pub(super) fn add(&self, announce: &Announce) -> Option<u64> {
        let mark = mark(announce);
        self.put(mark).then_some(mark)
    }

    /// Put a mark before all others of its set, and tell if there was none of that client.
    pub(super) fn put(&self, mark: u64) -> bool {
        let mut sets = self.0.lock();
        let at = (mark >> CLIENT_SHIFT) as usize % sets.len();
        let Set(marks) = &mut sets[at];
        let found = marks.iter().position(|other| is_same(*other, mark));
        marks[..=found.unwrap_or(WAYS - 1)].rotate_right(1);
        if found.is_none() {
            marks[0] = mark;
        }
        found.is_none()
    }

    /// Every mark; putting them in this order makes the same table.
    pub(super) fn marks(&self) -> Vec<u64> {
        let sets = self.0.lock();
        let marks = sets.iter().flat_map(|Set(marks)| marks.iter().rev());
        marks.copied().filter(|mark| *mark != NOTHING).collect()
    }
}

/// Whether two marks are of one client.
pub(crate) fn is_same(one: u64, other: u64) -> bool {
    let differs = one ^ other;
    let [port, address] = [differs & PORT, differs & ADDRESS];
    differs >> CLIENT_SHIFT == 0 && (port == 0 || address != 0)
}

/// The same in every process, and so not keyed: whoever finds two peer ids with the same mark has one of
/// his own downloads left uncounted, which he could have by not announcing it.
fn mark(announce: &Announce) -> u64 {
    const ODD: [u64; 3] = [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
    ];
    let mixed = |bytes: &[u8; 20]| {
        let [a, b, c] = halves(bytes);
        fold(fold(a ^ ODD[0], b ^ ODD[1]) ^ c, ODD[2])
    };
    let (family, address) = match announce.ip {
        IpAddr::V4(ip) => (0, fold(u64::from(ip.to_bits()) ^ ODD[0], ODD[1])),
        IpAddr::V6(ip) => {
            let [high, low] = [(ip.to_bits() >> 64) as u64, ip.to_bits() as u64];
            (1 << FAMILY_SHIFT, fold(high ^ ODD[0], low ^ ODD[1]))
        }
    };
    let address = family | address & ADDRESS & !(1 << FAMILY_SHIFT);
    let client = fold(
        mixed(&announce.infohash) ^ ODD[1],
        mixed(&announce.peer_id) ^ ODD[2],
    );
    // No client is all zeros, so no mark is.
    let client = client.max(1 << CLIENT_SHIFT);
    client >> CLIENT_SHIFT << CLIENT_SHIFT | address | u64::from(announce.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Event;

    fn peer(number: u32) -> Announce {
        let mut peer_id = [b'-'; 20];
        peer_id[16..].copy_from_slice(&number.to_be_bytes());
        Announce {
            infohash: [1; 20],
            peer_id,
            ip: [192, 0, 2, 1].into(),
            port: 6881,
            left: 0,
            has_nothing: false,
            event: Event::Completed,
            numwant: 0,
        }
    }

    #[test]
    fn a_client_is_counted_once_for_each_torrent_wherever_it_is() {
        let counted = Counted::new();
        let first = peer(1);
        assert!(counted.add(&first).is_some());
        assert!(counted.add(&peer(2)).is_some());
        let infohash = [2; 20];
        assert!(counted.add(&Announce { infohash, ..first }).is_some());
        for ip in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            let ip = ip.parse().expect("an address");
            assert_eq!(counted.add(&Announce { ip, ..first }), None);
        }
        // Of the other family it may have another port as well.
        let ip = "2001:db8::1".parse().expect("an address");
        let port = 6882;
        assert_eq!(counted.add(&Announce { ip, port, ..first }), None);
        assert!(counted.add(&Announce { port, ..first }).is_some());
        assert_eq!(counted.add(&Announce { port, ..first }), None);
    }

    #[test]
    fn the_marks_of_a_table_make_the_same_table_again() {
        let [one, other] = [Counted::with_sets(4), Counted::with_sets(4)];
        for number in 0..50 {
            one.add(&peer(number));
        }
        for mark in one.marks() {
            assert!(other.put(mark));
        }
        for number in 50..60 {
            one.add(&peer(number));
            other.add(&peer(number));
        }
        assert_eq!(one.marks(), other.marks());
        assert_eq!(one.marks().len(), 4 * WAYS);
    }

    #[test]
    fn the_mark_that_was_not_seen_for_longest_makes_room() {
        let counted = Counted::with_sets(1);
        let marks: Vec<u64> = (1..=10).map(|client| client << CLIENT_SHIFT).collect();
        assert!(marks[..WAYS].iter().all(|mark| counted.put(*mark)));
        assert!(!counted.put(marks[0]));
        assert!(counted.put(marks[9]));
        assert!(!counted.put(marks[0]));
        assert!(counted.put(marks[1]));
    }

    /// What was saved by an older version has to be found by a newer one.
    #[test]
    fn a_mark_is_the_same_in_every_process() {
        assert_eq!(mark(&peer(1)), 14_866_110_346_957_036_257);
    }
}
