//! SHA-1 (FIPS 180-4) over many messages: the kernels and the pieces they share.

use crate::{
    Fault, calibrate,
    kernel::{Block, Kernel, LANES_MAX},
};

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

/// Without words to keep, twice the lanes fit into the registers.
pub(crate) const ZERO_LANES_MAX: usize = 2 * LANES_MAX;

/// One way to advance up to `lanes` messages over the same number of blocks of zeros.
pub(crate) struct Zeros {
    pub(crate) name: &'static str,
    pub(crate) lanes: usize,
    pub(crate) supported: fn() -> bool,
    /// Takes 1 to `lanes` states and a number of blocks.
    pub(crate) compress: unsafe fn(&mut [State], usize),
}

impl Zeros {
    /// The one that advances full lanes fastest on this CPU, or that called `forced`.
    pub(crate) fn choose(forced: Option<&str>) -> Result<&'static Self, Fault> {
        let usable: Vec<&'static Self> = ZEROS
            .iter()
            .filter(|zeros| (zeros.supported)() && forced.is_none_or(|name| name == zeros.name))
            .collect();
        let mut states = [INITIAL; ZERO_LANES_MAX];
        let times = calibrate::shortest(usable.len(), |way| {
            let zeros = usable[way];
            zeros.run(&mut states[..zeros.lanes], calibrate::BLOCKS);
        });
        usable
            .iter()
            .zip(times)
            .min_by_key(|(zeros, full)| *full * (ZERO_LANES_MAX / zeros.lanes) as u32)
            .map(|(zeros, _)| *zeros)
            .ok_or_else(|| Fault::Kernel(forced.unwrap_or_default().to_owned()))
    }

    /// Advance each of some states over that many blocks of zeros.
    #[allow(unsafe_code)] // calling code compiled for instructions that only some CPUs have
    pub(crate) fn run(&self, states: &mut [State], blocks: usize) {
        assert!((self.supported)());
        for states in states.chunks_mut(self.lanes) {
            // SAFETY: this CPU supports it, as was just asserted; a chunk has 1 to `lanes` states.
            unsafe { (self.compress)(states, blocks) };
        }
    }
}

pub(crate) const ZEROS: &[Zeros] = &[
    #[cfg(target_arch = "x86_64")]
    wide::AVX512_ZEROS,
    #[cfg(target_arch = "x86_64")]
    shani::ZEROS,
    #[cfg(target_arch = "x86_64")]
    wide::AVX2_ZEROS,
    portable::ZEROS,
];

/// Advance one message, whatever the kernels of the job are.
pub(crate) fn one(state: &mut State, blocks: &[Block]) {
    sha1::block_api::compress(state, blocks);
}

/// The digest that a finished state stands for.
pub(crate) fn digest(state: &State) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
