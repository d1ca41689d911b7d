//! What is told of requests, of who sends them, and of who is turned away.

use std::io::Write;
use std::net::SocketAddr;

use crate::common::{
    INFOHASH, UdpAnnounce, UdpClient, V4, address, announce, announce_target, config, connect,
    exchange, get, read_answer, serve, until,
};
use outpour_tracker::{Config, Tracker, Usage};

type Row = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    u64,
);

/// The rows that are not 0.
fn counted(tracker: &Tracker) -> Vec<Row> {
    let rows = tracker.request_counts().into_iter();
    let row = |row: outpour_tracker::RequestCount| {
        (row.protocol, row.family, row.asked, row.cause, row.count)
    };
    rows.map(row).filter(|row| row.4 > 0).collect()
}

fn until_counted(tracker: &Tracker, expected: &[Row]) {
    let expected = expected.to_vec();
    until(&format!("{expected:?}"), || counted(tracker) == expected);
}

fn announce_as(http: SocketAddr, agent: &str, peer_id: &str) {
    let target = announce_target("").replace("-XX0001-abcdefghijkl", peer_id);
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: t\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    );
    let (head, _) = exchange(http, request.as_bytes());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort_unstable();
    rows
}

#[test]
fn requests_are_told_apart_by_protocol_family_what_is_asked_and_what_became_of_it() {
    let tracker = serve(config());
    let [v4, v6] = tracker.http_addresses() else {
        panic!("two addresses");
    };
    announce(*v4, "");
    announce(*v6, "");
    announce(*v6, "");
    get(*v4, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    get(*v4, "/scrape");
    get(*v4, "/announce?info_hash=abc");
    exchange(*v4, b"hello\r\n\r\n");
    let client = UdpClient::connect(tracker.udp_addresses()[1]);
    client.announce(&UdpAnnounce::default());
    client.scrape(&[INFOHASH]);
    client.ask(&crate::common::packet(client.id + 1, 2, &[b'a'; 24]));
    tracker.allow(Some([[1; 20]]));
    client.announce(&UdpAnnounce::default());
    until_counted(
        &tracker,
        &[
            ("http", "ipv4", "announce", None, 1),
            ("http", "ipv4", "announce", Some("malformed"), 1),
            ("http", "ipv4", "scrape", None, 1),
            ("http", "ipv4", "scrape", Some("full_scrape"), 1),
            ("http", "ipv4", "unclear", Some("malformed"), 1),
            ("http", "ipv6", "announce", None, 2),
            ("udp", "ipv6", "announce", None, 1),
            ("udp", "ipv6", "announce", Some("torrent"), 1),
            ("udp", "ipv6", "scrape", None, 1),
            ("udp", "ipv6", "scrape", Some("connection_id"), 1),
            ("udp", "ipv6", "connect", None, 1),
        ],
    );
    let sums = tracker.counters();
    assert_eq!(sums["announces_http"], 3);
    assert_eq!(sums["errors_http"], 3);
    assert_eq!(sums["errors_udp"], 2);
    assert_eq!(sums["refused_malformed"], 2);
}

#[test]
fn every_row_is_there_from_the_start_and_once() {
    let tracker = Tracker::bind(config()).expect("free ports");
    let rows = tracker.request_counts();
    let mut names: Vec<_> = rows
        .iter()
        .map(|row| (row.protocol, row.family, row.asked, row.cause))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len());
    assert!(rows.iter().all(|row| row.count == 0));
}

#[test]
fn every_batch_is_timed_while_there_are_few_and_each_request_counts() {
    let tracker = serve(config());
    announce(tracker.http_addresses()[0], "");
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&UdpAnnounce::default());
    let timed = || -> Vec<(&str, bool)> {
        let rows = tracker.latencies().into_iter();
        rows.map(|row| {
            let count = row.buckets.iter().map(|(_, count)| count).sum::<u64>() + row.longer;
            (row.protocol, count > 0 && !row.sum.is_zero())
        })
        .collect()
    };
    until("both are timed", || {
        timed() == [("http", true), ("udp", true)]
    });
    let bounds: Vec<_> = tracker.latencies()[0]
        .buckets
        .iter()
        .map(|(bound, _)| *bound)
        .collect();
    assert!(
        bounds.windows(2).all(|pair| pair[1] == 2 * pair[0]),
        "{bounds:?}"
    );
}

