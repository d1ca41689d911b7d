//! Who is given: each peer equally often, within what `select` says.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::Swarms;
use super::super::trial::addresses;
use crate::limits::Limits;
use crate::model::{Announce, COMPACT_V4, COMPACT_V6, Event};
use crate::rng::Rng;

struct Swarm {
    store: Swarms,
    rng: Rng,
}

fn v4(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0xc000_0200 + number), 6881).into()
}

fn v6(number: u32) -> SocketAddr {
    let bits = 0x2001_0db8 << 96 | u128::from(number);
    (Ipv6Addr::from_bits(bits), 6881).into()
}

fn says(peer: SocketAddr, left: u64, numwant: usize) -> Announce {
    Announce {
        infohash: [1; 20],
        peer_id: [0; 20],
        ip: peer.ip(),
        port: peer.port(),
        left,
        has_nothing: false,
        event: Event::None,
        numwant,
    }
}

impl Swarm {
    fn new() -> Self {
        Self {
            store: Swarms::seeded(Limits::default(), 4),
            rng: Rng::with_seed(5),
        }
    }

    fn of(peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut swarm = Self::new();
        for peer in peers {
            swarm.ask(&says(peer, 1, 0));
        }
        swarm
    }

    /// What an announce is answered, those of IPv4 first.
    fn ask(&mut self, announce: &Announce) -> Vec<SocketAddr> {
        let mut v4 = vec![0; announce.numwant * COMPACT_V4];
        let mut v6 = vec![0; announce.numwant * COMPACT_V6];
        let facts = self
            .store
            .announce(announce, 0, &mut self.rng, &mut v4, &mut v6);
        let mut given = addresses::<6>(&v4[..facts.v4_bytes]);
        given.extend(addresses::<18>(&v6[..facts.v6_bytes]));
        given
    }

    /// How often each was given in `draws` answers.
    fn draw(&mut self, announce: &Announce, draws: u32) -> HashMap<SocketAddr, u32> {
        let mut counts = HashMap::new();
        for _ in 0..draws {
            for peer in self.ask(announce) {
                *counts.entry(peer).or_default() += 1;
            }
        }
        counts
    }
}

/// In an answer of dozens nobody strays from the average by more than this share of it, and the
/// root of the mean of the squares by no more than the second one, chance apart.
const ERROR: f64 = 0.1;
const ERROR_RMS: f64 = 0.04;

/// Each of `peers` is given equally often, but for chance and `error`.
///
/// Chance alone makes one peer in five hundred million stray by six standard deviations.
fn assert_fair(counts: &HashMap<SocketAddr, u32>, peers: &[SocketAddr], error: f64) {
    let number = peers.len() as f64;
    let given = |peer: &SocketAddr| f64::from(counts.get(peer).copied().unwrap_or(0));
    let expected = peers.iter().map(given).sum::<f64>() / number;
    let chance = 1.0 / expected.sqrt();
    let mut squares = 0.0;
    for peer in peers {
        let strays = given(peer) / expected - 1.0;
        assert!(strays.abs() < error + 6.0 * chance, "{peer}: {strays}");
        squares += strays * strays;
    }
    let rms = (squares / number).sqrt();
    assert!(peers.len() < 40 || rms < ERROR_RMS + chance, "{rms}");
}

/// What can be asked of swarms of one family.
fn assert_fair_swarm(make: fn(u32) -> SocketAddr, number: u32, numwant: usize, draws: u32) {
    let peers: Vec<_> = (0..number).map(make).collect();
    let mut swarm = Swarm::of(peers.iter().copied());
    let asker = make(u32::MAX >> 8);
    let counts = swarm.draw(&says(asker, 1, numwant), draws);
    let error = if number < 4 { 0.0 } else { ERROR };
    assert_fair(&counts, &peers, error);
    let sum: u32 = counts.values().sum();
    assert_eq!(sum, draws * numwant as u32, "and each answer was full");
}

#[test]
fn peers_in_the_slot_are_equally_likely() {
    for (number, numwant) in [(2, 1), (3, 1), (3, 2)] {
        assert_fair_swarm(v4, number, numwant, 40_000);
        assert_fair_swarm(v6, number, numwant, 40_000);
    }
}

#[test]
fn peers_in_one_table_are_equally_likely() {
    for (number, numwant, draws) in [(8, 4, 20_000), (40, 20, 20_000), (300, 50, 20_000)] {
        assert_fair_swarm(v4, number, numwant, draws);
        assert_fair_swarm(v6, number, numwant, draws);
    }
    assert_fair_swarm(v4, 3000, 50, 60_000);
    assert_fair_swarm(v6, 3000, 50, 60_000);
}

