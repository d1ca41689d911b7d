//! One message after the other, through the `sha1` crate and whatever it finds on the CPU.

use super::{Block, Kernel, State, Zeros};
use crate::kernel::BLOCK;

pub(super) const KERNEL: Kernel<5> = Kernel {
    name: "portable",
    lanes: 1,
    flat: false,
    supported: || true,
    compress,
};

fn compress(states: &mut [State], blocks: &[&[Block]]) {
    for (state, blocks) in states.iter_mut().zip(blocks) {
        sha1::block_api::compress(state, blocks);
    }
}

pub(super) const ZEROS: Zeros = Zeros {
    name: KERNEL.name,
    lanes: KERNEL.lanes,
    supported: KERNEL.supported,
    compress: zeros,
};

fn zeros(states: &mut [State], blocks: usize) {
    const FEW: usize = 64;
    static FEW_ZEROS: [Block; FEW] = [[0; BLOCK]; FEW];
    for state in states {
        let mut left = blocks;
        while left > 0 {
            let few = left.min(FEW);
            sha1::block_api::compress(state, &FEW_ZEROS[..few]);
            left -= few;
        }
    }
}