#[test]
fn clients_are_told_by_their_peer_ids_and_by_their_own_word() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce_as(http, "qBittorrent/4.6.5", "-qB4650-abcdefghijkl");
    announce_as(http, "qBittorrent/4.6.5", "-qB4650-bbcdefghijkl");
    announce_as(http, "<b>", "%00%01%02aaaaaaaaaaaaaaaaa");
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&UdpAnnounce {
        peer_id: *b"-TR4060-abcdefghijkl",
        ..UdpAnnounce::default()
    });
    let mut seen = Usage::default();
    until("all are seen", || {
        let usage = tracker.take_usage();
        seen.clients.extend(usage.clients);
        seen.agents.extend(usage.agents);
        seen.clients.iter().map(|(_, count)| count).sum::<u64>() == 4
    });
    let names = |rows: Vec<(Vec<u8>, u64)>| -> Vec<String> {
        let text = |(name, _): (Vec<u8>, u64)| String::from_utf8(name).expect("plain letters");
        let mut names: Vec<_> = rows.into_iter().map(text).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    assert_eq!(names(seen.clients), ["", "-TR4060-", "-qB4650-"]);
    assert_eq!(names(seen.agents), ["<b>", "qBittorrent/4.6.5"]);
    assert_eq!(tracker.take_usage(), Usage::default());
}

#[test]
fn what_is_refused_is_told_with_its_torrent_its_address_and_its_client() {
    let tracker = serve(config());
    tracker.allow(Some([[1; 20]]));
    announce(tracker.http_addresses()[1], "");
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&UdpAnnounce::default());
    // Who does not prove where it is may have written somebody else's address.
    client.ask(&crate::common::packet(client.id + 1, 1, &[b'a'; 82]));
    let mut seen = Usage::default();
    until("both are seen", || {
        let usage = tracker.take_usage();
        seen.refused_torrents.extend(usage.refused_torrents);
        seen.refused_addresses.extend(usage.refused_addresses);
        seen.refused_clients.extend(usage.refused_clients);
        seen.refused_addresses.len() == 2
    });
    let torrents: u64 = seen.refused_torrents.iter().map(|row| row.2).sum();
    assert_eq!(torrents, 2);
    assert!(
        seen.refused_torrents
            .iter()
            .all(|row| (row.0, row.1) == ("torrent", INFOHASH))
    );
    let addresses: Vec<_> = seen
        .refused_addresses
        .iter()
        .map(|row| row.1.to_string())
        .collect();
    assert_eq!(sorted(addresses), ["127.0.0.1", "::"]);
    assert!(seen.refused_clients.iter().all(|row| row.1 == b"-XX0001-"));
}

#[test]
fn strangers_who_make_up_names_fill_no_more_than_a_table() {
    let tracker = serve(Config {
        http: vec![address(V4)],
        workers: 1,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    let mut stream = connect(http);
    for number in 0..1000 {
        if number % 500 == 0 {
            stream = connect(http);
        }
        let target = announce_target("").replace("-XX0001-", &format!("-X{number:05}-"));
        let request = format!("GET {target} HTTP/1.1\r\nHost: t\r\nUser-Agent: {number}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        read_answer(&mut stream);
    }
    let usage = tracker.take_usage();
    assert!(usage.clients.len() <= 128 && usage.agents.len() <= 128);
    assert!(usage.clients.len() > 100, "{}", usage.clients.len());
}

#[test]
fn announces_are_counted_by_key_through_changes_of_the_list() {
    let tracker = serve(config());
    let keys = |names: &[&str]| {
        Some(
            names
                .iter()
                .map(|name| name.as_bytes().to_vec())
                .collect::<Vec<_>>(),
        )
    };
    tracker.set_keys(keys(&["one", "two"]));
    let http = tracker.http_addresses()[0];
    let target = announce_target("");
    for key in ["one", "one", "none"] {
        get(http, &format!("/{key}{target}"));
    }
    get(http, "/two/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    tracker.set_keys(keys(&["one", "three"]));
    get(http, &format!("/one{target}"));
    let uses = tracker.take_key_uses();
    assert_eq!(uses.len(), 1);
    assert_eq!((&uses[0].0[..], uses[0].1), (&b"one"[..], 3));
    assert!(uses[0].2 <= 60);
    assert!(tracker.take_key_uses().is_empty());
    tracker.set_keys(None::<Vec<Vec<u8>>>);
    assert!(tracker.take_key_uses().is_empty());
}
