//! A small fast random source: fair enough to pick peers, never used for secrets.

/// A generator of the wyrand kind: one addition and one multiplication a number.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Make a generator that repeats itself for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Make a generator seeded by the operating system.
    ///
    /// # Panics
    ///
    /// If the system has no randomness to give.
    pub fn from_os() -> Self {
        Self(getrandom::u64().expect("the system gives random numbers"))
    }

    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        let wide = u128::from(self.0) * u128::from(self.0 ^ 0xe703_7ed1_a0b4_28db);
        (wide >> 64) as u64 ^ wide as u64
    }

    /// Pick one of `bound` numbers from 0, each equally likely within 2^-32; 0 if there are none.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.next_u64() >> 32) * u64::from(bound)) >> 32) as u32
    }
}
