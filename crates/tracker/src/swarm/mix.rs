//! Keyed hashing of infohashes and peers: fast, and not to be steered from outside.
//!
//! One folded multiplication mixes 16 bytes. The keys are drawn at start, so nobody can choose
//! infohashes or ports that fall together.

use crate::model::InfoHash;

/// The random keys of one store.
pub(super) struct Keys {
    torrent: [u64; 3],
    peer: [u64; 3],
}

impl Keys {
    /// Make keys of the numbers that `next` gives.
    pub(super) fn draw(mut next: impl FnMut() -> u64) -> Self {
        let mut odd = || next() | 1;
        Self {
            torrent: [odd(), odd(), odd()],
            peer: [odd(), odd(), odd()],
        }
    }

    #[inline]
    pub(super) fn mix_torrent(&self, infohash: &InfoHash) -> u64 {
        let [a, b, c] = halves(infohash);
        let head = fold(a ^ self.torrent[0], b ^ self.torrent[1]);
        fold(head ^ c, self.torrent[2])
    }

    #[inline]
    pub(super) fn mix_word(&self, word: u64) -> u64 {
        fold(word ^ self.peer[0], self.peer[1])
    }

    #[inline]
    pub(super) fn mix_words(&self, a: u64, b: u64, c: u64) -> u64 {
        fold(fold(a ^ self.peer[0], b ^ self.peer[1]) ^ c, self.peer[2])
    }
}

#[inline]
pub(super) fn halves(infohash: &InfoHash) -> [u64; 3] {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&infohash[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    // The last word overlaps the second, which costs nothing and spares a partial load.
    [word(0), word(8), word(12)]
}

#[inline]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide >> 64) as u64 ^ wide as u64
}

/// Map 32 random bits onto `0..bound` without a division.
#[inline]
pub(super) fn scale(bits: u32, bound: u32) -> u32 {
    ((u64::from(bits) * u64::from(bound)) >> 32) as u32
}
