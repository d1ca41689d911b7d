//! Whom the measurements of the store let announce, and the clock that they go by.

use std::net::{IpAddr, Ipv4Addr};

use outpour_tracker::model::{Announce, Event, InfoHash};
use outpour_tracker::rng::Rng;

pub(crate) const NUMWANT: usize = 30;

/// Draw each peer's torrent by aquatic's weights: `N / P + exp(6.5 - 500 i / N)`.
pub(crate) fn mix(rng: &mut Rng, peers: usize, torrents: usize) -> Vec<Announce> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (0..torrents)
        .map(|torrent| {
            let share = torrent as f64 / torrents as f64;
            sum += torrents as f64 / peers as f64 + (6.5 - 500.0 * share).exp();
            sum
        })
        .collect();
    let mut draw = |peer: usize| {
        let at = rng.u64(..) as f64 / u64::MAX as f64 * sum;
        let torrent = sums.partition_point(|sum| *sum < at).min(torrents - 1);
        announce(torrent, peer)
    };
    (0..peers).map(&mut draw).collect()
}

pub(crate) fn announce(torrent: usize, peer: usize) -> Announce {
    let mut infohash: InfoHash = [0; 20];
    let mut rng = Rng::with_seed(torrent as u64);
    for word in infohash.chunks_mut(8) {
        let bytes = rng.u64(..).to_le_bytes();
        word.copy_from_slice(&bytes[..word.len()]);
    }
    let ip = Ipv4Addr::from_bits(0x0a00_0000 + (peer as u32 >> 4));
    Announce {
        infohash,
        ip: IpAddr::V4(ip),
        port: 1024 + (peer as u16 & 0xfff),
        left: 1,
        has_nothing: false,
        // One each, so that each download is one.
        peer_id: std::array::from_fn(|at| (peer >> (at % 8 * 8)) as u8),
        event: Event::None,
        numwant: NUMWANT,
    }
}

/// Processor time of this thread, in nanoseconds: what others do on its core does not count.
#[allow(unsafe_code)] // the clock has no safe spelling in the standard library
pub(crate) fn thread_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to `time`, which outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