#[test]
fn peers_in_a_split_table_are_equally_likely() {
    for numwant in [50, 200] {
        let draws = 3_000_000 / numwant as u32;
        assert_fair_swarm(v4, 10_000, numwant, draws);
        assert_fair_swarm(v6, 10_000, numwant, draws);
    }
}

#[test]
fn peers_of_both_families_are_equally_likely_within_their_own() {
    let four: Vec<_> = (0..600).map(v4).collect();
    let six: Vec<_> = (0..200).map(v6).collect();
    let mut swarm = Swarm::of(four.iter().chain(&six).copied());
    for (asker, shares) in [(v4(9999), [36, 12]), (v6(9999), [12, 36])] {
        let counts = swarm.draw(&says(asker, 1, 48), 20_000);
        let (of_four, of_six): (HashMap<_, _>, _) =
            counts.into_iter().partition(|(peer, _)| peer.is_ipv4());
        assert_fair(&of_four, &four, ERROR);
        assert_fair(&of_six, &six, ERROR);
        let sums: [u32; 2] = [&of_four, &of_six].map(|counts| counts.values().sum());
        assert_eq!(sums, shares.map(|share| 20_000 * share));
        // Only this asker goes, so that the next one does not meet it.
        let goes = Announce {
            event: Event::Stopped,
            ..says(asker, 1, 0)
        };
        swarm.ask(&goes);
    }
}

#[test]
fn it_stays_so_while_peers_come_and_go() {
    for make in [v4, v6] {
        let mut swarm = Swarm::of((0..3000).map(make));
        for number in (0..3000).filter(|number| number % 3 > 0) {
            let goes = Announce {
                event: Event::Stopped,
                ..says(make(number), 1, 0)
            };
            swarm.ask(&goes);
        }
        (5000..5500).for_each(|number| {
            swarm.ask(&says(make(number), 1, 0));
        });
        let mut peers: Vec<_> = (0..1000).map(|number| make(3 * number)).collect();
        peers.extend((5000..5500).map(make));
        let counts = swarm.draw(&says(make(9999), 1, 50), 30_000);
        assert_fair(&counts, &peers, ERROR);
    }
}

#[test]
fn a_leecher_gets_seeds_and_leechers_alike_and_a_seed_the_leechers_alone() {
    for make in [v4, v6] {
        let mut swarm = Swarm::new();
        let peers: Vec<_> = (0..900).map(make).collect();
        for (at, peer) in peers.iter().enumerate() {
            let paused = Announce {
                event: Event::Paused,
                ..says(*peer, 1, 0)
            };
            match at % 3 {
                0 => swarm.ask(&says(*peer, 0, 0)),
                1 => swarm.ask(&paused),
                _ => swarm.ask(&says(*peer, 1, 0)),
            };
        }
        let counts = swarm.draw(&says(make(9999), 1, 50), 20_000);
        assert_fair(&counts, &peers, ERROR);
        let leechers: Vec<_> = (0..300).map(|number| make(3 * number + 2)).collect();
        let all: Vec<_> = leechers.iter().copied().chain([make(9999)]).collect();
        let paused = Announce {
            event: Event::Paused,
            ..says(make(9998), 1, 50)
        };
        for asks in [says(make(9998), 0, 50), paused] {
            let counts = swarm.draw(&asks, 20_000);
            assert_eq!(counts.len(), 301);
            assert_fair(&counts, &all, ERROR);
        }
    }
}

#[test]
fn nobody_is_given_itself() {
    for make in [v4, v6] {
        for number in [1, 2, 4, 5, 40, 3000, 10_000] {
            let mut swarm = Swarm::of((0..number).map(make));
            for asker in (0..number).step_by(1 + number as usize / 40).map(make) {
                let given = swarm.ask(&says(asker, 1, 200));
                assert!(!given.contains(&asker));
                assert_eq!(given.len(), 200.min(number as usize - 1));
            }
        }
    }
}

#[test]
fn origins_lead_every_answer_of_a_leecher_whether_they_announce_or_not() {
    let origins = [v4(1), v4(7777), v6(1)];
    for make in [v4, v6] {
        for number in [2, 3, 40, 3000, 10_000] {
            let mut swarm = Swarm::of((0..number).map(make));
            swarm.store.set_origins(&origins);
            for _ in 0..50 {
                let given = swarm.ask(&says(make(8888), 1, 40));
                assert_eq!(&given[..2], &origins[..2]);
                let six = given.iter().find(|peer| peer.is_ipv6());
                assert_eq!(six, Some(&origins[2]));
            }
            let of_itself = swarm.ask(&says(origins[0], 1, 40));
            assert_eq!(of_itself[0], origins[1]);
            let given = swarm.ask(&says(make(8888), 0, 40));
            assert!(!given.contains(&origins[1]), "a seed needs no seeds");
        }
    }
}
