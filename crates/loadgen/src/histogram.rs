//! Latencies in nanoseconds, kept to within 1/64 of their value in a fixed table.

const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.ilog2();
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS as usize;

#[derive(Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            max_ns: 0,
        }
    }

    pub(crate) fn record(&mut self, ns: u64) {
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    pub(crate) fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// The latency that `share` of all answers kept to; 0 without answers.
    pub(crate) fn quantile_ns(&self, share: f64) -> u64 {
        let rank = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return upper_edge(index).min(self.max_ns);
            }
        }
        0
    }
}

/// Up to 64 ns each value has its bucket; above, each power of two is cut into 64.
fn bucket(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let shift = ns.ilog2() - STEP_BITS;
    (u64::from(shift) * STEPS + (ns >> shift)) as usize
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    let step = bucket - shift * STEPS;
    ((u128::from(step) + 1) << shift)
        .saturating_sub(1)
        .min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket, upper_edge};

    #[test]
    fn every_value_falls_into_a_bucket_whose_edge_is_within_a_64th() {
        let edges = (0..64).flat_map(|power| [0, 1, 7].map(|more| (1u64 << power) + more));
        for ns in edges.chain([0, u64::MAX, u64::MAX - 1]) {
            assert!(bucket(ns) < BUCKETS, "{ns}");
            let edge = upper_edge(bucket(ns));
            assert!(edge >= ns && edge - ns <= ns / 64, "{ns} {edge}");
        }
    }

    #[test]
    fn buckets_grow_with_their_values() {
        let numbers: Vec<usize> = (0..100_000).map(bucket).collect();
        assert!(numbers.is_sorted());
    }

    #[test]
    fn quantiles_of_a_known_run_come_out_right() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile_ns(0.5), 0);
        (1..=1_000).for_each(|value| histogram.record(value * 1_000));
        for (share, expected) in [(0.5, 500_000), (0.99, 990_000), (0.999, 999_000)] {
            let found = histogram.quantile_ns(share);
            assert!(
                (expected..=expected + expected / 64).contains(&found),
                "{share} {found}"
            );
        }
        assert_eq!(histogram.quantile_ns(1.0), 1_000_000);
        assert_eq!(histogram.max_ns(), 1_000_000);
    }
}
