use std::net::IpAddr;

use proptest::prelude::*;

use super::{Desk, Manners, http, udp};
use crate::counters::Counters;
use crate::gate::{ConnectionIds, Gate, GateSettings, Lists};
use crate::limits::Limits;
use crate::rng::Rng;
use crate::store::Store;
use crate::wire::limits::UDP_ANSWER_BYTES_MAX;
use crate::wire::vector;

const NOW_MS: u64 = 1_000_000_000;
const SOMEONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

/// A tracker without sockets.
struct Bench {
    gate: Gate,
    store: Store,
    manners: Manners,
    counters: Counters,
    rng: Rng,
}

impl Bench {
    fn new() -> Self {
        let gate = Gate::new(
            ConnectionIds::new([7; 16], 900),
            GateSettings {
                lists: Lists::default(),
                trusted_proxies: Vec::new(),
                rate: None,
                serves_private_networks: false,
                believes_every_ip: false,
            },
        );
        Self {
            gate,
            store: Store::new(Limits::default(), None),
            manners: Manners {
                interval_s: 1800,
                min_interval_s: 300,
                jitter_percent: 10,
                peers_per_answer: 50,
                peers_per_answer_max: 200,
                full_scrape: false,
            },
            counters: Counters::default(),
            rng: Rng::seeded(1),
        }
    }

    fn with_desk<T>(&mut self, then: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        then(&mut Desk {
            gate: &self.gate,
            lists: self.gate.lists(),
            store: &self.store,
            manners: &self.manners,
            counters: &self.counters,
            log: None,
            rng: &mut self.rng,
            now_ms: NOW_MS,
        })
    }

    fn udp(&mut self, packet: &[u8], source: IpAddr) -> Vec<u8> {
        let mut out = [0; UDP_ANSWER_BYTES_MAX];
        let length = self.with_desk(|desk| {
            let admitted = udp::admit(desk, packet, source, &mut out);
            udp::answer(desk, admitted, source, &mut out)
        });
        out[..length].to_vec()
    }

    fn id(&self, source: IpAddr) -> u64 {
        self.gate
            .connection_ids
            .issue(source, (NOW_MS / 1000) as u32)
    }

    fn announce(&mut self, source: IpAddr, port: u16, left: u64) -> Vec<u8> {
        let mut packet = vector!(hex, "bep15_announce.hex", "request");
        packet[..8].copy_from_slice(&self.id(source).to_be_bytes());
        packet[64..72].copy_from_slice(&left.to_be_bytes());
        packet[96..].copy_from_slice(&port.to_be_bytes());
        self.udp(&packet, source)
    }
}

#[test]
fn bep15_an_answer_over_ipv4_is_full_at_202_peers() {
    let mut bench = Bench::new();
    bench.manners.peers_per_answer = 1000;
    bench.manners.peers_per_answer_max = 1000;
    for port in 1..400 {
        bench.announce(SOMEONE, port, 1);
    }
    assert_eq!(bench.announce(SOMEONE, 400, 1).len(), 20 + 6 * 202);
}

#[test]
fn bep15_an_answer_over_ipv6_is_full_at_67_peers() {
    let mut bench = Bench::new();
    bench.manners.peers_per_answer = 1000;
    bench.manners.peers_per_answer_max = 1000;
    let source = "2001:db8::1".parse().expect("an address");
    for port in 1..400 {
        bench.announce(source, port, 1);
    }
    assert_eq!(bench.announce(source, 400, 1).len(), 20 + 18 * 67);
}

#[test]
fn intervals_stray_by_no_more_than_the_jitter() {
    let mut bench = Bench::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let interval_s = bench.manners.interval_s(&mut bench.rng);
        assert!((1620..=1980).contains(&interval_s), "{interval_s}");
        seen.insert(interval_s);
    }
    assert!(seen.len() > 100);
}

#[test]
fn bep15_random_packets_of_every_length_get_no_more_than_they_cost() {
    let mut bench = Bench::new();
    for length in 0..=2048 {
        for action in 0u32..4 {
            let mut packet: Vec<u8> = (0..length).map(|_| bench.rng.next_u64() as u8).collect();
            if let Some(field) = packet.get_mut(8..12) {
                field.copy_from_slice(&action.to_be_bytes());
            }
            if action == 0 && length >= 8 {
                packet[..8].copy_from_slice(&0x417_2710_1980u64.to_be_bytes());
            }
            let answer = bench.udp(&packet, SOMEONE);
            assert!(answer.len() <= packet.len(), "{length} {action}");
        }
    }
    assert_eq!(bench.store.totals().torrents, 0);
}

#[test]
fn bep15_random_packets_with_a_proven_id_make_nothing_panic() {
    let mut bench = Bench::new();
    let id = bench.id(SOMEONE).to_be_bytes();
    for length in 8..=2048 {
        let mut packet: Vec<u8> = (0..length).map(|_| bench.rng.next_u64() as u8).collect();
        packet[..8].copy_from_slice(&id);
        if let Some(field) = packet.get_mut(8..12) {
            field.copy_from_slice(&(1 + length as u32 % 2).to_be_bytes());
        }
        assert!(bench.udp(&packet, SOMEONE).len() <= UDP_ANSWER_BYTES_MAX);
    }
}

proptest! {
    #[test]
    fn bep15_garbage_is_never_worth_its_sender_an_amplifier(
        packet in proptest::collection::vec(any::<u8>(), 0..2048),
    ) {
        let answer = Bench::new().udp(&packet, SOMEONE);
        prop_assert!(answer.len() <= packet.len());
    }

    #[test]
    fn http_garbage_makes_nothing_panic(
        garbage in proptest::collection::vec(any::<u8>(), 0..600),
        start in prop_oneof![Just(""), Just("GET /announce?"), Just("GET /scrape?info_hash="), Just("GET ")],
        end in prop_oneof![Just(""), Just(" HTTP/1.1\r\n\r\n")],
    ) {
        let mut bench = Bench::new();
        let buffer = [start.as_bytes(), &garbage, end.as_bytes()].concat();
        let mut out = Vec::new();
        let mut scratch = http::Scratch::new(200);
        let outcome = bench.with_desk(|desk| {
            http::answer(desk, SOMEONE, &buffer, true, &mut scratch, &mut out)
        });
        match outcome {
            http::Outcome::Answered { taken, .. } => prop_assert!(taken <= buffer.len()),
            http::Outcome::Broken => prop_assert!(!out.is_empty()),
            _ => prop_assert!(out.is_empty()),
        }
    }
}
