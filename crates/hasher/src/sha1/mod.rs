//! SHA-1 (FIPS 180-4) over many messages: the kernels and the pieces they share.

use crate::kernel::{Block, Kernel};

mod portable;
#[cfg(target_arch = "x86_64")]
mod shani;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(crate) type State = [u32; 5];

pub(crate) const INITIAL: State = [
    0x6745_2301,
    0xEFCD_AB89,
    0x98BA_DCFE,
    0x1032_5476,
    0xC3D2_E1F0,
];

pub(crate) const KERNELS: &[Kernel<5>] = &[
    #[cfg(target_arch = "x86_64")]
    wide::AVX512,
    #[cfg(target_arch = "x86_64")]
    shani::KERNEL,
    #[cfg(target_arch = "x86_64")]
    wide::AVX2,
    portable::KERNEL,
];

/// The digest that a finished state stands for.
pub(crate) fn digest(state: &State) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
