//! One to four messages interleaved on the SHA instructions.
//!
//! `SHA256RNDS2` takes 4 cycles and a new one may start every 2, so two messages fill the unit.

#![allow(unsafe_code)] // SHA intrinsics, loads through pointers

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi8,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_storeu_si128,
};

use super::{Block, K, Kernel, State};

pub(super) const KERNEL: Kernel<8> = Kernel {
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

#[target_feature(enable = "sha,sse4.1,ssse3")]
unsafe fn streams<const N: usize>(states: &mut [State], blocks: &[&[Block]]) {
    let zero = _mm_setzero_si128();
    let constants: *const __m128i = (&raw const K).cast();
    let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let mut abef = [zero; N];
    let mut cdgh = [zero; N];
    let mut at: [*const __m128i; N] = [core::ptr::null(); N];
    for i in 0..N {
        let words: *const __m128i = states[i].as_ptr().cast();
        // SAFETY: a state is two of these.
        let (abcd, efgh) = unsafe { (_mm_loadu_si128(words), _mm_loadu_si128(words.add(1))) };
        let cdab = _mm_shuffle_epi32::<0xB1>(abcd);
        let hgfe = _mm_shuffle_epi32::<0x1B>(efgh);
        abef[i] = _mm_alignr_epi8::<8>(cdab, hgfe);
        cdgh[i] = _mm_blend_epi16::<0xF0>(hgfe, cdab);
        at[i] = blocks[i].as_ptr().cast();
    }
    for _ in 0..blocks[0].len() {
        let abef_before = abef;
        let cdgh_before = cdgh;
        let mut w = [[zero; 4]; N];
        macro_rules! four_rounds {
            ($($g:literal)*) => {$(
                // SAFETY: 64 constants are sixteen of these.
                let k = unsafe { _mm_loadu_si128(constants.add($g)) };
                for i in 0..N {
                    w[i][$g & 3] = if $g < 4 {
                        // SAFETY: a block is four of these, and there is one for each turn.
                        _mm_shuffle_epi8(unsafe { _mm_loadu_si128(at[i].add($g)) }, swap)
                    } else {
                        let early = _mm_sha256msg1_epu32(w[i][$g & 3], w[i][($g + 1) & 3]);
                        let last = w[i][($g + 3) & 3];
                        let middle = _mm_alignr_epi8::<4>(last, w[i][($g + 2) & 3]);
                        _mm_sha256msg2_epu32(_mm_add_epi32(early, middle), last)
                    };
                    let input = _mm_add_epi32(w[i][$g & 3], k);
                    cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], input);
                    let input = _mm_shuffle_epi32::<0x0E>(input);
                    abef[i] = _mm_sha256rnds2_epu32(abef[i], cdgh[i], input);
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for i in 0..N {
            abef[i] = _mm_add_epi32(abef[i], abef_before[i]);
            cdgh[i] = _mm_add_epi32(cdgh[i], cdgh_before[i]);
            // SAFETY: at most one past the last block.
            at[i] = unsafe { at[i].add(4) };
        }
    }
    for i in 0..N {
        let feba = _mm_shuffle_epi32::<0x1B>(abef[i]);
        let dchg = _mm_shuffle_epi32::<0xB1>(cdgh[i]);
        let words: *mut __m128i = states[i].as_mut_ptr().cast();
        // SAFETY: a state is two of these.
        unsafe {
            _mm_storeu_si128(words, _mm_blend_epi16::<0xF0>(feba, dchg));
            _mm_storeu_si128(words.add(1), _mm_alignr_epi8::<8>(dchg, feba));
        }
    }
}
