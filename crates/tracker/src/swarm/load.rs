//! What the shards hold together, counted where it is bounded.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A number that several shards may raise up to a bound.
#[derive(Default)]
pub(super) struct Count(AtomicUsize);

/// Kept apart from the shards' cache lines: written only when a torrent or a peer comes or goes.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Load {
    pub(super) torrents: Count,
    pub(super) peers: Count,
    /// Torrents without peers, kept for their counter.
    pub(super) empty: Count,
}

impl Count {
    /// Count one more unless there are `max`, and tell if so.
    pub(super) fn admit(&self, max: usize) -> bool {
        // Workers that race here may each be the last one in: the bound is for memory, not exact.
        let fits = self.0.load(Relaxed) < max;
        if fits {
            self.0.fetch_add(1, Relaxed);
        }
        fits
    }

    /// Count one more, whatever there is.
    pub(super) fn enter(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn leave(&self, number: usize) {
        self.0.fetch_sub(number, Relaxed);
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}
