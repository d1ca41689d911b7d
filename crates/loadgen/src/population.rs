//! The peers of a load: who announces what from where, drawn once from a profile.

use fastrand::Rng;

use crate::profile::Profile;
use crate::random;
use crate::weights::Weights;

pub(crate) type Infohash = [u8; 20];

const PEER_SEED: u64 = 0xc3a5_8be6_17b3_acce;
const SCRAPE_SEED: u64 = 0x5c4a_8be6_17b3_acce;
const INFOHASH_SEED: u64 = 0xc3aa_8be6_17b3_acce;

/// Eight bytes, so that the whole population disturbs the shared cache of the CPU little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) torrent: u32,
    pub(crate) port: u16,
    pub(crate) socket: u16,
}

#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) peers: Vec<Peer>,
    weights: Weights,
}

/// The infohash of the torrent number `torrent`: computed when needed, never looked up.
pub(crate) fn infohash(torrent: u32) -> Infohash {
    let mut bytes = [0; 20];
    random::of(INFOHASH_SEED, torrent).fill(&mut bytes);
    bytes
}

impl Population {
    pub(crate) fn drawn(profile: &Profile) -> Self {
        let weights = Weights::new(&profile.weights());
        let mut random = Rng::with_seed(PEER_SEED);
        let peers = (0..profile.peers)
            .map(|_| Peer {
                torrent: weights.draw(&mut random),
                port: random.u16(1..),
                socket: random.u32(..profile.sockets) as u16,
            })
            .collect();
        Self { peers, weights }
    }

    /// The torrents that one peer scrapes: the same list each time it does.
    pub(crate) fn scraped(&self, peer: u32, torrents_max: u32) -> impl Iterator<Item = Infohash> {
        let mut random = random::of(SCRAPE_SEED, peer);
        let count = random.u32(1..=torrents_max);
        (0..count).map(move |_| infohash(self.weights.draw(&mut random)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Population, infohash};
    use crate::profile::Profile;
    use std::collections::HashSet;

    fn small(name: &str) -> Profile {
        let profile = Profile::named(name).expect("a known profile");
        Profile {
            torrents: 1_000,
            peers: 20_000,
            ..profile
        }
    }

    #[test]
    fn infohashes_are_distinct() {
        let hashes: HashSet<_> = (0..100_000).map(infohash).collect();
        assert_eq!(hashes.len(), 100_000);
    }

    #[test]
    fn the_same_profile_gives_the_same_population() {
        let profile = small("aquatic");
        assert_eq!(
            Population::drawn(&profile).peers,
            Population::drawn(&profile).peers
        );
    }

    #[test]
    fn peers_stay_within_the_torrents_and_sockets_of_the_profile() {
        let profile = small("power-law");
        let population = Population::drawn(&profile);
        assert_eq!(population.peers.len(), 20_000);
        assert!(population.peers.iter().all(|peer| peer.torrent < 1_000));
        let sockets: HashSet<u16> = population.peers.iter().map(|peer| peer.socket).collect();
        assert_eq!(sockets.len(), 8);
    }

    #[test]
    fn a_power_law_gives_its_first_torrent_the_most_peers() {
        let population = Population::drawn(&small("power-law"));
        let count = |torrent| {
            population
                .peers
                .iter()
                .filter(|peer| peer.torrent == torrent)
                .count()
        };
        // 1 / H(1000) = 13.4 % of 20,000.
        assert!((2_500..2_850).contains(&count(0)), "{}", count(0));
        assert!((count(0) as f64 / count(1) as f64 - 2.0).abs() < 0.25);
    }

    #[test]
    fn a_peer_scrapes_the_same_torrents_each_time_and_no_more_than_allowed() {
        let population = Population::drawn(&small("uniform"));
        for peer in 0..200 {
            let list: Vec<_> = population.scraped(peer, 10).collect();
            assert!((1..=10).contains(&list.len()));
            assert!(
                list.iter()
                    .eq(population.scraped(peer, 10).collect::<Vec<_>>().iter())
            );
        }
    }
}
