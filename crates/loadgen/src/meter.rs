//! Counts what a run does, from the end of its warm-up to the end of its time.

use std::io;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::process::Usage;

/// Longer than any run: nothing is recorded as less than it was.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;

/// Each latency is kept to within 1 %, in a table that stays in the cache.
const DIGITS: u8 = 2;

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) warm_up_s: f64,
    pub(crate) duration_s: f64,
    /// The measurement ends early after this many answers.
    pub(crate) answers_max: u64,
    /// The warm-up lasts until every peer has announced once.
    pub(crate) populate: bool,
    /// The server whose use of CPU and memory is read.
    pub(crate) pid: Option<u32>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) connects: u64,
    pub(crate) announces: u64,
    pub(crate) scrapes: u64,
    /// Answers by which the tracker refuses.
    pub(crate) failures: u64,
    /// Answers that no tracker should give: of a wrong length, not bencode.
    pub(crate) invalid: u64,
    /// Answers to a request that was given up, or to none.
    pub(crate) late: u64,
    pub(crate) lost: u64,
    /// Kept connections that the server closed.
    pub(crate) reopened: u64,
    pub(crate) peers: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn answers(&self) -> u64 {
        self.connects + self.announces + self.scrapes + self.failures
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    WarmUp,
    Measuring,
    Over,
}

pub(crate) struct Meter {
    limits: Limits,
    origin: Instant,
    stage: Stage,
    from_ns: u64,
    pub(crate) measured_ns: u64,
    pub(crate) tally: Tally,
    /// Nanoseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) failure_text: Option<String>,
    pub(crate) server: [Usage; 2],
    pub(crate) own: [Usage; 2],
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            origin: Instant::now(),
            stage: Stage::WarmUp,
            from_ns: 0,
            measured_ns: 0,
            tally: Tally::default(),
            latency: Histogram::new_with_bounds(1, LATENCY_MAX_NS, DIGITS).expect("valid bounds"),
            failure_text: None,
            server: [Usage::default(); 2],
            own: [Usage::default(); 2],
        }
    }

    /// Nanoseconds since the start of the run.
    pub(crate) fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    pub(crate) fn is_populating(&self) -> bool {
        self.limits.populate && self.stage == Stage::WarmUp
    }

    /// Moves on to the next stage when its time has come; false once the run is over.
    pub(crate) fn goes_on(&mut self, now_ns: u64, population: usize) -> io::Result<bool> {
        let elapsed_s = (now_ns - self.from_ns) as f64 / 1e9;
        match self.stage {
            Stage::WarmUp => {
                let is_populated = !self.limits.populate || self.tally.sent >= population as u64;
                if elapsed_s >= self.limits.warm_up_s && is_populated {
                    self.stage = Stage::Measuring;
                    self.tally = Tally::default();
                    self.latency.reset();
                    self.sample(0)?;
                    self.from_ns = self.now_ns();
                }
            }
            Stage::Measuring => {
                let is_full = self.tally.answers() >= self.limits.answers_max;
                if elapsed_s >= self.limits.duration_s || is_full {
                    self.stage = Stage::Over;
                    self.measured_ns = now_ns - self.from_ns;
                    self.sample(1)?;
                }
            }
            Stage::Over => {}
        }
        Ok(self.stage != Stage::Over)
    }

    pub(crate) fn failed(&mut self, text: &[u8]) {
        self.tally.failures += 1;
        if self.failure_text.is_none() {
            self.failure_text = Some(String::from_utf8_lossy(text).into_owned());
        }
    }

    /// The server's use during the measurement, when a process id was given.
    pub(crate) fn server_cpu_s(&self) -> Option<f64> {
        self.limits
            .pid
            .map(|_| self.server[1].cpu_s() - self.server[0].cpu_s())
    }

    fn sample(&mut self, end: usize) -> io::Result<()> {
        self.own[end] = Usage::of(std::process::id())?;
        if let Some(pid) = self.limits.pid {
            self.server[end] = Usage::of(pid)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Meter};

    const SECOND_NS: u64 = 1_000_000_000;

    fn meter(populate: bool, answers_max: u64) -> Meter {
        let limits = Limits {
            warm_up_s: 0.0,
            duration_s: 1e9,
            answers_max,
            populate,
            pid: None,
        };
        Meter::new(limits)
    }

    #[test]
    fn counts_of_the_warm_up_are_dropped() {
        let mut meter = meter(false, 2);
        meter.tally.announces = 100;
        assert!(meter.goes_on(SECOND_NS, 0).expect("own usage"));
        assert_eq!(meter.tally.answers(), 0);
        meter.tally.scrapes = 2;
        let now_ns = meter.now_ns();
        assert!(!meter.goes_on(now_ns, 0).expect("own usage"));
    }

    #[test]
    fn populating_lasts_until_each_peer_has_announced() {
        let mut meter = meter(true, 1);
        meter.tally.sent = 9;
        assert!(meter.goes_on(SECOND_NS, 10).expect("own usage"));
        assert!(meter.is_populating());
        meter.tally.sent = 10;
        assert!(meter.goes_on(SECOND_NS, 10).expect("own usage"));
        assert!(!meter.is_populating());
    }
}
