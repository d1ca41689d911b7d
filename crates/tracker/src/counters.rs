//! What each worker counts, and how the counts of all become one table.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::wire::Cause;

/// A count that one worker raises and anyone may read.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Raises the count; it has one writer, so it needs no atomic addition.
    pub(crate) fn add(&self, count: u64) {
        let value = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
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
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Counters {
            /// Every count under its name, summed over the workers.
            pub(crate) fn sum(workers: &[Self]) -> Vec<(&'static str, u64)> {
                vec![$((
                    stringify!($name),
                    workers.iter().map(|worker| worker.$name.get()).sum(),
                ),)*]
            }
        }
    };
}

counters! {
    announces_http,
    announces_udp,
    scrapes_http,
    scrapes_udp,
    connects_udp,
    /// Requests answered with an error, over HTTP: a bencoded failure, or a status of its own.
    errors_http,
    errors_udp,
    /// Packets that got no answer: not of the protocol, or too many from one address.
    dropped_udp,
    /// Answers that the send buffer had no room for.
    unsent_udp,
    /// Requests that were refused, by what stood against them; they are errors too.
    refused_malformed,
    refused_torrent,
    refused_key,
    refused_client,
    refused_address,
    refused_rate,
    /// The store has no room for what they bring.
    refused_full,
    /// Requests that the log had no room for.
    unlogged,
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
    /// Counts a request that was refused.
    pub(crate) fn refuse(&self, cause: Cause) {
        let counter = match cause {
            Cause::Malformed => &self.refused_malformed,
            Cause::Torrent => &self.refused_torrent,
            Cause::Key => &self.refused_key,
            Cause::Client => &self.refused_client,
            Cause::Address => &self.refused_address,
            Cause::Rate => &self.refused_rate,
            Cause::Full => &self.refused_full,
        };
        counter.one();
    }
}
