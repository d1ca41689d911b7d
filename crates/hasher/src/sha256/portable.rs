//! One message after the other, through the `sha2` crate and whatever it finds on the CPU.

use super::{Block, Kernel, State};

pub(super) const KERNEL: Kernel<8> = Kernel {
    name: "portable",
    lanes: 1,
    flat: false,
    supported: || true,
    compress,
};

fn compress(states: &mut [State], blocks: &[&[Block]]) {
    for (state, blocks) in states.iter_mut().zip(blocks) {
        sha2::block_api::compress256(state, blocks);
    }
}
