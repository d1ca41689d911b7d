//! The lists that Python hands down: torrents allowed, torrents denied, keys.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use crate::model::InfoHash;

/// All lists of one moment; a change makes a new value.
#[derive(Clone, Default)]
pub(crate) struct Lists {
    /// None where every torrent is tracked.
    pub(crate) allowed: Option<InfoHashSet>,
    pub(crate) denied: InfoHashSet,
    /// None where no key is asked for.
    pub(crate) keys: Option<std::sync::Arc<HashSet<Vec<u8>>>>,
}

impl Lists {
    pub(crate) fn lists(&self, infohash: &InfoHash) -> bool {
        let allowed = self
            .allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(infohash));
        allowed && (self.denied.is_empty() || !self.denied.contains(infohash))
    }
}

pub(crate) type InfoHashSet = std::sync::Arc<HashSet<InfoHash, Folded>>;

/// Hashes an infohash by one multiplication with a secret: it is a hash already, and chosen by the
/// operator, so only its distribution over the buckets is left to do.
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
