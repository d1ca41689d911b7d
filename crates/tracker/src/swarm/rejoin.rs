//! What a node that was away does with the peers of before, as it takes in what the others hold by now.
//!
//! Of a peer that stopped meanwhile nobody says anything any more. So words from before the gap are made
//! old: whatever the others say of the same peers is later, and of whom they say nothing is gone.

use super::Swarms;
use super::peer::{Coarse, Meta, Peer, PeerV4, PeerV6};
use super::peers::Peers;
use super::slot::{Kept, Slot};

/// Units that such a peer has left, should nobody come to say anything at all: two minutes at
/// most.
const LEFT_MAX: u16 = 15;

impl Swarms {
    /// Make the words of all peers old that were said more than `silent_s` ago, and tell how many these are.
    ///
    /// A lock is held for one shard.
    pub fn make_old(&self, silent_s: u32, now: u32) -> usize {
        let oldest = self.timeout - self.left();
        let silent = silent_s.div_ceil(Coarse::UNIT_S).min(oldest.into()) as u16;
        self.put_back(silent, oldest, self.coarse(now))
    }

    /// Have the next sweep remove the peers that are still as old as [`Swarms::make_old`] made them, and
    /// tell how many these are.
    pub fn drop_old(&self, now: u32) -> usize {
        let oldest = self.timeout - self.left();
        self.put_back(oldest.saturating_sub(1), self.timeout + 1, self.coarse(now))
    }

    fn left(&self) -> u16 {
        LEFT_MAX.min(self.timeout / 4)
    }

    /// Make all words `age` old that are older than `than` and not that old.
    fn put_back(&self, than: u16, age: u16, now: Coarse) -> usize {
        let mut put = 0;
        let mut older = |meta: Meta| {
            if meta.age(now) > than && meta.age(now) < age {
                put += 1;
                meta.at(now.earlier(age))
            } else {
                meta
            }
        };
        for padded in &self.shards {
            let mut shard = padded.shard.lock();
            for number in 0..shard.torrents.len() {
                let slot = shard.torrents.slot_mut(number);
                rewrite(slot.few_mut().iter_mut(), &mut older);
                rewrite_many::<PeerV4>(slot, &mut older);
                rewrite_many::<PeerV6>(slot, &mut older);
            }
        }
        put
    }
}

fn rewrite_many<P: Kept>(slot: &mut Slot, word: &mut impl FnMut(Meta) -> Meta) {
    rewrite(
        P::many_mut(slot).into_iter().flat_map(Peers::places_mut),
        word,
    );
}

fn rewrite<'a, P: Peer>(
    places: impl Iterator<Item = &'a mut P>,
    word: &mut impl FnMut(Meta) -> Meta,
) {
    for peer in places.filter(|peer| !peer.is_empty()) {
        *peer = peer.with_meta(word(peer.meta()));
    }
}
