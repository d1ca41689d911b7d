use std::net::IpAddr;

use proptest::prelude::*;

use super::harness::Harness;
use super::http::Outcome;
use crate::wire::limits::UDP_ANSWER_BYTES_MAX;
use crate::wire::vector;

const SOMEONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

impl Harness {
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
    let mut harness = Harness::new();
    harness.policy.pace.set(1800, 300, 1000);
    harness.policy.peers_per_answer_max = 1000;
    for port in 1001..1400 {
        harness.announce(SOMEONE, port, 1);
    }
    assert_eq!(harness.announce(SOMEONE, 1400, 1).len(), 20 + 6 * 202);
}

#[test]
fn bep15_an_answer_over_ipv6_is_full_at_67_peers() {
    let mut harness = Harness::new();
    harness.policy.pace.set(1800, 300, 1000);
    harness.policy.peers_per_answer_max = 1000;
    let source = "2001:db8::1".parse().expect("an address");
    for port in 1001..1400 {
        harness.announce(source, port, 1);
    }
    assert_eq!(harness.announce(source, 1400, 1).len(), 20 + 18 * 67);
}

#[test]
fn intervals_stray_by_no_more_than_the_jitter() {
    let mut harness = Harness::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let interval_s = harness.policy.interval_s(&mut harness.rng);
        assert!((1620..=1980).contains(&interval_s), "{interval_s}");
        seen.insert(interval_s);
    }
    assert!(seen.len() > 100);
}

#[test]
fn bep15_random_packets_of_every_length_get_no_more_than_they_cost() {
    let mut harness = Harness::new();
    for length in 0..=2048 {
        for action in 0u32..4 {
            let mut packet: Vec<u8> = (0..length).map(|_| harness.rng.u64(..) as u8).collect();
            if let Some(field) = packet.get_mut(8..12) {
                field.copy_from_slice(&action.to_be_bytes());
            }
            if action == 0 && length >= 8 {
                packet[..8].copy_from_slice(&0x417_2710_1980u64.to_be_bytes());
            }
            let answer = harness.udp(&packet, SOMEONE);
            assert!(answer.len() <= packet.len(), "{length} {action}");
        }
    }
    assert_eq!(harness.store.totals().torrents, 0);
}

#[test]
fn bep15_random_packets_with_a_proven_id_make_nothing_panic() {
    let mut harness = Harness::new();
    let id = harness.id(SOMEONE).to_be_bytes();
    for length in 8..=2048 {
        let mut packet: Vec<u8> = (0..length).map(|_| harness.rng.u64(..) as u8).collect();
        packet[..8].copy_from_slice(&id);
        if let Some(field) = packet.get_mut(8..12) {
            field.copy_from_slice(&(1 + length as u32 % 2).to_be_bytes());
        }
        assert!(harness.udp(&packet, SOMEONE).len() <= UDP_ANSWER_BYTES_MAX);
    }
}

/// The request with each byte replaced by each other one, left out, and doubled.
fn mutations(request: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..request.len()).flat_map(|at| {
        let (before, after) = request.split_at(at);
        let replaced = (0..=255u8).map(move |byte| [before, &[byte], &after[1..]].concat());
        let others = [
            [before, &after[1..]].concat(),
            [before, &after[..1], after].concat(),
        ];
        replaced.chain(others)
    })
}

#[test]
fn bep15_every_single_byte_of_a_packet_may_be_any_other() {
    let mut harness = Harness::new();
    let id = harness.id(SOMEONE).to_be_bytes();
    for mut request in [
        vector!(hex, "bep15_connect.hex", "request"),
        vector!(hex, "bep15_announce.hex", "request"),
        vector!(hex, "bep15_scrape.hex", "request"),
    ] {
        if request[11] != 0 {
            request[..8].copy_from_slice(&id);
        }
        for packet in mutations(&request) {
            let answer = harness.udp(&packet, SOMEONE);
            assert!(answer.is_empty() || answer[4..8] == packet[12..16]);
            assert!(answer.len() <= packet.len() || packet[..8] == id);
        }
    }
}

#[test]
fn http_every_single_byte_of_a_request_may_be_any_other() {
    let mut harness = Harness::new();
    let announce = [
        b"GET /announce?".as_slice(),
        &vector!(text, "bep03_announce.txt", "query"),
        b" HTTP/1.1\r\n",
        &vector!(text, "bep03_announce.txt", "head"),
    ];
    for request in [
        announce.concat(),
        vector!(text, "bep48_scrape.txt", "request"),
    ] {
        for mutated in mutations(&request) {
            let (outcome, out) = harness.http(&mutated, SOMEONE);
            match outcome {
                Outcome::Answered { taken, .. } => assert!(taken <= mutated.len()),
                Outcome::Broken => assert!(!out.is_empty()),
                _ => assert!(out.is_empty()),
            }
        }
    }
}

proptest! {
    #[test]
    fn bep15_garbage_is_never_worth_its_sender_an_amplifier(
        packet in proptest::collection::vec(any::<u8>(), 0..2048),
    ) {
        let answer = Harness::new().udp(&packet, SOMEONE);
        prop_assert!(answer.len() <= packet.len());
    }

    #[test]
    fn http_garbage_makes_nothing_panic(
        garbage in proptest::collection::vec(any::<u8>(), 0..600),
        start in prop_oneof![Just(""), Just("GET /announce?"), Just("GET /scrape?info_hash="), Just("GET ")],
        end in prop_oneof![Just(""), Just(" HTTP/1.1\r\n\r\n")],
    ) {
        let mut harness = Harness::new();
        let buffer = [start.as_bytes(), &garbage, end.as_bytes()].concat();
        let (outcome, out) = harness.http(&buffer, SOMEONE);
        match outcome {
            Outcome::Answered { taken, .. } => prop_assert!(taken <= buffer.len()),
            Outcome::Broken => prop_assert!(!out.is_empty()),
            _ => prop_assert!(out.is_empty()),
        }
    }
}
