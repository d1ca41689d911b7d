//! A million random operations, each compared with a store of plain maps.

use super::super::trial::{Place, Trial};
use crate::limits::Limits;
use crate::rng::Rng;

const CHECKS: u32 = 20;

/// How many families of swarms were split at each of the checks on the way.
fn agree(limits: &Limits, place: &Place, seed: u64, operations: u32) -> Vec<usize> {
    let mut source = Rng::with_seed(seed);
    let mut trial = Trial::new(limits, seed);
    let mut check = |_| {
        for _ in 0..operations / CHECKS {
            trial.act(&mut source, place);
        }
        trial.check()
    };
    (0..CHECKS).map(&mut check).collect()
}

#[test]
fn a_store_without_limits_agrees_with_a_naive_one() {
    let place = Place {
        torrents: 300,
        small: 24,
        large: 14_000,
    };
    let splits = agree(&Limits::default(), &place, 7, 600_000);
    assert!(splits.contains(&0) && splits.contains(&2), "{splits:?}");
}

#[test]
fn a_store_at_its_limits_agrees_with_a_naive_one() {
    let limits = Limits {
        torrents_max: 90,
        peers_max: 700,
        peers_per_torrent_max: 60,
        peers_per_address_max: 2,
        counters_kept_max: 5,
        peer_timeout_s: 900,
    };
    let place = Place {
        torrents: 100,
        small: 40,
        large: 400,
    };
    agree(&limits, &place, 2, 200_000);
}

#[test]
fn a_store_that_keeps_no_counters_agrees_with_a_naive_one() {
    let limits = Limits {
        counters_kept_max: 0,
        peer_timeout_s: 60,
        ..Limits::default()
    };
    let place = Place {
        torrents: 2000,
        small: 3,
        large: 300,
    };
    agree(&limits, &place, 3, 200_000);
}
