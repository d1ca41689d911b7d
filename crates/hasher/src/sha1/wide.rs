//! 8 (AVX2) or 16 (AVX-512) messages, one a word of the registers.

#![allow(unsafe_code)] // instruction sets chosen at run time
#![allow(clippy::inline_always)] // not inlined, a body would lack its caller's instruction set
#![allow(clippy::many_single_char_names)] // the standard's own names

use core::arch::x86_64::{__m256i, __m512i};

use super::{Block, Kernel, State, Zeros};
use crate::{
    kernel::LANES_MAX,
    wide::{Pair, Words},
};

pub(super) const AVX2: Kernel<5> = Kernel {
    name: "avx2",
    lanes: 8,
    flat: true,
    supported: || is_x86_feature_detected!("avx2"),
    compress: compress_avx2,
};

pub(super) const AVX512: Kernel<5> = Kernel {
    name: "avx512",
    lanes: 16,
    flat: true,
    supported: || is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
    compress: compress_avx512,
};

pub(super) const AVX2_ZEROS: Zeros = Zeros {
    name: AVX2.name,
    lanes: AVX2.lanes,
    supported: AVX2.supported,
    compress: zeros_avx2,
};

pub(super) const AVX512_ZEROS: Zeros = Zeros {
    name: AVX512.name,
    lanes: Pair::<__m512i>::LANES,
    supported: AVX512.supported,
    compress: zeros_avx512,
};

#[target_feature(enable = "avx2")]
unsafe fn zeros_avx2(states: &mut [State], blocks: usize) {
    // SAFETY: this function is compiled for AVX2 and called where it exists.
    unsafe { zeros::<__m256i>(states, blocks) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn zeros_avx512(states: &mut [State], blocks: usize) {
    // SAFETY: this function is compiled for AVX-512 and called where it exists.
    unsafe { zeros::<Pair<__m512i>>(states, blocks) }
}

#[target_feature(enable = "avx2")]
unsafe fn compress_avx2(states: &mut [State], blocks: &[&[Block]]) {
    // SAFETY: this function is compiled for AVX2 and called where it exists.
    unsafe { compress::<__m256i>(states, blocks) }
}

#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn compress_avx512(states: &mut [State], blocks: &[&[Block]]) {
    // SAFETY: this function is compiled for AVX-512 and called where it exists.
    unsafe { compress::<__m512i>(states, blocks) }
}

/// # Safety
///
/// The CPU has `V`'s instruction set; the slices have the same length; 1 to `V::LANES` lanes.
#[inline(always)]
unsafe fn compress<V: Words>(states: &mut [State], blocks: &[&[Block]]) {
    // Lanes without work repeat the first one's, and what they compute is dropped.
    let mut at = [blocks[0].as_ptr(); LANES_MAX];
    for (at, blocks) in at.iter_mut().zip(blocks) {
        *at = blocks.as_ptr();
    }
    // SAFETY: each pointer covers `blocks[0].len()` blocks.
    unsafe {
        let mut state = load::<V>(states);
        for _ in 0..blocks[0].len() {
            state = rounds(state, Some(V::gather(&at[..V::LANES])));
            for at in &mut at {
                *at = at.add(1);
            }
        }
        store(state, states);
    }
}

/// # Safety
///
/// The CPU has `V`'s instruction set; 1 to `V::LANES` lanes.
#[inline(always)]
unsafe fn zeros<V: Words>(states: &mut [State], blocks: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut state = load::<V>(states);
        for _ in 0..blocks {
            state = rounds(state, None);
        }
        store(state, states);
    }
}

/// # Safety
///
/// The CPU has `V`'s instruction set.
#[inline(always)]
unsafe fn load<V: Words>(states: &[State]) -> [V; 5] {
    let mut words = [[0; 2 * LANES_MAX]; 5];
    for (lane, state) in states.iter().enumerate() {
        for (words, word) in words.iter_mut().zip(state) {
            words[lane] = *word;
        }
    }
    // SAFETY: `words` has room for the widest `V`.
    unsafe { words.each_ref().map(|words| V::read(words.as_ptr())) }
}

/// # Safety
///
/// The CPU has `V`'s instruction set.
#[inline(always)]
unsafe fn store<V: Words>(state: [V; 5], states: &mut [State]) {
    let mut words = [[0; 2 * LANES_MAX]; 5];
    for (state, words) in state.into_iter().zip(&mut words) {
        // SAFETY: `words` has room for the widest `V`.
        unsafe { state.write(words.as_mut_ptr()) };
    }
    for (lane, state) in states.iter_mut().enumerate() {
        for (word, words) in state.iter_mut().zip(&words) {
            *word = words[lane];
        }
    }
}

/// One block. Without words it is all zeros, and so is what SHA-1 makes of them for its later
/// rounds: nearly half of the work.
///
/// # Safety
///
/// The CPU has `V`'s instruction set.
#[inline(always)]
#[allow(unused_assignments)] // the last words of the schedule are computed in place like the others
unsafe fn rounds<V: Words>(state: [V; 5], mut words: Option<[V; 16]>) -> [V; 5] {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    // SAFETY: the caller's promise, and nothing but registers.
    unsafe {
        macro_rules! round {
            ($t:expr, $a:ident $b:ident $c:ident $d:ident $e:ident) => {
                let (mix, k) = match $t / 20 {
                    0 => ($b.choose($c, $d), 0x5A82_7999),
                    1 => ($b.xor3($c, $d), 0x6ED9_EBA1),
                    2 => ($b.majority($c, $d), 0x8F1B_BCDC),
                    _ => ($b.xor3($c, $d), 0xCA62_C1D6),
                };
                let mut input = V::splat(k);
                if let Some(w) = &mut words {
                    if $t >= 16 {
                        let mixed = w[($t + 13) & 15].xor3(w[($t + 8) & 15], w[($t + 2) & 15]);
                        w[$t & 15] = mixed.xor(w[$t & 15]).rotate::<1, 31>();
                    }
                    input = w[$t & 15].add(input);
                }
                let sum = $e.add(input).add(mix);
                $e = sum.add($a.rotate::<5, 27>());
                $b = $b.rotate::<30, 2>();
            };
        }
        macro_rules! five_rounds {
            ($($t:literal)*) => {$(
                round!($t, a b c d e);
                round!($t + 1, e a b c d);
                round!($t + 2, d e a b c);
                round!($t + 3, c d e a b);
                round!($t + 4, b c d e a);
            )*};
        }
        five_rounds!(0 5 10 15 20 25 30 35 40 45 50 55 60 65 70 75);
        [
            state[0].add(a),
            state[1].add(b),
            state[2].add(c),
            state[3].add(d),
            state[4].add(e),
        ]
    }
}
