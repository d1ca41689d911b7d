//! Turns one kernel and a number of lanes into something that can be timed.

#![allow(unsafe_code)] // runs a given kernel instead of the chosen one

use crate::{
    kernel::{BLOCK, Block, Kernel, LANES_MAX},
    sha1, sha256,
};

type Run = Box<dyn Fn(&[u8])>;

/// A kernel with a number of busy lanes.
pub struct Trial {
    pub hash: &'static str,
    pub kernel: &'static str,
    pub lanes: usize,
    run: Run,
}

impl Trial {
    /// Compress as many equal parts of `bytes` as there are lanes.
    pub fn run(&self, bytes: &[u8]) {
        (self.run)(bytes);
    }
}

/// Every kernel of this CPU with each number of lanes it takes; those for zeros as `zeros`.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    add(&mut trials, "SHA-1", sha1::KERNELS);
    add(&mut trials, "SHA-256", sha256::KERNELS);
    for zeros in sha1::ZEROS.iter().filter(|zeros| (zeros.supported)()) {
        for lanes in 1..=zeros.lanes {
            let run = Box::new(move |bytes: &[u8]| {
                let mut states = [sha1::INITIAL; sha1::ZERO_LANES_MAX];
                zeros.run(&mut states[..lanes], bytes.len() / BLOCK / lanes);
                std::hint::black_box(states);
            });
            trials.push(Trial {
                hash: "zeros",
                kernel: zeros.name,
                lanes,
                run,
            });
        }
    }
    trials
}

fn add<const W: usize>(trials: &mut Vec<Trial>, hash: &'static str, kernels: &'static [Kernel<W>]) {
    for kernel in kernels.iter().filter(|kernel| (kernel.supported)()) {
        for lanes in 1..=kernel.lanes {
            let run = Box::new(move |bytes: &[u8]| {
                let (blocks, _) = bytes.as_chunks();
                let part = blocks.len() / lanes;
                let mut parts: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
                for (slot, part) in parts.iter_mut().zip(blocks.chunks_exact(part)) {
                    *slot = part;
                }
                let mut states = [[0; W]; LANES_MAX];
                // SAFETY: only supported kernels are listed; all parts have the same length.
                unsafe { (kernel.compress)(&mut states[..lanes], &parts[..lanes]) };
                std::hint::black_box(states);
            });
            trials.push(Trial {
                hash,
                kernel: kernel.name,
                lanes,
                run,
            });
        }
    }
}
