//! Several nodes, what carries their events, and clients, in virtual time: the same for the same seed.
//!
//! The stores and the bytes are the real ones. What carries them is late, gives twice, forgets, goes away
//! and shows the wrong time; nodes stand still, are cut off, die and come back. Afterwards all nodes have
//! to hold the same peers, and to have counted each download once.

mod carrier;
mod client;
mod node;
mod world;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::world::World;

/// What is built wrong on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// Who went is not remembered.
    NoTombstones,
    /// Nobody takes back a download that several counted.
    NoWithdrawal,
    /// Of ten blobs one is passed over.
    LostBlob,
}

/// Runs one seed, and says what is wrong if anything is.
fn run(seed: u64, bug: Bug) -> Result<(), String> {
    let mut world = World::new(seed, bug);
    world.run();
    world
        .check()
        .map_err(|wrong| format!("seed {seed}: {wrong}"))
}

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 200;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// More of them for as many seconds as `SIMULATE_S` says, beginning with others each day;
/// `SIMULATE_SEED` names a single one.
#[test]
fn nodes_come_to_the_same_peers_and_counts_whatever_happens() {
    let length = variable("SIMULATE_S").map(Duration::from_secs);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let day = since.map_or(0, |since| since.as_secs() / 86_400);
    let first = match (variable("SIMULATE_SEED"), length) {
        (Some(seed), _) => seed,
        (None, Some(_)) => day * 1_000_000,
        (None, None) => 0,
    };
    let began = Instant::now();
    let mut seed = first;
    let goes_on = |seed: u64| match (variable("SIMULATE_SEED"), length) {
        (Some(_), _) => seed == first,
        (None, Some(length)) => began.elapsed() < length,
        (None, None) => seed < SEEDS,
    };
    while goes_on(seed) {
        run(seed, Bug::None).unwrap_or_else(|wrong| panic!("{wrong}"));
        seed += 1;
    }
    let took = began.elapsed().as_secs_f64();
    eprintln!(
        "{} seeds from {first} on in {took:.1} s, and all nodes agree in each",
        seed - first
    );
}

#[test]
fn a_bug_that_is_planted_is_found() {
    for bug in [Bug::NoTombstones, Bug::NoWithdrawal, Bug::LostBlob] {
        let found = (0..SEEDS).any(|seed| run(seed, bug).is_err());
        assert!(found, "{bug:?}");
    }
}
