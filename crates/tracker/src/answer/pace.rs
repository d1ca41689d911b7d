//! What is asked of peers and may be changed while they are answered.

use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers that are read with each answer; whoever changes one waits for nobody.
pub(crate) struct Pace {
    interval_s: AtomicU32,
    min_interval_s: AtomicU32,
    peers_per_answer: AtomicU32,
}

impl Pace {
    pub(crate) fn new(interval_s: u32, min_interval_s: u32, peers_per_answer: u32) -> Self {
        Self {
            interval_s: AtomicU32::new(interval_s),
            min_interval_s: AtomicU32::new(min_interval_s),
            peers_per_answer: AtomicU32::new(peers_per_answer),
        }
    }

    pub(crate) fn set(&self, interval_s: u32, min_interval_s: u32, peers_per_answer: u32) {
        self.interval_s.store(interval_s, Ordering::Relaxed);
        self.min_interval_s.store(min_interval_s, Ordering::Relaxed);
        self.peers_per_answer
            .store(peers_per_answer, Ordering::Relaxed);
    }

    pub(crate) fn interval_s(&self) -> u32 {
        self.interval_s.load(Ordering::Relaxed)
    }

    pub(crate) fn min_interval_s(&self) -> u32 {
        self.min_interval_s.load(Ordering::Relaxed)
    }

    pub(crate) fn peers_per_answer(&self) -> usize {
        self.peers_per_answer.load(Ordering::Relaxed) as usize
    }
}
