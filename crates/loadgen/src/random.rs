//! A small seeded generator of random numbers: the same seed gives the same load on every run.

/// xoshiro256++ by Blackman and Vigna, seeded through `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
}

/// The output function of `SplitMix64`: a bijection that scatters neighbouring inputs.
pub(crate) fn scatter(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        let state = [0, 1, 2, 3].map(|step: u64| scatter(seed.wrapping_add(step << 56)));
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound`, by multiplication instead of division; `bound` must not be 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut two) = (Random::seeded(7), Random::seeded(7));
        let mut other = Random::seeded(8);
        let stream: Vec<u64> = (0..100).map(|_| one.next()).collect();
        assert!(stream.iter().all(|&number| number == two.next()));
        assert!(stream.iter().any(|&number| number != other.next()));
    }

    #[test]
    fn numbers_below_a_bound_cover_all_of_it_evenly() {
        let mut random = Random::seeded(1);
        let mut seen = [0u32; 10];
        for _ in 0..100_000 {
            seen[random.below(10) as usize] += 1;
        }
        assert!(
            seen.iter().all(|&count| (9_500..10_500).contains(&count)),
            "{seen:?}"
        );
    }

    #[test]
    fn a_chance_comes_true_as_often_as_it_says() {
        let mut random = Random::seeded(2);
        let hits = (0..100_000).filter(|_| random.chance(0.75)).count();
        assert!((74_000..76_000).contains(&hits), "{hits}");
    }
}
