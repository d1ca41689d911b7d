//! The order in which an answer looks at the groups of a swarm: each group once, and each equally
//! likely at any step.
//!
//! Groups are taken in runs of neighbours, which memory gives much faster than single ones; short
//! runs, so that an answer is made of several. A table is cut into runs from a random group on.

use super::mix::scale;
use super::peer::Peer;
use super::peers::{PARTS, Parts};
use super::table::Table;
use crate::rng::Rng;

/// Runs that an answer is made of, at least, as a power of two.
const RUNS_MIN_LOG: u32 = 2;

/// Groups of the longest run, as a power of two.
const RUN_MAX_LOG: u32 = 3;

/// Primes above the runs of any one table, so that each stride reaches every run.
const STRIDES: [u32; 16] = [
    4099, 4507, 5003, 5501, 6007, 6521, 7001, 7507, 8009, 8501, 9001, 9511, 10_007, 10_501, 11_003,
    11_503,
];

/// How tables are cut into runs.
#[derive(Clone, Copy)]
struct Cut {
    /// Groups in a run, as a power of two.
    log: u32,
    /// The random bits that say where the first run of a table begins.
    start: u32,
}

/// A run of groups; the second slice is what it has at the beginning of its table.
pub(super) type Run<'a, P> = [&'a [P]; 2];

impl Cut {
    /// Cut for an answer that about this many groups make.
    #[inline]
    fn new(groups: u32, start: u32) -> Self {
        Self {
            log: groups
                .max(1)
                .ilog2()
                .saturating_sub(RUNS_MIN_LOG)
                .min(RUN_MAX_LOG),
            start,
        }
    }

    /// Runs of a table of this many groups; the last may be short.
    #[inline]
    fn runs(self, groups: u32) -> u32 {
        (groups + (1 << self.log) - 1) >> self.log
    }

    #[inline]
    fn run<P: Peer>(self, table: &Table<P>, run: u32) -> Run<'_, P> {
        let groups = table.groups();
        let first = run << self.log;
        let len = (1 << self.log).min(groups - first);
        let mut start = scale(self.start, groups) + first;
        if start >= groups {
            start -= groups;
        }
        let over = (start + len).saturating_sub(groups);
        [table.range(start, len - over), table.range(0, over)]
    }
}

/// The runs of one table, from a random one on by a random prime stride, so that two of them are
/// not always given together.
pub(super) struct TableWalk<'a, P: Peer> {
    table: &'a Table<P>,
    cut: Cut,
    runs: u32,
    at: u32,
    stride: u32,
    left: u32,
}

impl<'a, P: Peer> TableWalk<'a, P> {
    #[inline]
    pub(super) fn new(table: &'a Table<P>, groups: u32, rng: &mut Rng) -> Self {
        let seed = rng.u64(..);
        let cut = Cut::new(groups, (seed >> 32) as u32);
        let runs = cut.runs(table.groups());
        let prime = STRIDES[seed as usize % STRIDES.len()];
        // Only a table far larger than it is split at can hold a multiple of the prime.
        let stride = prime.checked_rem(runs).unwrap_or(0).max(1);
        Self {
            table,
            cut,
            runs,
            at: scale(seed as u32, runs),
            stride,
            left: runs,
        }
    }
}

impl<'a, P: Peer> Iterator for TableWalk<'a, P> {
    type Item = Run<'a, P>;

    #[inline]
    fn next(&mut self) -> Option<Run<'a, P>> {
        self.left = self.left.checked_sub(1)?;
        let run = self.at;
        self.at += self.stride;
        if self.at >= self.runs {
            self.at -= self.runs;
        }
        Some(self.cut.run(self.table, run))
    }
}

/// The runs of a split swarm, part by part with a random run of each.
pub(super) struct PartsWalk<'a, P: Peer> {
    tables: &'a [Table<P>; PARTS],
    cut: Cut,
    /// Runs of the largest part.
    runs: u32,
    seed: u64,
    step: u32,
    round: u32,
}

impl<'a, P: Peer> PartsWalk<'a, P> {
    #[inline]
    pub(super) fn new(parts: &'a Parts<P>, groups: u32, rng: &mut Rng) -> Self {
        let seed = rng.u64(..) | 1;
        // Of a number of its own: the runs are drawn from the seed, and both add up to a place.
        let cut = Cut::new(groups, rng.u64(..) as u32);
        let runs = cut.runs(parts.groups_max());
        Self {
            tables: parts.tables(),
            cut,
            runs,
            seed,
            step: 0,
            round: 0,
        }
    }
}

impl<'a, P: Peer> Iterator for PartsWalk<'a, P> {
    type Item = Run<'a, P>;

    #[inline]
    fn next(&mut self) -> Option<Run<'a, P>> {
        loop {
            if self.step == PARTS as u32 {
                self.step = 0;
                self.round += 1;
            }
            if self.round == self.runs {
                return None;
            }
            // An odd stride reaches each of the parts, whose number is a power of two.
            let stride = (self.seed >> 16) as u32 | 1;
            let first = (self.seed >> 8) as u32;
            let part = first.wrapping_add(self.step.wrapping_mul(stride)) as usize % PARTS;
            self.step += 1;
            let random = self.seed.wrapping_mul(2 * part as u64 + 1) >> 32;
            let mut run = scale(random as u32, self.runs) + self.round;
            if run >= self.runs {
                run -= self.runs;
            }
            // Drawing from the largest part's runs makes up for parts of unequal size.
            if run < self.cut.runs(self.tables[part].groups()) {
                return Some(self.cut.run(&self.tables[part], run));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::STRIDES;

    #[test]
    fn every_stride_is_prime() {
        for stride in STRIDES {
            assert!(
                (2..stride).all(|divisor| !stride.is_multiple_of(divisor)),
                "{stride}"
            );
        }
    }
}
