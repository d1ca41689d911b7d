//! 8 (AVX2) or 16 (AVX-512) messages, one a word of the registers.

#![allow(unsafe_code)] // instruction sets chosen at run time
#![allow(clippy::inline_always)] // not inlined, a body would lack its caller's instruction set
#![allow(clippy::many_single_char_names)] // the standard's own names

use core::arch::x86_64::{__m256i, __m512i};

use super::{Block, K, Kernel, State};
use crate::{kernel::LANES_MAX, wide::Words};

pub(super) const AVX2: Kernel<8> = Kernel {
    name: "avx2",
    lanes: 8,
    flat: true,
    supported: || is_x86_feature_detected!("avx2"),
    compress: compress_avx2,
};

pub(super) const AVX512: Kernel<8> = Kernel {
    name: "avx512",
    lanes: 16,
    flat: true,
    supported: || is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
    compress: compress_avx512,
};

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
    let busy = states.len();
    // Lanes without work repeat the first one's, and what they compute is dropped.
    let mut at = [blocks[0].as_ptr(); LANES_MAX];
    let mut words = [[0; LANES_MAX]; 8];
    for lane in 0..busy {
        at[lane] = blocks[lane].as_ptr();
        for (words, word) in words.iter_mut().zip(states[lane]) {
            words[lane] = word;
        }
    }
    // SAFETY: each pointer covers `blocks[0].len()` blocks; `words` has room for the widest `V`.
    unsafe {
        let mut state = words.each_ref().map(|words| V::read(words.as_ptr()));
        for _ in 0..blocks[0].len() {
            state = block(state, V::gather(&at[..V::LANES]));
            for at in &mut at {
                *at = at.add(1);
            }
        }
        for (state, words) in state.into_iter().zip(&mut words) {
            state.write(words.as_mut_ptr());
        }
    }
    for (lane, state) in states.iter_mut().enumerate() {
        for (word, words) in state.iter_mut().zip(&words) {
            *word = words[lane];
        }
    }
}

/// # Safety
///
/// The CPU has `V`'s instruction set.
#[inline(always)]
unsafe fn block<V: Words>(state: [V; 8], mut w: [V; 16]) -> [V; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    // SAFETY: the caller's promise, and nothing but registers.
    unsafe {
        macro_rules! round {
            ($t:expr, $k:expr, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
                let sum1 = $e
                    .rotate::<26, 6>()
                    .xor3($e.rotate::<21, 11>(), $e.rotate::<7, 25>());
                let sum0 = $a
                    .rotate::<30, 2>()
                    .xor3($a.rotate::<19, 13>(), $a.rotate::<10, 22>());
                let one = $h
                    .add(w[$t].add(V::splat($k)))
                    .add(sum1)
                    .add($e.choose($f, $g));
                $d = $d.add(one);
                $h = one.add(sum0).add($a.majority($b, $c));
            };
        }
        for (turn, k) in K.as_chunks::<16>().0.iter().enumerate() {
            if turn > 0 {
                for t in 0..16 {
                    let old = w[(t + 1) & 15];
                    let new = w[(t + 14) & 15];
                    let near = old
                        .rotate::<25, 7>()
                        .xor3(old.rotate::<14, 18>(), old.shift_right::<3>());
                    let far = new
                        .rotate::<15, 17>()
                        .xor3(new.rotate::<13, 19>(), new.shift_right::<10>());
                    w[t] = w[t].add(near).add(w[(t + 9) & 15]).add(far);
                }
            }
            macro_rules! eight_rounds {
                ($($t:literal)*) => {$(
                    round!($t, k[$t], a b c d e f g h);
                    round!($t + 1, k[$t + 1], h a b c d e f g);
                    round!($t + 2, k[$t + 2], g h a b c d e f);
                    round!($t + 3, k[$t + 3], f g h a b c d e);
                    round!($t + 4, k[$t + 4], e f g h a b c d);
                    round!($t + 5, k[$t + 5], d e f g h a b c);
                    round!($t + 6, k[$t + 6], c d e f g h a b);
                    round!($t + 7, k[$t + 7], b c d e f g h a);
                )*};
            }
            eight_rounds!(0 8);
        }
        let after = [a, b, c, d, e, f, g, h];
        let mut sum = state;
        for (sum, after) in sum.iter_mut().zip(after) {
            *sum = sum.add(after);
        }
        sum
    }
}
