//! Turns a kernel into what it costs on this CPU: half a millisecond of trying, once a process.
//!
//! Feature flags say what can run, not what is fast: of two kernels, one CPU runs the first twice
//! as fast as the second, and the next CPU the other way round.

use std::time::{Duration, Instant};

use crate::kernel::BLOCK;

/// Enough that reading the clock is lost in it.
pub(crate) const BLOCKS: usize = 32;

/// What interrupts a trial makes it longer, never shorter, so the shortest counts.
const TRIALS: usize = 5;

/// What every lane reads while it is measured.
pub(crate) static CONTENT: [[u8; BLOCK]; BLOCKS] = [[0x5A; BLOCK]; BLOCKS];

/// The least time that a call takes, at least a nanosecond.
pub(crate) fn shortest(mut run: impl FnMut()) -> Duration {
    let once = |_| {
        let begin = Instant::now();
        run();
        begin.elapsed()
    };
    let shortest = (0..TRIALS).map(once).min().unwrap_or_default();
    shortest.max(Duration::from_nanos(1))
}
