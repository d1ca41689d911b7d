//! Which batches are timed: one in a few, as the clock is slow beside an answer.

use std::time::Instant;

/// One batch of requests in so many is timed: the first, then one each time.
///
/// A reading of the clock costs up to a tenth of an answer, and a batch may be a single request.
const ONE_IN: u32 = 16;

#[derive(Default)]
pub(super) struct Timed {
    batches: u32,
}

impl Timed {
    /// When a batch began, if it is one of those.
    pub(super) fn begin(&mut self) -> Option<Instant> {
        let is_timed = self.batches.is_multiple_of(ONE_IN);
        self.batches = self.batches.wrapping_add(1);
        is_timed.then(Instant::now)
    }
}
