//! When requests are made: as fast as answers come back (closed loop), or at a fixed rate (open).

/// Closed without a rate. An open loop measures latency from when a request was due, so that a
/// stalled server is not spared the requests that would have come meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    ns_per_request: Option<f64>,
    started_ns: u64,
    issued: u64,
}

impl Pace {
    pub(crate) fn new(rate: Option<f64>, started_ns: u64) -> Self {
        Self {
            ns_per_request: rate.map(|rate| 1e9 / rate),
            started_ns,
            issued: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.ns_per_request.is_some()
    }

    /// The number of requests that may be made now.
    pub(crate) fn due(&self, now_ns: u64) -> u64 {
        let Some(step) = self.ns_per_request else {
            return u64::MAX;
        };
        let elapsed = now_ns.saturating_sub(self.started_ns) as f64;
        ((elapsed / step) as u64 + 1).saturating_sub(self.issued)
    }

    /// Takes one request from those due; gives the time from which its latency counts.
    pub(crate) fn issue(&mut self, now_ns: u64) -> u64 {
        let intended = match self.ns_per_request {
            Some(step) => self.started_ns + (self.issued as f64 * step) as u64,
            None => now_ns,
        };
        self.issued += 1;
        intended
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_closed_loop_is_always_due_and_counts_from_now() {
        let mut pace = Pace::new(None, 0);
        assert!(!pace.is_open());
        assert_eq!(pace.due(5), u64::MAX);
        assert_eq!(pace.issue(7), 7);
    }

    #[test]
    fn an_open_loop_keeps_its_schedule_when_the_server_stalls() {
        let mut pace = Pace::new(Some(1_000.0), 10);
        assert_eq!(pace.due(10), 1);
        assert_eq!(pace.issue(10), 10);
        assert_eq!(pace.due(1_000_009), 0);
        assert_eq!(pace.due(5_000_010), 5);
        assert_eq!(pace.issue(5_000_010), 1_000_010);
        assert_eq!(pace.issue(5_000_010), 2_000_010);
    }
}
