//! The time that peers are seen and connections end by: it never goes back.

use std::time::Instant;

/// Time before the tracker's start, for the peers of a snapshot to have been seen in.
const BEFORE_START_MS: u64 = 48 * 3600 * 1000;

#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub(crate) fn now_ms(self) -> u64 {
        BEFORE_START_MS + self.started.elapsed().as_millis() as u64
    }

    pub(crate) fn now_s(self) -> u32 {
        (self.now_ms() / 1000) as u32
    }
}
