//! The order in which an answer looks at the groups of a swarm: each group once, and each equally
//! likely at any step.
//!
//! Groups are taken in runs of neighbours, which memory gives much faster than single ones; short
//! runs, so that an answer is made of several. A table is cut into runs from a random group on,
//! and these are visited by a random prime stride, so that two peers are not always given
//! together. A split swarm is visited part by part, with a random run of each.

use super::mix::scale;
use super::peer::Peer;
use super::peers::{PARTS, Peers};
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

pub(super) struct Walk<'a, P: Peer> {
    tables: &'a [Table<P>],
    /// Groups in a run, as a power of two.
    run_log: u32,
    /// Runs of the largest table.
    runs_max: u32,
    seed: u64,
    path: Path,
}

enum Path {
    Table { at: u32, stride: u32, left: u32 },
    Parts { step: u32, round: u32 },
}

/// A run of groups; the second slice is what it has at the beginning of its table.
pub(super) type Run<'a, P> = [&'a [P]; 2];

/// Groups to look at for an answer of `want` peers if `useful` of those in the swarm may be given.
#[inline]
pub(super) fn groups_for<P: Peer>(peers: &Peers<P>, want: usize, useful: usize) -> u32 {
    let wanted = (want as u32).saturating_mul(peers.groups());
    wanted / (useful as u32).max(1) + 1
}

impl<'a, P: Peer> Walk<'a, P> {
    /// Walk the peers for an answer that about `groups` of their groups make.
    #[inline]
    pub(super) fn new(peers: &'a Peers<P>, groups: u32, rng: &mut Rng) -> Self {
        let run_log = groups
            .max(1)
            .ilog2()
            .saturating_sub(RUNS_MIN_LOG)
            .min(RUN_MAX_LOG);
        let runs_max = runs(peers.groups_max(), run_log);
        let seed = rng.next_u64();
        let path = match peers {
            Peers::One(_) => {
                let prime = STRIDES[(seed >> 8) as usize % STRIDES.len()];
                // Only a table far larger than it is split at can hold a multiple of the prime.
                let stride = prime.checked_rem(runs_max).unwrap_or(0).max(1);
                Path::Table {
                    at: scale(seed as u32, runs_max),
                    stride,
                    left: runs_max,
                }
            }
            Peers::Many(_) => Path::Parts { step: 0, round: 0 },
        };
        Self {
            tables: peers.tables(),
            run_log,
            runs_max,
            seed,
            path,
        }
    }

    /// The run of this number, counted from a group that is random for this walk.
    #[inline]
    fn run(&self, part: usize, run: u32) -> Run<'a, P> {
        let table = &self.tables[part];
        let groups = table.groups();
        let first = run << self.run_log;
        let len = (1 << self.run_log).min(groups - first);
        let mut start = scale((self.seed >> 32) as u32, groups) + first;
        if start >= groups {
            start -= groups;
        }
        let over = (start + len).saturating_sub(groups);
        [table.range(start, len - over), table.range(0, over)]
    }
}

#[inline]
fn runs(groups: u32, run_log: u32) -> u32 {
    (groups + (1 << run_log) - 1) >> run_log
}

impl<'a, P: Peer> Iterator for Walk<'a, P> {
    type Item = Run<'a, P>;

    #[inline]
    fn next(&mut self) -> Option<Run<'a, P>> {
        match &mut self.path {
            Path::Table { at, stride, left } => {
                *left = left.checked_sub(1)?;
                let run = *at;
                *at += *stride;
                if *at >= self.runs_max {
                    *at -= self.runs_max;
                }
                Some(self.run(0, run))
            }
            Path::Parts { step, round } => loop {
                if *step == PARTS as u32 {
                    *step = 0;
                    *round += 1;
                }
                if *round == self.runs_max {
                    return None;
                }
                // An odd stride reaches each of the parts, whose number is a power of two.
                let stride = (self.seed >> 16) as u32 | 1;
                let part = (self.seed as u32).wrapping_add(step.wrapping_mul(stride));
                let part = part as usize % PARTS;
                *step += 1;
                let random = (self.seed | 1).wrapping_mul(2 * part as u64 + 1) >> 32;
                let mut run = scale(random as u32, self.runs_max) + *round;
                if run >= self.runs_max {
                    run -= self.runs_max;
                }
                // Drawing from the largest part's runs makes up for parts of unequal size.
                if run < runs(self.tables[part].groups(), self.run_log) {
                    return Some(self.run(part, run));
                }
            },
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
