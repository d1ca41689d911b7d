//! A sweep takes what is due, in steps of bounded work, and goes round.

use std::net::{Ipv4Addr, SocketAddr};

use super::super::Swarms;
use super::super::peer::{Coarse, PeerV4};
use super::super::peers::SPLIT_AT;
use super::super::sweep::{Cursor, HOLD};
use super::super::table::Table;
use crate::limits::Limits;
use crate::model::{Announce, Event, InfoHash};
use crate::rng::Rng;

const TIMEOUT_S: u32 = 800;

fn store() -> Swarms {
    let limits = Limits {
        peer_timeout_s: TIMEOUT_S,
        ..Limits::default()
    };
    Swarms::seeded(limits, 6)
}

fn join(store: &Swarms, infohash: InfoHash, peer: u32, now_s: u32) {
    let address: SocketAddr = (Ipv4Addr::from_bits(0x0a00_0000 + peer), 6881).into();
    let announce = Announce {
        infohash,
        ip: address.ip(),
        port: address.port(),
        peer_id: [0; 20],
        left: u64::from(peer % 2),
        has_nothing: false,
        event: Event::None,
        numwant: 0,
    };
    let facts = store.announce(&announce, now_s, &mut Rng::with_seed(1), &mut [], &mut []);
    assert!(facts.joined);
}

fn numbered(number: u32) -> InfoHash {
    let mut infohash = [3; 20];
    infohash[..4].copy_from_slice(&number.to_be_bytes());
    infohash
}

#[test]
fn a_peer_goes_when_it_is_silent_for_longer_than_the_timeout_and_not_before() {
    let store = store();
    join(&store, numbered(1), 1, 0);
    join(&store, numbered(1), 2, 80);
    assert_eq!(store.sweep(TIMEOUT_S, usize::MAX), 0);
    assert_eq!(store.sweep(TIMEOUT_S + Coarse::UNIT_S, usize::MAX), 1);
    assert_eq!(store.totals().peers_v4, 1);
    let later_s = 80 + TIMEOUT_S + Coarse::UNIT_S;
    assert_eq!(store.sweep(later_s, usize::MAX), 1);
    assert_eq!((store.totals().torrents, store.totals().expired), (0, 2));
}

#[test]
fn no_step_does_more_than_its_budget_and_the_move_of_one_table() {
    let store = store();
    for torrent in 0..3000 {
        (0..torrent % 7).for_each(|peer| join(&store, numbered(torrent), peer, 0));
    }
    for (torrent, peers) in [(5000, 1000), (5001, SPLIT_AT), (5002, 100_000)] {
        (0..peers).for_each(|peer| join(&store, numbered(torrent), peer, 0));
    }
    // A table of its largest is moved whole once it is empty, before the step is over.
    let moved = 2 * Table::<PeerV4>::groups_for(SPLIT_AT as usize) as usize;
    let timeout = (TIMEOUT_S / Coarse::UNIT_S) as u16;
    for now_s in [TIMEOUT_S, 10 * TIMEOUT_S] {
        let turn = store.turn(now_s, None);
        let mut expired = 0;
        for padded in &store.shards {
            let mut cursor = Cursor::default();
            loop {
                let mut shard = padded.shard.lock();
                let step = shard.sweep(&turn, timeout, HOLD, &mut cursor);
                assert!(step.work < HOLD + moved, "{}", step.work);
                assert!(step.expired <= HOLD * 8 + 4, "{}", step.expired);
                expired += step.expired;
                if step.ended {
                    break;
                }
            }
        }
        let left = store.totals().peers_v4;
        assert_eq!(expired > 0, now_s > TIMEOUT_S);
        assert_eq!(left == 0, now_s > TIMEOUT_S);
    }
    let totals = store.totals();
    assert_eq!((totals.torrents, totals.seeders), (0, 0));
    assert_eq!(store.load.peers.get(), 0);
}

#[test]
fn steps_of_any_budget_reach_every_peer_within_the_cost_of_two_sweeps() {
    for budget in [1, 7, 256, 100_000] {
        let store = store();
        for torrent in 0..500 {
            (0..9).for_each(|peer| join(&store, numbered(torrent), peer, 0));
        }
        // Tables that are given back are moved, which comes on top.
        let steps = (2 * store.sweep_cost()).div_ceil(budget) + 1;
        let now_s = 2 * TIMEOUT_S;
        let expired: usize = (0..steps).map(|_| store.sweep(now_s, budget)).sum();
        assert_eq!(expired, 500 * 9, "{budget}");
    }
}

#[test]
fn a_sweep_that_finds_another_one_at_work_does_nothing() {
    let store = store();
    join(&store, numbered(1), 1, 0);
    let other = store.sweep.lock();
    assert_eq!(store.sweep(9 * TIMEOUT_S, usize::MAX), 0);
    drop(other);
    assert_eq!(store.sweep(9 * TIMEOUT_S, usize::MAX), 1);
}
