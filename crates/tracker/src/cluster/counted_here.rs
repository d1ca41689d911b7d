//! Downloads that this node counted lately, should another one have counted them as well.

use parking_lot::Mutex;

use crate::model::InfoHash;
use crate::swarm::counted::{CLIENT_SHIFT, is_same};

/// As many as there are marks, see `swarm/counted`: 2 MiB, none of it before the first.
const PLACES: usize = 65_536;

/// No mark is 0.
const NOTHING: (u64, InfoHash) = (0, [0; 20]);

/// The latest mark of each place with its torrent; the client that it is of says which place.
#[derive(Default)]
pub(super) struct CountedHere(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    places: Vec<(u64, InfoHash)>,
    /// Those that nobody has taken yet to keep them.
    new: Vec<(u64, InfoHash)>,
}

fn place_of(mark: u64) -> usize {
    (mark >> CLIENT_SHIFT) as usize % PLACES
}

impl Inner {
    fn put(&mut self, mark: u64, infohash: InfoHash) {
        if self.places.is_empty() {
            self.places.resize(PLACES, NOTHING);
        }
        self.places[place_of(mark)] = (mark, infohash);
    }
}

impl CountedHere {
    pub(super) fn add(&self, mark: u64, infohash: InfoHash) {
        let mut inner = self.0.lock();
        inner.put(mark, infohash);
        if inner.new.len() < PLACES {
            inner.new.push((mark, infohash));
        }
    }

    /// Put in what is kept already.
    pub(super) fn recall(&self, mark: u64, infohash: InfoHash) {
        self.0.lock().put(mark, infohash);
    }

    /// Take what was added since it was last taken.
    pub(super) fn take_new(&self) -> Vec<(u64, InfoHash)> {
        std::mem::take(&mut self.0.lock().new)
    }

    /// Take out a download with the mark that it was counted by, if it was counted here.
    pub(super) fn remove(&self, mark: u64) -> Option<(u64, InfoHash)> {
        let places = &mut self.0.lock().places;
        let place = places.get_mut(place_of(mark))?;
        let (own, infohash) = *place;
        let is_there = own != NOTHING.0 && is_same(own, mark);
        is_there.then(|| {
            *place = NOTHING;
            (own, infohash)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_here_is_taken_out_once() {
        let counted = CountedHere::default();
        let mark = |client: u64| client << CLIENT_SHIFT | 0x1ae1;
        assert_eq!(counted.remove(mark(1)), None);
        for client in 1..1000 {
            counted.add(mark(client), [client as u8; 20]);
        }
        assert_eq!(counted.take_new().len(), 999);
        assert_eq!(counted.take_new(), []);
        assert_eq!(counted.remove(mark(7)), Some((mark(7), [7; 20])));
        assert_eq!(counted.remove(mark(7)), None);
        assert_eq!(counted.remove(mark(1000)), None);
        // At another address it is the same client.
        let moved = mark(8) | 1 << 17;
        assert_eq!(counted.remove(moved), Some((mark(8), [8; 20])));
        // Another run knows it again, and need not keep it anew.
        counted.recall(mark(8), [8; 20]);
        assert_eq!(counted.take_new(), []);
        assert_eq!(counted.remove(moved), Some((mark(8), [8; 20])));
        // Another client of the same place took it.
        counted.add(mark(9 + PLACES as u64), [1; 20]);
        assert_eq!(counted.remove(mark(9)), None);
    }
}
