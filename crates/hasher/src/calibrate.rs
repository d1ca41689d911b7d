//! Turns ways to do one thing into what each costs on this CPU: two milliseconds, once a process.
//!
//! Feature flags say what can run, not what is fast: of two kernels, one CPU runs the first twice
//! as fast as the second, and the next CPU the other way round.

use std::time::{Duration, Instant};

use crate::kernel::{BLOCK, LANES_MAX};

/// Enough that reading the clock is lost in it.
pub(crate) const BLOCKS: usize = 64;

/// How often each way is tried. What interrupts a trial makes it longer, never shorter, so the
/// shortest counts; and what lasts, as a slow clock, meets all ways alike, because they take turns.
const ROUNDS: usize = 16;

/// What each lane reads while it is measured: memory of its own, in sets of the caches of its own.
pub(crate) static CONTENT: [[[u8; BLOCK]; BLOCKS + 4]; LANES_MAX] =
    [[[0x5A; BLOCK]; BLOCKS + 4]; LANES_MAX];

/// The least time that each of so many ways takes, at least a nanosecond.
pub(crate) fn shortest(ways: usize, mut run: impl FnMut(usize)) -> Vec<Duration> {
    let mut times = vec![Duration::MAX; ways];
    for _ in 0..ROUNDS {
        for (way, time) in times.iter_mut().enumerate() {
            let begin = Instant::now();
            run(way);
            *time = (*time).min(begin.elapsed());
        }
    }
    let least = Duration::from_nanos(1);
    times.into_iter().map(|time| time.max(least)).collect()
}
