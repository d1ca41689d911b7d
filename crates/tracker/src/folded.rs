//! Hashes infohashes for maps: they are hashes already, so little is left to do.
//!
//! The secret is drawn for each map, so nobody can choose infohashes that fall together.

use std::hash::{BuildHasher, Hasher};

/// Hashes an infohash, one multiplication for each 8 bytes.
#[derive(Clone)]
pub(crate) struct Folded {
    secret: u64,
}

impl Default for Folded {
    fn default() -> Self {
        let secret = std::hash::RandomState::new().hash_one(0);
        Self { secret: secret | 1 }
    }
}

impl BuildHasher for Folded {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding {
            secret: self.secret,
            folded: 0,
        }
    }
}

pub(crate) struct Folding {
    secret: u64,
    folded: u64,
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks();
        for word in words {
            let product =
                u128::from(self.folded ^ u64::from_le_bytes(*word)) * u128::from(self.secret);
            self.folded = product as u64 ^ (product >> 64) as u64;
        }
    }

    fn finish(&self) -> u64 {
        self.folded
    }
}
