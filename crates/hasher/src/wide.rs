//! Registers holding one 32-bit word of each of 8 or 16 messages, and the bit operations of SHA-2's
//! standard on them.
//!
//! Every method is inlined into a function compiled for its instruction set, which is why none
//! carries a `target_feature` of its own.

#![allow(unsafe_code)] // vector intrinsics and unaligned loads
#![allow(clippy::inline_always)] // not inlined, a body would lack its caller's instruction set

use core::arch::x86_64::{
    __m256i, __m512i, _mm_set_epi8, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set_epi8, _mm256_set1_epi32,
    _mm256_shuffle_epi8, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_si256,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    _mm256_xor_si256, _mm512_add_epi32, _mm512_broadcast_i32x4, _mm512_loadu_si512,
    _mm512_rol_epi32, _mm512_set1_epi32, _mm512_shuffle_epi8, _mm512_shuffle_i32x4,
    _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use crate::kernel::{BLOCK, Block};

/// # Safety
///
/// Callers run on a CPU with the implementing type's instruction set.
pub(crate) unsafe trait Words: Copy {
    const LANES: usize;
    unsafe fn splat(word: u32) -> Self;
    unsafe fn read(words: *const u32) -> Self;
    unsafe fn write(self, words: *mut u32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn xor3(self, b: Self, c: Self) -> Self;
    /// `b` where self has ones, `c` where zeros.
    unsafe fn choose(self, b: Self, c: Self) -> Self;
    unsafe fn majority(self, b: Self, c: Self) -> Self;
    /// Rotate left by `L`; `R` is 32 - `L`, which a constant expression may not say yet.
    unsafe fn rotate<const L: u32, const R: u32>(self) -> Self;
    unsafe fn shift_right<const R: u32>(self) -> Self;
    /// The 16 big-endian words of one block a lane.
    unsafe fn gather(lanes: &[*const Block]) -> [Self; 16];
}

/// Rotations take their count as an immediate, so the few that SHA needs are spelled out.
macro_rules! by_count {
    ($count:expr, $call:ident, $value:expr, [$($known:literal)*]) => {
        match $count {
            $($known => $call::<$known>($value),)*
            _ => unreachable!(),
        }
    };
}

// SAFETY: each method uses AVX2 at most, and reads and writes only what its arguments cover.
#[allow(clippy::undocumented_unsafe_blocks)] // the trait's contract is each method's
unsafe impl Words for __m256i {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        unsafe { _mm256_set1_epi32(word as i32) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> Self {
        unsafe { _mm256_loadu_si256(words.cast()) }
    }

    #[inline(always)]
    unsafe fn write(self, words: *mut u32) {
        unsafe { _mm256_storeu_si256(words.cast(), self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm256_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { _mm256_xor_si256(self, other) }
    }

    #[inline(always)]
    unsafe fn xor3(self, b: Self, c: Self) -> Self {
        unsafe { _mm256_xor_si256(_mm256_xor_si256(self, b), c) }
    }

    #[inline(always)]
    unsafe fn choose(self, b: Self, c: Self) -> Self {
        unsafe { _mm256_xor_si256(c, _mm256_and_si256(self, _mm256_xor_si256(b, c))) }
    }

    #[inline(always)]
    unsafe fn majority(self, b: Self, c: Self) -> Self {
        unsafe {
            _mm256_or_si256(
                _mm256_and_si256(self, b),
                _mm256_and_si256(c, _mm256_xor_si256(self, b)),
            )
        }
    }

    #[inline(always)]
    unsafe fn rotate<const L: u32, const R: u32>(self) -> Self {
        unsafe {
            let left = by_count!(L, _mm256_slli_epi32, self, [1 5 30 7 10 13 14 15 19 21 25 26]);
            let right = by_count!(R, _mm256_srli_epi32, self, [31 27 2 25 22 19 18 17 13 11 7 6]);
            _mm256_or_si256(left, right)
        }
    }

    #[inline(always)]
    unsafe fn shift_right<const R: u32>(self) -> Self {
        unsafe { by_count!(R, _mm256_srli_epi32, self, [3 10]) }
    }

    #[inline(always)]
    unsafe fn gather(lanes: &[*const Block]) -> [Self; 16] {
        unsafe {
            let swap = _mm256_set_epi8(
                12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11,
                4, 5, 6, 7, 0, 1, 2, 3,
            );
            let mut words = [swap; 16];
            for half in 0..2 {
                let mut row = [swap; 8];
                for (row, lane) in row.iter_mut().zip(lanes) {
                    let bytes = lane.cast::<u8>().add(half * BLOCK / 2);
                    *row = _mm256_shuffle_epi8(_mm256_loadu_si256(bytes.cast()), swap);
                }
                words[half * 8..][..8].copy_from_slice(&transpose8(row));
            }
            words
        }
    }
}

#[inline(always)]
unsafe fn transpose8(row: [__m256i; 8]) -> [__m256i; 8] {
    // SAFETY: register to register, with the caller's instruction set.
    unsafe {
        let mut pair = row;
        for i in 0..4 {
            pair[2 * i] = _mm256_unpacklo_epi32(row[2 * i], row[2 * i + 1]);
            pair[2 * i + 1] = _mm256_unpackhi_epi32(row[2 * i], row[2 * i + 1]);
        }
        let mut quad = pair;
        for i in [0, 4] {
            quad[i] = _mm256_unpacklo_epi64(pair[i], pair[i + 2]);
            quad[i + 1] = _mm256_unpackhi_epi64(pair[i], pair[i + 2]);
            quad[i + 2] = _mm256_unpacklo_epi64(pair[i + 1], pair[i + 3]);
            quad[i + 3] = _mm256_unpackhi_epi64(pair[i + 1], pair[i + 3]);
        }
        let mut column = quad;
        for i in 0..4 {
            column[i] = _mm256_permute2x128_si256::<0x20>(quad[i], quad[i + 4]);
            column[i + 4] = _mm256_permute2x128_si256::<0x31>(quad[i], quad[i + 4]);
        }
        column
    }
}

// SAFETY: each method uses AVX-512 F and BW at most, and touches only what its arguments cover.
#[allow(clippy::undocumented_unsafe_blocks)] // the trait's contract is each method's
unsafe impl Words for __m512i {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        unsafe { _mm512_set1_epi32(word as i32) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> Self {
        unsafe { _mm512_loadu_si512(words.cast()) }
    }

    #[inline(always)]
    unsafe fn write(self, words: *mut u32) {
        unsafe { _mm512_storeu_si512(words.cast(), self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { _mm512_xor_si512(self, other) }
    }

    #[inline(always)]
    unsafe fn xor3(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_ternarylogic_epi32::<0x96>(self, b, c) }
    }

    #[inline(always)]
    unsafe fn choose(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_ternarylogic_epi32::<0xCA>(self, b, c) }
    }

    #[inline(always)]
    unsafe fn majority(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_ternarylogic_epi32::<0xE8>(self, b, c) }
    }

    #[inline(always)]
    unsafe fn rotate<const L: u32, const R: u32>(self) -> Self {
        unsafe { by_count!(L, _mm512_rol_epi32, self, [1 5 30 7 10 13 14 15 19 21 25 26]) }
    }

    #[inline(always)]
    unsafe fn shift_right<const R: u32>(self) -> Self {
        unsafe { by_count!(R, _mm512_srli_epi32, self, [3 10]) }
    }

    #[inline(always)]
    unsafe fn gather(lanes: &[*const Block]) -> [Self; 16] {
        unsafe {
            let swap = _mm512_broadcast_i32x4(_mm_set_epi8(
                12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
            ));
            let mut row = [swap; 16];
            for (row, lane) in row.iter_mut().zip(lanes) {
                *row = _mm512_shuffle_epi8(_mm512_loadu_si512(lane.cast()), swap);
            }
            transpose16(row)
        }
    }
}

#[inline(always)]
unsafe fn transpose16(row: [__m512i; 16]) -> [__m512i; 16] {
    // SAFETY: register to register, with the caller's instruction set.
    unsafe {
        let mut pair = row;
        for i in 0..8 {
            pair[2 * i] = _mm512_unpacklo_epi32(row[2 * i], row[2 * i + 1]);
            pair[2 * i + 1] = _mm512_unpackhi_epi32(row[2 * i], row[2 * i + 1]);
        }
        let mut quad = pair;
        for i in [0, 4, 8, 12] {
            quad[i] = _mm512_unpacklo_epi64(pair[i], pair[i + 2]);
            quad[i + 1] = _mm512_unpackhi_epi64(pair[i], pair[i + 2]);
            quad[i + 2] = _mm512_unpacklo_epi64(pair[i + 1], pair[i + 3]);
            quad[i + 3] = _mm512_unpackhi_epi64(pair[i + 1], pair[i + 3]);
        }
        // quad[4r + w] holds, in its 128-bit part p, word 4p + w of rows 4r..4r + 4.
        let mut column = quad;
        for w in 0..4 {
            let low01 = _mm512_shuffle_i32x4::<0x44>(quad[w], quad[4 + w]);
            let high01 = _mm512_shuffle_i32x4::<0xEE>(quad[w], quad[4 + w]);
            let low23 = _mm512_shuffle_i32x4::<0x44>(quad[8 + w], quad[12 + w]);
            let high23 = _mm512_shuffle_i32x4::<0xEE>(quad[8 + w], quad[12 + w]);
            column[w] = _mm512_shuffle_i32x4::<0x88>(low01, low23);
            column[4 + w] = _mm512_shuffle_i32x4::<0xDD>(low01, low23);
            column[8 + w] = _mm512_shuffle_i32x4::<0x88>(high01, high23);
            column[12 + w] = _mm512_shuffle_i32x4::<0xDD>(high01, high23);
        }
        column
    }
}

/// Two registers a word: each step of one has a step of the other to wait with.
#[derive(Clone, Copy)]
pub(crate) struct Pair<V>(V, V);

// SAFETY: each method does what `V`'s does, twice.
#[allow(clippy::undocumented_unsafe_blocks)] // the trait's contract is each method's
unsafe impl<V: Words> Words for Pair<V> {
    const LANES: usize = 2 * V::LANES;

    #[inline(always)]
    unsafe fn splat(word: u32) -> Self {
        unsafe { Self(V::splat(word), V::splat(word)) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> Self {
        unsafe { Self(V::read(words), V::read(words.add(V::LANES))) }
    }

    #[inline(always)]
    unsafe fn write(self, words: *mut u32) {
        unsafe {
            self.0.write(words);
            self.1.write(words.add(V::LANES));
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(self.0.add(other.0), self.1.add(other.1)) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { Self(self.0.xor(other.0), self.1.xor(other.1)) }
    }

    #[inline(always)]
    unsafe fn xor3(self, b: Self, c: Self) -> Self {
        unsafe { Self(self.0.xor3(b.0, c.0), self.1.xor3(b.1, c.1)) }
    }

    #[inline(always)]
    unsafe fn choose(self, b: Self, c: Self) -> Self {
        unsafe { Self(self.0.choose(b.0, c.0), self.1.choose(b.1, c.1)) }
    }

    #[inline(always)]
    unsafe fn majority(self, b: Self, c: Self) -> Self {
        unsafe { Self(self.0.majority(b.0, c.0), self.1.majority(b.1, c.1)) }
    }

    #[inline(always)]
    unsafe fn rotate<const L: u32, const R: u32>(self) -> Self {
        unsafe { Self(self.0.rotate::<L, R>(), self.1.rotate::<L, R>()) }
    }

    #[inline(always)]
    unsafe fn shift_right<const R: u32>(self) -> Self {
        unsafe { Self(self.0.shift_right::<R>(), self.1.shift_right::<R>()) }
    }

    #[inline(always)]
    unsafe fn gather(lanes: &[*const Block]) -> [Self; 16] {
        unsafe {
            let low = V::gather(&lanes[..V::LANES]);
            let high = V::gather(&lanes[V::LANES..]);
            std::array::from_fn(|word| Self(low[word], high[word]))
        }
    }
}
