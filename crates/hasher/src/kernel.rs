//! Turns a number of busy lanes into the fastest compression function this CPU has for them.
//!
//! A kernel advances several independent messages at once; what a message is (a piece, a 16 KiB
//! block, two merkle nodes) is left to the callers.

#![allow(unsafe_code)] // calling code compiled for instructions that only some CPUs have

use std::{sync::OnceLock, time::Duration};

use crate::{
    Fault, calibrate,
    sha1::{self, Zeros},
    sha256,
};

/// What SHA-1 and SHA-256 compress at a time.
pub(crate) type Block = [u8; BLOCK];
pub(crate) const BLOCK: usize = 64;

/// The widest kernel, AVX-512, has one lane a 32-bit word of its registers.
pub(crate) const LANES_MAX: usize = 16;

/// What a wider choice must be faster by to be worth its room in the caches.
const NO_GAIN: f64 = 1.04;

/// One way to advance up to `lanes` messages by the same number of blocks; `W` words of state each.
pub(crate) struct Kernel<const W: usize> {
    pub(crate) name: &'static str,
    pub(crate) lanes: usize,
    /// Whether a step of one lane takes as long as one of all.
    pub(crate) flat: bool,
    pub(crate) supported: fn() -> bool,
    /// Takes 1 to `lanes` states, and as many slices of equal length.
    pub(crate) compress: unsafe fn(&mut [[u32; W]], &[&[Block]]),
}

/// A kernel that this CPU can run, with the time of one step by the number of busy lanes.
struct Measured<const W: usize> {
    kernel: &'static Kernel<W>,
    by_busy: Vec<Duration>,
}

