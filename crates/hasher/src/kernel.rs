//! Turns a number of busy lanes into the fastest compression function this CPU has for them.
//!
//! A kernel advances several independent messages at once; what a message is (a piece, a 16 KiB
//! block, two merkle nodes) is left to the callers.

#![allow(unsafe_code)] // calling code compiled for instructions that only some CPUs have

use crate::{Fault, sha1, sha256};

/// What SHA-1 and SHA-256 compress at a time.
pub(crate) type Block = [u8; BLOCK];
pub(crate) const BLOCK: usize = 64;

/// The widest kernel, AVX-512, has one lane a 32-bit word of its registers.
pub(crate) const LANES_MAX: usize = 16;

/// One way to advance up to `lanes` messages by the same number of blocks; `W` words of state each.
pub(crate) struct Kernel<const W: usize> {
    pub(crate) name: &'static str,
    pub(crate) lanes: usize,
    /// Relative time of one block step with 1, 2, ... busy lanes; the last entry holds for more.
    pub(crate) cost: &'static [u32],
    pub(crate) supported: fn() -> bool,
    /// Takes 1 to `lanes` states, and as many slices of equal length.
    pub(crate) compress: unsafe fn(&mut [[u32; W]], &[&[Block]]),
}

impl<const W: usize> Kernel<W> {
    fn cost(&self, busy: usize) -> u32 {
        let full = (busy / self.lanes) as u32 * self.cost[self.cost.len() - 1];
        match busy % self.lanes {
            0 => full,
            rest => full + self.cost[(rest - 1).min(self.cost.len() - 1)],
        }
    }
}

/// The kernels in use, indexed by how many lanes have work.
pub(crate) struct Choice<const W: usize> {
    by_lanes: [&'static Kernel<W>; LANES_MAX + 1],
    /// How many messages to keep in flight: with fewer the CPU idles, with more caches suffer.
    pub(crate) lanes: usize,
}

impl<const W: usize> Choice<W> {
    fn new(kernels: &'static [Kernel<W>], forced: Option<&str>) -> Result<Self, Fault> {
        let usable: Vec<_> = kernels
            .iter()
            .filter(|kernel| (kernel.supported)() && forced.is_none_or(|name| name == kernel.name))
            .collect();
        let Some(&first) = usable.first() else {
            return Err(Fault::Kernel(forced.unwrap_or_default().to_owned()));
        };
        let mut by_lanes = [first; LANES_MAX + 1];
        for (busy, slot) in by_lanes.iter_mut().enumerate() {
            *slot = usable
                .iter()
                .min_by_key(|kernel| kernel.cost(busy))
                .unwrap_or(&first);
        }
        // The narrowest width that nothing wider beats: equal speed with less in the caches.
        let lanes = (1..=LANES_MAX)
            .min_by_key(|&busy| by_lanes[busy].cost(busy) * 1000 / busy as u32)
            .unwrap_or(1);
        Ok(Self { by_lanes, lanes })
    }

    #[cfg(test)]
    pub(crate) fn only(kernel: &'static Kernel<W>) -> Self {
        Self {
            by_lanes: [kernel; LANES_MAX + 1],
            lanes: kernel.lanes,
        }
    }

    /// Advance each state over its blocks; all slices of `blocks` have the same length.
    pub(crate) fn compress(&self, states: &mut [[u32; W]], blocks: &[&[Block]]) {
        assert!(states.len() == blocks.len() && states.len() <= LANES_MAX);
        let Some(first) = blocks.first() else { return };
        assert!(blocks.iter().all(|lane| lane.len() == first.len()));
        let kernel = self.by_lanes[states.len()];
        for (states, blocks) in states
            .chunks_mut(kernel.lanes)
            .zip(blocks.chunks(kernel.lanes))
        {
            // SAFETY: `new` keeps only kernels whose `supported` said yes on this CPU.
            unsafe { (kernel.compress)(states, blocks) };
        }
    }
}

/// The kernels of one job.
pub(crate) struct Suite {
    pub(crate) sha1: Choice<5>,
    pub(crate) sha256: Choice<8>,
}

impl Suite {
    /// Choose by what the CPU has, or only the kernels called `forced`.
    pub(crate) fn new(forced: Option<&str>) -> Result<Self, Fault> {
        Ok(Self {
            sha1: Choice::new(sha1::KERNELS, forced)?,
            sha256: Choice::new(sha256::KERNELS, forced)?,
        })
    }
}

/// Names that this CPU can run, the best for many lanes of SHA-1 first.
pub fn kernels() -> Vec<&'static str> {
    let mut usable: Vec<_> = sha1::KERNELS
        .iter()
        .filter(|kernel| (kernel.supported)())
        .collect();
    usable.sort_by_key(|kernel| kernel.cost(LANES_MAX));
    usable.into_iter().map(|kernel| kernel.name).collect()
}
