//! Counts distinct addresses over all swarms.

use super::mix::Keys;
use super::peer::{Peer, PeerV4, PeerV6};
use super::shard::Shard;
use super::slot::Kept;

/// Addresses up to which every one is remembered, and the count is exact.
pub(super) const EXACT_MAX: usize = 1 << 18;

/// A set that only tells its size. A big one marks a bit for each address and estimates from the
/// share of bits still unset (linear counting), within a tenth of a percent.
pub(super) enum Distinct {
    Exact(Vec<u64>),
    Marked(Vec<u64>),
}

impl Distinct {
    /// Make a set for up to `expected` additions.
    pub(super) fn new(expected: usize) -> Self {
        if expected <= EXACT_MAX {
            Self::Exact(Vec::new())
        } else {
            Self::Marked(vec![0; expected.next_power_of_two() / 8])
        }
    }

    fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => hashes.push(hash),
            Self::Marked(words) => {
                let word = hash as usize % words.len();
                words[word] |= 1 << (hash >> 58);
            }
        }
    }

    pub(super) fn count(self) -> usize {
        match self {
            Self::Exact(mut hashes) => {
                hashes.sort_unstable();
                hashes.dedup();
                hashes.len()
            }
            Self::Marked(words) => {
                let bits = words.len() as f64 * 64.0;
                let unset: u64 = words.iter().map(|word| u64::from(word.count_zeros())).sum();
                (bits * (bits / unset.max(1) as f64).ln()).round() as usize
            }
        }
    }
}

impl Shard {
    pub(super) fn census(&self, keys: &Keys, seeders: &mut Distinct, leechers: &mut Distinct) {
        let mut add = |seeder: bool, hash: u64| {
            let addresses = if seeder {
                &mut *seeders
            } else {
                &mut *leechers
            };
            addresses.add(hash);
        };
        for slot in self.torrents.iter() {
            for peer in PeerV4::view(slot).iter() {
                add(peer.meta().is_seeder(), peer.mix_host(keys));
            }
            for peer in PeerV6::view(slot).iter() {
                add(peer.meta().is_seeder(), peer.mix_host(keys));
            }
        }
    }
}