impl<const W: usize> Measured<W> {
    /// Measure kernels that this CPU can run.
    fn all(kernels: &[&'static Kernel<W>]) -> Vec<Self> {
        let ways: Vec<(&'static Kernel<W>, usize)> = kernels
            .iter()
            .flat_map(|&kernel| {
                let first = if kernel.flat { kernel.lanes } else { 1 };
                (first..=kernel.lanes).map(move |busy| (kernel, busy))
            })
            .collect();
        let mut blocks: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
        for (blocks, content) in blocks.iter_mut().zip(&calibrate::CONTENT) {
            *blocks = &content[..calibrate::BLOCKS];
        }
        let times = calibrate::shortest(ways.len(), |way| {
            let (kernel, busy) = ways[way];
            let mut states = [[0; W]; LANES_MAX];
            // SAFETY: only kernels that this CPU supports are measured; `busy` fits.
            unsafe { (kernel.compress)(&mut states[..busy], &blocks[..busy]) };
            std::hint::black_box(&states);
        });
        let mut times = times.into_iter();
        kernels
            .iter()
            .map(|&kernel| {
                let measured = if kernel.flat { 1 } else { kernel.lanes };
                let taken: Vec<Duration> = times.by_ref().take(measured).collect();
                let by_busy = (0..kernel.lanes)
                    .map(|busy| taken[busy.min(measured - 1)])
                    .collect();
                Self { kernel, by_busy }
            })
            .collect()
    }

    /// The time of one step of any number of lanes, in groups where they are more than it takes.
    fn cost(&self, busy: usize) -> Duration {
        let whole = self.by_busy[self.kernel.lanes - 1] * (busy / self.kernel.lanes) as u32;
        match busy % self.kernel.lanes {
            0 => whole,
            rest => whole + self.by_busy[rest - 1],
        }
    }
}

/// The kernels in use, indexed by how many lanes have work.
#[derive(Clone)]
pub(crate) struct Choice<const W: usize> {
    by_lanes: [&'static Kernel<W>; LANES_MAX + 1],
    /// How many messages to keep in flight: with fewer the CPU idles, with more caches suffer.
    pub(crate) lanes: usize,
}

impl<const W: usize> Choice<W> {
    /// Take the fastest of the kernels, or of those called `forced`, for each number of lanes.
    fn new(kernels: &'static [Kernel<W>], forced: Option<&str>) -> Result<Self, Fault> {
        let usable: Vec<_> = kernels
            .iter()
            .filter(|kernel| (kernel.supported)() && forced.is_none_or(|name| name == kernel.name))
            .collect();
        Self::of(&Measured::all(&usable))
            .ok_or_else(|| Fault::Kernel(forced.unwrap_or_default().to_owned()))
    }

    /// Take the fastest of what was measured, None if there is none.
    fn of(usable: &[Measured<W>]) -> Option<Self> {
        let first = usable.first()?;
        let mut by_lanes = [first.kernel; LANES_MAX + 1];
        let mut rates = [0.0; LANES_MAX + 1];
        for busy in 1..=LANES_MAX {
            let cost = |measured: &&Measured<W>| measured.cost(busy);
            let best = usable.iter().min_by_key(cost).unwrap_or(first);
            by_lanes[busy] = best.kernel;
            rates[busy] = busy as f64 / best.cost(busy).as_secs_f64();
        }
        // The narrowest width that nothing wider beats: equal speed with less in the caches.
        let best = rates.iter().copied().fold(0.0, f64::max);
        let enough = rates.iter().position(|rate| rate * NO_GAIN >= best);
        Some(Self {
            by_lanes,
            lanes: enough.unwrap_or(1),
        })
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
#[derive(Clone)]
pub(crate) struct Suite {
    pub(crate) sha1: Choice<5>,
    pub(crate) sha256: Choice<8>,
    pub(crate) zeros: &'static Zeros,
}

impl Suite {
    /// Choose by what is fastest on this CPU, or only the kernels called `forced`.
    pub(crate) fn new(forced: Option<&str>) -> Result<Self, Fault> {
        static FASTEST: OnceLock<Suite> = OnceLock::new();
        if let (None, Some(suite)) = (forced, FASTEST.get()) {
            return Ok(suite.clone());
        }
        let suite = Self {
            sha1: Choice::new(sha1::KERNELS, forced)?,
            sha256: Choice::new(sha256::KERNELS, forced)?,
            zeros: Zeros::choose(forced)?,
        };
        if forced.is_none() {
            return Ok(FASTEST.get_or_init(|| suite).clone());
        }
        Ok(suite)
    }
}

/// Names that this CPU can run, the widest first.
pub fn kernels() -> Vec<&'static str> {
    let usable = sha1::KERNELS.iter().filter(|kernel| (kernel.supported)());
    usable.map(|kernel| kernel.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel whose step takes so many nanoseconds, by the number of busy lanes.
    fn measured(name: &'static str, steps: &[u64]) -> Measured<5> {
        let portable = sha1::KERNELS
            .iter()
            .find(|kernel| kernel.name == "portable");
        let kernel = Kernel {
            name,
            lanes: steps.len(),
            ..*portable.expect("a kernel of every CPU")
        };
        Measured {
            kernel: Box::leak(Box::new(kernel)),
            by_busy: steps.iter().copied().map(Duration::from_nanos).collect(),
        }
    }

    fn chosen(usable: &[Measured<5>]) -> (usize, Vec<&'static str>) {
        let choice = Choice::of(usable).expect("something was measured");
        let names = choice.by_lanes[1..].iter().map(|kernel| kernel.name);
        (choice.lanes, names.collect())
    }

    #[test]
    fn as_many_lanes_are_kept_busy_as_the_measurement_says() {
        // Where three streams at once are worth it, and where two fill the unit already.
        assert_eq!(chosen(&[measured("sha", &[100, 105, 120, 165])]).0, 3);
        assert_eq!(chosen(&[measured("sha", &[100, 105, 160, 210])]).0, 2);
        assert_eq!(chosen(&[measured("sha", &[100, 105, 120, 140])]).0, 4);
        assert_eq!(chosen(&[measured("sha", &[100, 205, 310, 420])]).0, 1);
    }

    #[test]
    fn a_wider_kernel_is_taken_only_where_it_is_faster() {
        let slow = [
            measured("wide", &[900; 8]),
            measured("sha", &[100, 105, 120, 165]),
        ];
        let (lanes, names) = chosen(&slow);
        assert_eq!(lanes, 3);
        assert!(names.iter().all(|name| *name == "sha"));
        let fast = [
            measured("wide", &[200; 8]),
            measured("sha", &[100, 105, 120, 165]),
        ];
        let (lanes, names) = chosen(&fast);
        assert_eq!(lanes, 8);
        assert_eq!(names[..4], ["sha", "sha", "sha", "sha"]);
        assert_eq!(names[4..8], ["wide"; 4]);
    }

    #[test]
    fn what_is_hardly_faster_is_not_worth_its_room_in_the_caches() {
        assert_eq!(
            chosen(&[measured("wide", &[185; 16]), measured("sha", &[12])]).0,
            1
        );
    }

    #[test]
    fn each_number_of_lanes_is_measured_and_a_flat_kernel_once() {
        for kernel in sha1::KERNELS.iter().filter(|kernel| (kernel.supported)()) {
            let all = Measured::all(&[kernel]);
            assert_eq!(all[0].by_busy.len(), kernel.lanes);
            assert!(all[0].by_busy.iter().all(|time| !time.is_zero()));
        }
    }
}
