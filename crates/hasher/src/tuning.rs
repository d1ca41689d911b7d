//! Finds how much a lane best reads at a time, by trying it on the content that is being hashed.
//!
//! What is read passes through the caches of a core on its way to the kernel. No flag says how large
//! they are for one thread, and how much others leave of them; the time of a few megabytes does.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::{kernel::LANES_MAX, system};

/// Bytes that each way is tried on at a time: a millisecond.
const TRIAL: u64 = 4 << 20;

/// How often each is tried. What disturbs makes a trial longer, never shorter, so the shortest counts.
const ROUNDS: usize = 5;

/// Content of a thread from which on it is worth trying: what is lost in it is forgotten.
const WORTHWHILE: u64 = 256 << 20;

/// By how much another way must be faster than the one to begin with.
const GAIN: f64 = 1.05;

/// What the first job of so many lanes has found; 0 is not known yet.
static FOUND: [AtomicUsize; LANES_MAX + 1] = [const { AtomicUsize::new(0) }; LANES_MAX + 1];

/// What was found for so many lanes, None before any job was long enough.
#[cfg(test)]
pub(crate) fn found(lanes: usize) -> Option<usize> {
    Some(FOUND[lanes].load(Ordering::Relaxed)).filter(|chunk| *chunk != 0)
}

/// One thread's search.
pub(crate) struct Tuning {
    lanes: usize,
    /// Lengths to try, the one to begin with first.
    chunks: Vec<usize>,
    /// The least time a byte of each.
    times: Vec<f64>,
    /// Which trial runs; past the last the search is over.
    trial: usize,
    hashed: u64,
    began: Duration,
    chunk: usize,
}

impl Tuning {
    /// Begin with reading `chunk`, and try shorter reads down to `least` if the content allows it.
    pub(crate) fn new(lanes: usize, chunk: usize, least: usize, content: u64) -> Self {
        let found = FOUND[lanes].load(Ordering::Relaxed);
        let chunks: Vec<usize> = if found != 0 {
            vec![found.clamp(least.min(chunk), chunk)]
        } else if content < WORTHWHILE {
            vec![chunk]
        } else {
            std::iter::successors(Some(chunk), |chunk| {
                Some(chunk / 2).filter(|half| *half >= least && half % least == 0)
            })
            .collect()
        };
        Self {
            lanes,
            times: vec![f64::INFINITY; chunks.len()],
            trial: if chunks.len() > 1 { 0 } else { usize::MAX },
            chunk: chunks[0],
            chunks,
            hashed: 0,
            began: Duration::ZERO,
        }
    }

    /// Bytes to read into a lane at a time.
    pub(crate) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Take note of content that was read and hashed.
    pub(crate) fn advance(&mut self, hashed: u64) {
        if self.trial == usize::MAX {
            return;
        }
        let now = system::thread_time();
        self.learn(hashed, now);
    }

    fn learn(&mut self, hashed: u64, now: Duration) {
        if self.began == Duration::ZERO {
            // The first turn of a way still works on what the last has read.
            self.began = now;
            return;
        }
        self.hashed += hashed;
        if self.hashed < TRIAL.max((self.chunk * self.lanes) as u64) {
            return;
        }
        let at = self.trial % self.chunks.len();
        let time = now.saturating_sub(self.began).as_secs_f64() / self.hashed as f64;
        self.times[at] = self.times[at].min(time);
        self.trial += 1;
        self.hashed = 0;
        self.began = Duration::ZERO;
        self.chunk = self.chunks[self.trial % self.chunks.len()];
        if self.trial == ROUNDS * self.chunks.len() {
            self.trial = usize::MAX;
            self.chunk = self.best();
            FOUND[self.lanes].store(self.chunk, Ordering::Relaxed);
        }
    }

    fn best(&self) -> usize {
        let mut best = 0;
        for at in 1..self.chunks.len() {
            let gain = if best == 0 { GAIN } else { 1.0 };
            if self.times[at] * gain < self.times[best] {
                best = at;
            }
        }
        self.chunks[best]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;

    /// Hash until the search is over, at a cost of so many ns a KiB by the length of a read.
    fn search(lanes: usize, cost: impl Fn(usize) -> u64) -> usize {
        let mut tuning = Tuning::new(lanes, 1024 * KIB, 64 * KIB, 1 << 30);
        let mut now = Duration::from_secs(1);
        while tuning.trial != usize::MAX {
            let bytes = tuning.chunk() * lanes;
            now += Duration::from_nanos(cost(tuning.chunk()) * (bytes / KIB) as u64);
            tuning.learn(bytes as u64, now);
        }
        tuning.chunk()
    }

    #[test]
    fn the_fastest_read_is_found_and_kept_for_the_next_job() {
        let found = search(5, |chunk| if chunk == 256 * KIB { 250 } else { 300 });
        assert_eq!(found, 256 * KIB);
        let next = Tuning::new(5, 1024 * KIB, 64 * KIB, 1 << 30);
        assert_eq!((next.chunk(), next.trial), (256 * KIB, usize::MAX));
        let few = Tuning::new(5, 128 * KIB, 64 * KIB, 1 << 30);
        assert_eq!(few.chunk(), 128 * KIB);
    }

    #[test]
    fn what_is_hardly_faster_changes_nothing() {
        assert_eq!(
            search(6, |chunk| if chunk == 64 * KIB { 295 } else { 300 }),
            1024 * KIB
        );
    }

    #[test]
    fn little_content_is_not_tried_on() {
        let tuning = Tuning::new(7, 1024 * KIB, 64 * KIB, WORTHWHILE - 1);
        assert_eq!((tuning.chunk(), tuning.trial), (1024 * KIB, usize::MAX));
    }

    #[test]
    fn only_multiples_of_the_least_are_tried() {
        let tuning = Tuning::new(8, 576 * KIB, 64 * KIB, 1 << 30);
        assert!(tuning.chunks.iter().all(|chunk| chunk % (64 * KIB) == 0));
    }
}
