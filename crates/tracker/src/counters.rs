//! What each worker counts, and how the counts of all become one table.

mod histogram;
mod requests;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use self::histogram::Histogram;
pub use self::histogram::Latency;
pub use self::requests::RequestCount;
pub(crate) use self::requests::{Asked, Protocol, Requests};

/// A count that one worker raises and anyone may read.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Raises the count and tells it; it has one writer, so it needs no atomic addition.
    #[inline]
    pub(crate) fn add(&self, count: u64) -> u64 {
        let value = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(value, Ordering::Relaxed);
        value
    }

    #[inline]
    pub(crate) fn one(&self) -> u64 {
        self.add(1)
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counts of one worker, on cache lines of their own.
        #[derive(Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            requests: [[Requests; 2]; 2],
            latencies: [Histogram; 2],
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Counters {
            fn sum_alone(workers: &[Self]) -> Vec<(&'static str, u64)> {
                vec![$((
                    stringify!($name),
                    workers.iter().map(|worker| worker.$name.get()).sum(),
                ),)*]
            }
        }
    };
}

counters! {
    /// Answers that the send buffer had no room for.
    unsent_udp,
    /// Requests that the log had no room for, and refused ones that theirs had none for.
    unlogged,
    unlogged_refusals,
    connections_http,
    /// Connections closed because they did not send or take their bytes in time.
    timed_out_http,
    /// Connections closed early to make room for new ones.
    evicted_http,
    /// Peers that were tried to reach, and those of them that were not.
    nat_checks,
    nat_failures,
    handed_over,
    /// Connections that came back when what they were handed over for was answered.
    handed_back,
    /// Connections not handed over because too many waited to be taken.
    not_handed_over,
    bytes_in_http,
    bytes_out_http,
    bytes_in_udp,
    bytes_out_udp,
}

impl Counters {
    /// The counts of those who ask over a protocol from an address of IPv6, or of IPv4.
    #[inline]
    pub(crate) fn requests(&self, protocol: Protocol, is_v6: bool) -> &Requests {
        &self.requests[protocol as usize][usize::from(is_v6)]
    }

    /// How long answers over a protocol take.
    pub(crate) fn latency(&self, protocol: Protocol) -> &Histogram {
        &self.latencies[protocol as usize]
    }

    /// Every count under its name, summed over the workers; requests by protocol, and refusals by what
    /// stood against them.
    pub(crate) fn sum(workers: &[Self]) -> Vec<(&'static str, u64)> {
        let mut sums = Self::sum_alone(workers);
        sums.extend(Requests::sums(|protocol| {
            Self::both_families(workers, protocol)
        }));
        sums
    }

    fn both_families(workers: &[Self], protocol: Protocol) -> impl Iterator<Item = &Requests> {
        let of_protocol = workers
            .iter()
            .map(move |worker| &worker.requests[protocol as usize]);
        of_protocol.flatten()
    }

    /// What was asked and became of it, over the workers, everything that can be once.
    pub(crate) fn request_counts(workers: &[Self]) -> Vec<RequestCount> {
        let all = Protocol::ALL.into_iter().flat_map(|protocol| {
            [("ipv4", 0), ("ipv6", 1)]
                .into_iter()
                .flat_map(move |(family, at)| {
                    let of_family = workers
                        .iter()
                        .map(move |worker| &worker.requests[protocol as usize][at]);
                    Requests::table(protocol, family, &of_family)
                })
        });
        all.collect()
    }

    /// How long answers take, by protocol, over the workers.
    pub(crate) fn latency_sums(workers: &[Self]) -> Vec<Latency> {
        let sum = |protocol: Protocol| {
            let own = workers.iter().map(|worker| worker.latency(protocol));
            Histogram::sum(protocol.name(), own)
        };
        Protocol::ALL.map(sum).into()
    }
}
