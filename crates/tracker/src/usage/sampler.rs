//! Which requests are looked at: all while they are few, and ever fewer of more.

use std::cell::Cell;

/// Samples between two ticks, of which there are five a second: some 0.02 % of a CPU.
const SAMPLES_A_TICK: u32 = 128;

/// Chooses one request in a power of two.
#[derive(Default)]
pub(crate) struct Sampler {
    /// One less than the power.
    mask: Cell<u64>,
    taken: Cell<u32>,
}

impl Sampler {
    /// Whether the request that is the so many-th of its kind is looked at; the first always is.
    #[inline]
    pub(crate) fn takes(&self, count: u64) -> bool {
        count.wrapping_sub(1) & self.mask.get() == 0
    }

    /// Notes that one is, and tells for how many it stands.
    pub(crate) fn take(&self) -> u64 {
        let weight = self.mask.get() + 1;
        let taken = self.taken.get() + 1;
        if taken < SAMPLES_A_TICK {
            self.taken.set(taken);
        } else {
            self.mask.set(self.mask.get() << 1 | 1);
            self.taken.set(SAMPLES_A_TICK / 2);
        }
        weight
    }

    /// So many ticks are over: fewer requests are looked at more closely.
    fn tick(&self, ticks: u64) {
        if self.taken.get() < SAMPLES_A_TICK / 4 {
            let mask = self
                .mask
                .get()
                .checked_shr(ticks.try_into().unwrap_or(u32::MAX));
            self.mask.set(mask.unwrap_or(0));
        }
        self.taken.set(0);
    }
}

/// Those of one worker: what is refused is looked at however many others come.
#[derive(Default)]
pub(crate) struct Samplers {
    pub(crate) announces: Sampler,
    pub(crate) refusals: Sampler,
}

impl Samplers {
    pub(crate) fn tick(&self, ticks: u64) {
        self.announces.tick(ticks);
        self.refusals.tick(ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets so many requests come between two ticks: how many are looked at, and for how many they stand.
    fn burst(sampler: &Sampler, requests: u64, from: &mut u64) -> (u32, u64) {
        let mut found = (0, 0);
        for _ in 0..requests {
            *from += 1;
            if sampler.takes(*from) {
                found.0 += 1;
                found.1 += sampler.take();
            }
        }
        sampler.tick(1);
        found
    }

    #[test]
    fn few_requests_are_all_looked_at() {
        let (sampler, mut from) = (Sampler::default(), 0);
        for _ in 0..100 {
            assert_eq!(burst(&sampler, 100, &mut from), (100, 100));
        }
    }

    #[test]
    fn of_many_requests_some_are_looked_at_and_stand_for_all() {
        let (sampler, mut from) = (Sampler::default(), 0);
        let (first, _) = burst(&sampler, 1_000_000, &mut from);
        assert!(first < 2000, "{first}");
        for _ in 0..100 {
            let (looks, stand_for) = burst(&sampler, 200_000, &mut from);
            assert!((20..=200).contains(&looks), "{looks}");
            assert!((150_000..=250_000).contains(&stand_for), "{stand_for}");
        }
    }

    #[test]
    fn after_a_flood_a_pause_is_enough_for_every_request_to_count_again() {
        let (sampler, mut from) = (Sampler::default(), 0);
        burst(&sampler, 1_000_000, &mut from);
        sampler.tick(1000);
        assert_eq!(burst(&sampler, 100, &mut from), (100, 100));
    }
}
