//! A tracker without sockets: bytes in, bytes out, and the same for the same bytes.

use std::net::IpAddr;

use parking_lot::Mutex;

use super::{Context, Pace, Policy, http, udp};
use crate::counters::Counters;
use crate::gate::{ConnectionIds, Gate, GateSettings, Lists, RateLimit};
use crate::limits::Limits;
use crate::rng::Rng;
use crate::store::Store;
use crate::swarm::Swarms;
use crate::usage::{Samplers, Samples};
use crate::wire::limits::UDP_ANSWER_BYTES_MAX;

pub(crate) const NOW_MS: u64 = 1_000_000_000;

pub(crate) struct Harness {
    pub(crate) gate: Gate,
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    pub(crate) rng: Rng,
    counters: Counters,
    samplers: Samplers,
    samples: Mutex<Samples>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        let gate = Gate::new(
            ConnectionIds::new([7; 16], 900),
            GateSettings {
                lists: Lists::default(),
                trusted_proxies: Vec::new(),
                rate: RateLimit::new([1; 16], 0, 0),
                serves_private_networks: false,
                believes_every_ip: false,
                path_prefix: Vec::new(),
            },
        );
        Self {
            gate,
            store: Store {
                swarms: Swarms::seeded(Limits::default(), 1),
                waiting: None,
            },
            policy: Policy {
                pace: Pace::new(1800, 300, 50),
                jitter_percent: 10,
                peers_per_answer_max: 200,
                full_scrape: false,
            },
            rng: Rng::with_seed(1),
            counters: Counters::default(),
            samplers: Samplers::default(),
            samples: Mutex::default(),
        }
    }

    fn with_context<T>(&mut self, then: impl FnOnce(&mut Context<'_>) -> T) -> T {
        then(&mut Context {
            gate: &self.gate,
            lists: self.gate.lists(),
            store: &self.store,
            policy: &self.policy,
            counters: &self.counters,
            samplers: &self.samplers,
            samples: &self.samples,
            logs: None,
            rng: &mut self.rng,
            now_ms: NOW_MS,
        })
    }

    /// The answer to a packet; empty if it gets none.
    pub(crate) fn udp(&mut self, packet: &[u8], source: IpAddr) -> Vec<u8> {
        let mut out = [0; UDP_ANSWER_BYTES_MAX];
        let length = self.with_context(|context| {
            let admitted = udp::admit(context, packet, source, &mut out);
            udp::answer(context, admitted, source, &mut out)
        });
        out[..length].to_vec()
    }

    /// What becomes of the bytes at the front of a connection, and the answer to them.
    pub(crate) fn http(&mut self, buffer: &[u8], source: IpAddr) -> (http::Outcome, Vec<u8>) {
        let mut scratch = http::Scratch::new(self.policy.peers_per_answer_max);
        let mut out = Vec::new();
        let outcome = self.with_context(|context| {
            let admitted = http::admit(context, source, buffer);
            admitted.prefetch(context);
            admitted.prefetch_peers(context);
            http::answer(context, admitted, true, &mut scratch, &mut out)
        });
        (outcome, out)
    }

    /// A connection id that proves this address.
    pub(crate) fn id(&self, source: IpAddr) -> u64 {
        let now_s = (NOW_MS / 1000) as u32;
        self.gate.connection_ids.issue(source, now_s)
    }
}
