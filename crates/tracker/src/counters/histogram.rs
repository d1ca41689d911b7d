//! How long answers take: counts in buckets of which each reaches twice as far as the one before.

use std::time::Duration;

use super::Counter;

/// From a microsecond to a second; what takes longer is in the sum alone, and in the count of all.
const BUCKETS: usize = 21;

/// The time of requests over one protocol, as one worker saw it.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [Counter; BUCKETS],
    longer: Counter,
    sum_ns: Counter,
}

/// How long answers over one protocol took.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// `http` or `udp`.
    pub protocol: &'static str,
    /// Upper bounds in microseconds, each with how many took no longer and longer than the one before.
    pub buckets: Vec<(u64, u64)>,
    /// How many took longer than the last bound.
    pub longer: u64,
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    /// Takes note of requests that were answered together.
    #[cold]
    pub(crate) fn add(&self, took: Duration, requests: usize) {
        let requests = requests as u64;
        let bucket = bucket_of(took);
        self.buckets
            .get(bucket)
            .unwrap_or(&self.longer)
            .add(requests);
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.add(took_ns.saturating_mul(requests));
    }

    pub(super) fn sum<'a>(
        protocol: &'static str,
        workers: impl Iterator<Item = &'a Self> + Clone,
    ) -> Latency {
        let count = |at: usize| workers.clone().map(|one| one.buckets[at].get()).sum();
        Latency {
            protocol,
            buckets: (0..BUCKETS).map(|at| (1 << at, count(at))).collect(),
            longer: workers.clone().map(|one| one.longer.get()).sum(),
            sum: Duration::from_nanos(workers.map(|one| one.sum_ns.get()).sum()),
        }
    }
}

/// The first bucket that reaches so far: 1, 2, 4 ... microseconds.
fn bucket_of(took: Duration) -> usize {
    let took_us = took.as_nanos().div_ceil(1000).max(1);
    (u128::BITS - (took_us - 1).leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_that_reaches_so_far() {
        let buckets = [0, 1, 999, 1000, 1001, 2000, 2001, 4000, 4001, 1 << 20];
        let found = buckets.map(|ns| bucket_of(Duration::from_nanos(ns)));
        assert_eq!(found, [0, 0, 0, 0, 1, 1, 2, 2, 3, 11]);
        let last = Duration::from_micros(1 << (BUCKETS - 1));
        assert_eq!(bucket_of(last), BUCKETS - 1);
        assert_eq!(bucket_of(last + Duration::from_nanos(1)), BUCKETS);
    }

    #[test]
    fn a_batch_counts_once_for_each_of_its_requests() {
        let histogram = Histogram::default();
        histogram.add(Duration::from_micros(5), 64);
        histogram.add(Duration::from_secs(2), 3);
        let sum = Histogram::sum("udp", [&histogram, &Histogram::default()].into_iter());
        let counts = sum.buckets.iter().map(|(_, count)| count);
        assert_eq!((counts.sum::<u64>(), sum.longer), (64, 3));
        assert_eq!(sum.sum, Duration::from_micros(64 * 5 + 6_000_000));
    }
}
