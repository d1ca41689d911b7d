//! The random numbers of one thing out of many: the same for it at each look, and on every run.

use fastrand::Rng;

/// `Rng` mixes its seed little, as it expects to step on by large odd numbers: after seeds that
/// differ by 1, what one draws tells of the next.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

pub(crate) fn of(seed: u64, number: u32) -> Rng {
    Rng::with_seed(seed.wrapping_add(u64::from(number).wrapping_mul(STEP)))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_number_gives_the_same_stream_and_its_neighbour_another() {
        let stream = |number| {
            let mut random = of(7, number);
            [(); 8].map(|()| random.u64(..))
        };
        assert_eq!(stream(3), stream(3));
        assert_ne!(stream(3), stream(4));
    }

    #[test]
    fn what_a_neighbour_drew_says_nothing() {
        let heads: Vec<bool> = (0..100_000)
            .map(|number| of(9, number).f64() < 0.5)
            .collect();
        let turns = heads.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((49_000..51_000).contains(&turns), "{turns}");
    }
}
