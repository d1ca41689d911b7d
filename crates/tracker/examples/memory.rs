//! Measures the swarm store: bytes a peer and a torrent, and nanoseconds an announce.
//!
//! Run one shape at a time, as memory given back is not always given to the system:
//! `cargo run --release --example memory -- SHAPE`, with SHAPE one of `peers` (3 M peers in 10 k
//! torrents), `torrents` (1 M torrents of one peer), `mix` (2 M peers over 1 M torrents as
//! aquatic's load generator spreads them) or `sweep` (10 M peers).

use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::Instant;

use outpour_tracker::limits::Limits;
use outpour_tracker::model::{Announce, Event};
use outpour_tracker::rng::Rng;
use outpour_tracker::swarm::Swarms;

mod population;

use population::{NUMWANT, announce, mix, thread_ns};

const BATCH: usize = 64;

fn main() -> io::Result<()> {
    let shape = std::env::args().nth(1).unwrap_or_else(|| "mix".to_owned());
    let mut rng = Rng::with_seed(1);
    let announces = match shape.as_str() {
        "peers" => spread(&mut rng, 3_000_000, 10_000),
        "torrents" => (0..1_000_000).map(|peer| announce(peer, peer)).collect(),
        "hot" => spread(&mut rng, 20_000, 100),
        "mix" => mix(&mut rng, 2_000_000, 1_000_000),
        "sweep" => spread(&mut rng, 10_000_000, 100_000),
        other => return Err(io::Error::other(format!("no shape `{other}`"))),
    };
    let mut out = io::stdout().lock();
    let swarms = Swarms::new(Limits::default());
    let idle = resident()?;
    let number = announces.len() as f64;
    let start = spent()?;
    round(&swarms, &announces, &mut rng);
    let first = (spent()? - start) / number;
    let bytes = resident()? - idle;
    let totals = swarms.totals();
    let peers = totals.peers_v4 + totals.peers_v6;
    writeln!(out, "{shape}: {peers} peers, {} torrents", totals.torrents)?;
    writeln!(
        out,
        "  resident {:.1} MiB",
        bytes as f64 / f64::from(1 << 20)
    )?;
    writeln!(
        out,
        "  counted {:.1} MiB",
        totals.bytes as f64 / f64::from(1 << 20)
    )?;
    writeln!(out, "  {:.2} B a peer", bytes as f64 / peers as f64)?;
    writeln!(
        out,
        "  {:.1} B a torrent",
        bytes as f64 / totals.torrents as f64
    )?;
    writeln!(out, "  first announce {first:.0} ns")?;
    for _ in 0..3 {
        let start = spent()?;
        round(&swarms, &announces, &mut rng);
        writeln!(out, "  announce {:.0} ns", (spent()? - start) / number)?;
    }
    for _ in 0..2 {
        let start = spent()?;
        pipelined(&swarms, &announces, &mut rng);
        let mean = (spent()? - start) / number;
        writeln!(out, "  announce, prefetched {mean:.0} ns")?;
    }
    let start = Instant::now();
    let ips = swarms.unique_ips();
    writeln!(out, "  unique ips {ips:?} in {:?}", start.elapsed())?;
    let start = Instant::now();
    let snapshot = swarms.snapshot(0);
    writeln!(
        out,
        "  snapshot {} MB in {:?}",
        snapshot.len() / 1_000_000,
        start.elapsed()
    )?;
    let copy = Swarms::new(Limits::default());
    let start = Instant::now();
    let restored = copy.restore(&snapshot, 0, 0).map_err(io::Error::other)?;
    writeln!(out, "  restored {restored} in {:?}", start.elapsed())?;
    for (what, now) in [("nobody leaves", 0), ("all leave", 9000)] {
        let mut took: Vec<u64> = (0..=swarms.sweep_cost() / 256)
            .map(|_| {
                let start = thread_ns();
                black_box(swarms.sweep(now, 256));
                thread_ns() - start
            })
            .collect();
        took.sort_unstable();
        let (steps, mean) = (took.len(), took.iter().sum::<u64>() / took.len() as u64);
        let (high, worst) = (took[steps * 999 / 1000], took[steps - 1]);
        writeln!(
            out,
            "  sweep, {what}: {steps} steps, mean {mean} ns, p99.9 {high} ns, worst {worst} ns"
        )?;
    }
    let left = (resident()? - idle) as f64 / f64::from(1 << 20);
    writeln!(
        out,
        "  resident after all left {left:.1} MiB, {:?}",
        swarms.totals()
    )
}

fn round(swarms: &Swarms, announces: &[Announce], rng: &mut Rng) {
    let mut v4 = [0; NUMWANT * 6];
    for second in announces.chunks(100_000) {
        for announce in second {
            black_box(swarms.announce(&flip(announce, rng), 0, rng, &mut v4, &mut []));
        }
        swarms.take_completed(drop);
    }
}

/// Announce with memory fetched ahead, each stage some announces before the next.
fn pipelined(swarms: &Swarms, announces: &[Announce], rng: &mut Rng) {
    const AHEAD: usize = 8;
    let mut v4 = [0; NUMWANT * 6];
    let mut ahead = rng.clone();
    for batch in announces.chunks(BATCH) {
        let batch: Vec<Announce> = batch.iter().map(|announce| flip(announce, rng)).collect();
        ahead.clone_from(rng);
        for at in 0..batch.len() + 3 * AHEAD {
            if let Some(announce) = batch.get(at) {
                swarms.prefetch(&announce.infohash);
            }
            if let Some(announce) = at.checked_sub(AHEAD).and_then(|at| batch.get(at)) {
                swarms.prefetch_torrent(&announce.infohash);
            }
            if let Some(announce) = at.checked_sub(2 * AHEAD).and_then(|at| batch.get(at)) {
                swarms.prefetch_peers(announce, &mut ahead);
            }
            if let Some(announce) = at.checked_sub(3 * AHEAD).and_then(|at| batch.get(at)) {
                black_box(swarms.announce(announce, 0, rng, &mut v4, &mut []));
            }
        }
    }
}

/// Seed or download anew at each announce, three to one, as aquatic's load generator does.
fn flip(announce: &Announce, rng: &mut Rng) -> Announce {
    let seeds = rng.u32(..4) < 3;
    Announce {
        left: if seeds { 0 } else { 50 },
        event: if seeds {
            Event::Completed
        } else {
            Event::Started
        },
        ..*announce
    }
}

fn spread(rng: &mut Rng, peers: usize, torrents: u32) -> Vec<Announce> {
    (0..peers)
        .map(|peer| announce(rng.u32(..torrents) as usize, peer))
        .collect()
}

/// Processor time of this process, in nanoseconds.
fn spent() -> io::Result<f64> {
    let times = fs::read_to_string("/proc/self/schedstat")?;
    let spent = times
        .split(' ')
        .next()
        .and_then(|spent| spent.parse::<f64>().ok());
    Ok(spent.unwrap_or_default())
}

/// Bytes of this process that are in memory.
fn resident() -> io::Result<usize> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages = pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    Ok(pages.unwrap_or_default() * 4096)
}
