//! Measures what it costs to be one of several trackers: an announce, an event out and in, a join.
//!
//! `cargo run --release --example cluster -- [PEERS [TORRENTS]]`, 2 M and 1 M if it is not said, spread
//! over torrents as aquatic's load generator spreads them. Stores alone and together take the same
//! announces in turns, and the median of the ratios is told.

use std::hint::black_box;
use std::io::{self, Write as _};

use outpour_tracker::ClusterConfig;
use outpour_tracker::limits::Limits;
use outpour_tracker::model::Announce;
use outpour_tracker::rng::Rng;
use outpour_tracker::swarm::Swarms;

mod population;

use population::{NUMWANT, mix, thread_ns};

const ROUNDS: usize = 7;

/// Events of a tenth of a second at some hundred thousand announces a second.
const BLOB_BYTES: usize = 256 << 10;

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let mut number = |other| {
        numbers
            .next()
            .unwrap_or(Ok(other))
            .map_err(io::Error::other)
    };
    let [peers, torrents] = [number(2_000_000)?, number(1_000_000)?];
    let mut out = io::stdout().lock();
    let rng = &mut Rng::with_seed(1);
    let announces = mix(rng, peers, torrents);
    let alone = Swarms::new(Limits::default());
    let together = node(1);
    let other = node(2);
    let each = announces.len() as f64;

    let first = [
        round(&alone, &announces, 0, rng),
        round(&together, &announces, 0, rng),
    ];
    writeln!(
        out,
        "first announce: alone {:.0} ns, together {:.0} ns",
        first[0], first[1]
    )?;
    let began = thread_ns();
    let blobs = take_all(&together, 0);
    let took = (thread_ns() - began) as f64 / each;
    let bytes: usize = blobs.iter().map(Vec::len).sum();
    writeln!(out, "event out: {took:.0} ns, {:.2} B", bytes as f64 / each)?;
    for what in ["in", "in again, late"] {
        let began = thread_ns();
        for blob in &blobs {
            apply(&other, blob);
        }
        let took = (thread_ns() - began) as f64 / each;
        writeln!(out, "event {what}: {took:.0} ns")?;
    }
    // Each shape in its rounds: the same again, and seeders and leechers by turns.
    let mut now_s = 0;
    for (what, flips, step_s) in [
        ("unchanged, within half its time", false, 0),
        ("unchanged, after half its time", false, 1400),
        ("changed", true, 0),
    ] {
        let mut ratios = Vec::new();
        let mut costs = [0.0; 2];
        for turn in 0..ROUNDS {
            now_s += step_s;
            let flipped: Vec<Announce> = announces
                .iter()
                .map(|announce| Announce {
                    left: if flips { turn as u64 % 2 } else { 1 },
                    ..*announce
                })
                .collect();
            let alone = round(&alone, &flipped, now_s, rng);
            let cost = round(&together, &flipped, now_s, rng);
            costs = [alone, cost];
            ratios.push(cost / alone);
            take_all(&together, now_s);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let [alone, cost] = costs;
        writeln!(
            out,
            "announce, {what}: alone {alone:.0} ns, together {cost:.0} ns, ratio {:.3}",
            ratios[ROUNDS / 2]
        )?;
    }
    join(&together, now_s, &mut out)
}

fn join(giver: &Swarms, now_s: u32, out: &mut impl io::Write) -> io::Result<()> {
    let joined = node(3);
    let (mut from, mut bytes, mut pages) = (Some(0), 0, 0);
    let mut took = [0, 0];
    while let Some(at) = from {
        let began = thread_ns();
        let page = giver.events_page(at, 1 << 20, now_s);
        let (page, next) = page.ok_or_else(|| io::Error::other("not one of several"))?;
        took[0] += thread_ns() - began;
        let began = thread_ns();
        apply_at(&joined, &page, now_s);
        took[1] += thread_ns() - began;
        bytes += page.len();
        pages += 1;
        from = next;
    }
    let totals = joined.totals();
    let peers = totals.peers_v4;
    writeln!(
        out,
        "join: {peers} peers in {pages} pages of {} MB; given in {} ms, taken in in {} ms, {:.1} B held a peer",
        bytes / 1_000_000,
        took[0] / 1_000_000,
        took[1] / 1_000_000,
        totals.bytes as f64 / peers as f64
    )
}

fn node(node: u64) -> Swarms {
    let config = ClusterConfig {
        node,
        queue_bytes_max: 1 << 30,
        parts: 1,
    };
    Swarms::clustered(Limits::default(), &config)
}

fn take_all(swarms: &Swarms, now_s: u32) -> Vec<Vec<u8>> {
    let mut blobs = Vec::new();
    loop {
        let blob = swarms.take_events(0, BLOB_BYTES, now_s);
        if blob.is_empty() {
            return blobs;
        }
        blobs.push(blob);
    }
}

fn apply(swarms: &Swarms, blob: &[u8]) {
    apply_at(swarms, blob, 0);
}

fn apply_at(swarms: &Swarms, blob: &[u8], now_s: u32) {
    let applied = swarms.apply_events(blob, 0, now_s, |_| true, |_| true);
    assert!(applied.is_ok_and(|applied| applied.refused == 0));
}

/// Nanoseconds of an announce.
fn round(swarms: &Swarms, announces: &[Announce], now_s: u32, rng: &mut Rng) -> f64 {
    const AHEAD: usize = 8;
    let mut v4 = [0; NUMWANT * 6];
    let began = thread_ns();
    for (at, announce) in announces.iter().enumerate() {
        if let Some(soon) = announces.get(at + 2 * AHEAD) {
            swarms.prefetch(&soon.infohash);
        }
        if let Some(soon) = announces.get(at + AHEAD) {
            swarms.prefetch_torrent(&soon.infohash);
        }
        black_box(swarms.announce(announce, now_s, rng, &mut v4, &mut []));
    }
    (thread_ns() - began) as f64 / announces.len() as f64
}
