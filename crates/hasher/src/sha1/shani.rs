//! One to four messages interleaved on the SHA instructions.
//!
//! `SHA1RNDS4` takes 6 cycles and a new one may start every 2, so a single message leaves two thirds
//! of the unit idle.

#![allow(unsafe_code)] // SHA intrinsics, loads through pointers

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_loadu_si128, _mm_set_epi8, _mm_set_epi32,
    _mm_setzero_si128, _mm_sha1msg1_epu32, _mm_sha1msg2_epu32, _mm_sha1nexte_epu32,
    _mm_sha1rnds4_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_storeu_si128, _mm_xor_si128,
};

use super::{Block, Kernel, State, Zeros};

pub(super) const KERNEL: Kernel<5> = Kernel {
    name: "shani",
    lanes: 4,
    flat: false,
    supported: || {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3")
    },
    compress,
};

pub(super) const ZEROS: Zeros = Zeros {
    name: KERNEL.name,
    lanes: KERNEL.lanes,
    supported: KERNEL.supported,
    compress: zeros,
};

/// # Safety
///
/// The CPU has SHA, SSSE3 and SSE4.1; the slices have the same length.
unsafe fn compress(states: &mut [State], blocks: &[&[Block]]) {
    // SAFETY: the caller's promise.
    unsafe {
        match states.len() {
            1 => streams::<1>(states, blocks),
            2 => streams::<2>(states, blocks),
            3 => streams::<3>(states, blocks),
            _ => streams::<4>(states, blocks),
        }
    }
}

/// # Safety
///
/// The CPU has SHA, SSSE3 and SSE4.1.
unsafe fn zeros(states: &mut [State], blocks: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match states.len() {
            1 => zero_streams::<1>(states, blocks),
            2 => zero_streams::<2>(states, blocks),
            3 => zero_streams::<3>(states, blocks),
            _ => zero_streams::<4>(states, blocks),
        }
    }
}

/// As `streams`, over blocks whose words, those of the later rounds too, are all zeros.
#[target_feature(enable = "sha,sse4.1,ssse3")]
unsafe fn zero_streams<const N: usize>(states: &mut [State], blocks: usize) {
    let zero = _mm_setzero_si128();
    let mut abcd = [zero; N];
    let mut e = [zero; N];
    for i in 0..N {
        // SAFETY: `N` is the number of states.
        (abcd[i], e[i]) = unsafe { load(&states[i]) };
    }
    for _ in 0..blocks {
        let abcd_before = abcd;
        let e_before = e;
        macro_rules! four_rounds {
            ($($g:literal)*) => {$(
                for i in 0..N {
                    let input = if $g == 0 { e[i] } else { _mm_sha1nexte_epu32(e[i], zero) };
                    e[i] = abcd[i];
                    abcd[i] = _mm_sha1rnds4_epu32::<{ $g / 5 }>(abcd[i], input);
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
        for i in 0..N {
            e[i] = _mm_sha1nexte_epu32(e[i], e_before[i]);
            abcd[i] = _mm_add_epi32(abcd[i], abcd_before[i]);
        }
    }
    for i in 0..N {
        // SAFETY: the CPU has what this function is compiled for.
        unsafe { store(abcd[i], e[i], &mut states[i]) };
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
unsafe fn load(state: &State) -> (__m128i, __m128i) {
    // SAFETY: a state is five words, of which four are read.
    let words = unsafe { _mm_loadu_si128(state.as_ptr().cast()) };
    let e = _mm_set_epi32(state[4] as i32, 0, 0, 0);
    (_mm_shuffle_epi32::<0x1B>(words), e)
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
unsafe fn store(abcd: __m128i, e: __m128i, state: &mut State) {
    let words = _mm_shuffle_epi32::<0x1B>(abcd);
    // SAFETY: a state is five words, of which four are written.
    unsafe { _mm_storeu_si128(state.as_mut_ptr().cast(), words) };
    state[4] = _mm_extract_epi32::<3>(e) as u32;
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
unsafe fn streams<const N: usize>(states: &mut [State], blocks: &[&[Block]]) {
    let zero = _mm_setzero_si128();
    let swap = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut abcd = [zero; N];
    let mut e = [zero; N];
    let mut at: [*const __m128i; N] = [core::ptr::null(); N];
    for i in 0..N {
        // SAFETY: `N` is the number of states.
        (abcd[i], e[i]) = unsafe { load(&states[i]) };
        at[i] = blocks[i].as_ptr().cast();
    }
    for _ in 0..blocks[0].len() {
        let abcd_before = abcd;
        let e_before = e;
        let mut w = [[zero; 4]; N];
        macro_rules! four_rounds {
            ($($g:literal)*) => {$(
                for i in 0..N {
                    w[i][$g & 3] = if $g < 4 {
                        // SAFETY: a block is four of these, and there is one for each turn.
                        _mm_shuffle_epi8(unsafe { _mm_loadu_si128(at[i].add($g)) }, swap)
                    } else {
                        let early = _mm_sha1msg1_epu32(w[i][$g & 3], w[i][($g + 1) & 3]);
                        let mixed = _mm_xor_si128(early, w[i][($g + 2) & 3]);
                        _mm_sha1msg2_epu32(mixed, w[i][($g + 3) & 3])
                    };
                    let input = if $g == 0 {
                        _mm_add_epi32(e[i], w[i][0])
                    } else {
                        _mm_sha1nexte_epu32(e[i], w[i][$g & 3])
                    };
                    e[i] = abcd[i];
                    abcd[i] = _mm_sha1rnds4_epu32::<{ $g / 5 }>(abcd[i], input);
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
        for i in 0..N {
            e[i] = _mm_sha1nexte_epu32(e[i], e_before[i]);
            abcd[i] = _mm_add_epi32(abcd[i], abcd_before[i]);
            // SAFETY: at most one past the last block.
            at[i] = unsafe { at[i].add(4) };
        }
    }
    for i in 0..N {
        // SAFETY: the CPU has what this function is compiled for.
        unsafe { store(abcd[i], e[i], &mut states[i]) };
    }
}
