//! Each BEP's own bytes, over real sockets: what is sent and what comes back are in `tests/vectors`.

use std::net::SocketAddr;

use crate::common::{
    TRANSACTION, UdpClient, address, config, exchange, packet, serve, until, vector,
};
use outpour_tracker::model::InfoHash;
use outpour_tracker::{Config, Tracker};

/// The infohash of the vectors.
fn counting() -> InfoHash {
    std::array::from_fn(|at| at as u8)
}

/// A tracker that believes what a proxy on this machine says, and knows some peers.
fn proxied(peers: &[(&str, bool)]) -> Tracker {
    let tracker = serve(Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config()
    });
    insert(&tracker, peers);
    tracker
}

fn insert(tracker: &Tracker, peers: &[(&str, bool)]) {
    let peers: Vec<_> = peers
        .iter()
        .map(|(peer, seeds)| (address(peer), *seeds))
        .collect();
    assert_eq!(tracker.insert(counting(), &peers), peers.len());
    tracker.set_completed(&[(counting(), 5)]);
}

fn over_http(tracker: &Tracker, request: &[u8]) -> Vec<u8> {
    let (head, body) = exchange(tracker.http_addresses()[0], request);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body
}

/// A client with a connection id of its own, and its packet with that id in place of the vector's.
fn over_udp(tracker: SocketAddr, request: &[u8]) -> Vec<u8> {
    let client = UdpClient::connect(tracker);
    client.ask(&[&client.id.to_be_bytes(), &request[8..]].concat())
}

#[track_caller]
fn same(found: &[u8], expected: &[u8]) {
    assert_eq!(
        found.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn bep03_an_announce_as_libtorrent_sends_it() {
    let tracker = serve(config());
    let request = [
        b"GET /announce?".as_slice(),
        &vector!(text, "bep03_announce.txt", "query"),
        b" HTTP/1.1\r\n",
        &vector!(text, "bep03_announce.txt", "head"),
    ]
    .concat();
    let answer = vector!(text, "bep03_announce.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep03_an_unlisted_torrent() {
    let tracker = serve(config());
    tracker.allow(Some([[b'z'; 20]]));
    let request = vector!(text, "bep03_failure_reason.txt", "request");
    let answer = vector!(text, "bep03_failure_reason.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep03_peers_as_dictionaries() {
    let tracker = proxied(&[("192.0.2.1:6881", true), ("[2001:db8::1]:6881", false)]);
    let request = vector!(text, "bep03_peers.txt", "request");
    let answer = vector!(text, "bep03_peers.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep07_peers_of_both_families() {
    let tracker = proxied(&[("192.0.2.1:6881", true), ("[2001:db8::1]:6881", false)]);
    let request = vector!(text, "bep07_peers6.txt", "request");
    let answer = vector!(text, "bep07_peers6.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep15_connect() {
    let tracker = serve(config());
    let answer = vector!(hex, "bep15_connect.hex", "answer");
    for udp in tracker.udp_addresses() {
        let client = UdpClient::connect(*udp);
        let found = client.ask(&vector!(hex, "bep15_connect.hex", "request"));
        assert_eq!(found.len(), answer.len());
        same(&found[..8], &answer[..8]);
    }
}

#[test]
fn bep15_announce_over_ipv4() {
    let tracker = serve(config());
    insert(
        &tracker,
        &[("192.0.2.1:6881", true), ("[2001:db8::1]:6881", false)],
    );
    let request = vector!(hex, "bep15_announce.hex", "request");
    let answer = vector!(hex, "bep15_announce.hex", "answer");
    same(&over_udp(tracker.udp_addresses()[0], &request), &answer);
}

#[test]
fn bep15_announce_over_ipv6() {
    let tracker = serve(config());
    insert(
        &tracker,
        &[("192.0.2.1:6881", false), ("[2001:db8::1]:6881", true)],
    );
    let request = vector!(hex, "bep15_announce.hex", "request");
    let answer = vector!(hex, "bep15_announce_ipv6.hex", "answer");
    same(&over_udp(tracker.udp_addresses()[1], &request), &answer);
}

#[test]
fn bep15_scrape() {
    let tracker = serve(config());
    insert(
        &tracker,
        &[
            ("192.0.2.1:1001", true),
            ("192.0.2.2:1001", false),
            ("[2001:db8::1]:1001", false),
        ],
    );
    let request = vector!(hex, "bep15_scrape.hex", "request");
    let answer = vector!(hex, "bep15_scrape.hex", "answer");
    for udp in tracker.udp_addresses() {
        same(&over_udp(*udp, &request), &answer);
    }
}

#[test]
fn bep15_error() {
    let tracker = serve(config());
    tracker.allow(Some([]));
    let request = vector!(hex, "bep15_announce.hex", "request");
    let answer = vector!(hex, "bep15_error.hex", "answer");
    same(&over_udp(tracker.udp_addresses()[0], &request), &answer);
}

#[test]
fn bep15_events() {
    let tracker = serve(config());
    let udp = tracker.udp_addresses()[0];
    let says = |event: &[u8], left: u64| {
        let mut request = vector!(hex, "bep15_announce.hex", "request");
        request[64..72].copy_from_slice(&left.to_be_bytes());
        request[80..84].copy_from_slice(event);
        assert_eq!(over_udp(udp, &request)[..4], [0, 0, 0, 1]);
        let torrents = tracker.torrents();
        torrents
            .first()
            .map(|(_, counts)| (counts.complete, counts.incomplete, counts.downloaded))
    };
    let started = says(&vector!(hex, "bep15_event.hex", "started"), 2);
    assert_eq!(started, Some((0, 1, 0)));
    let goes_on = says(&vector!(hex, "bep15_event.hex", "none"), 1);
    assert_eq!(goes_on, Some((0, 1, 0)));
    for _ in 0..2 {
        let completed = says(&vector!(hex, "bep15_event.hex", "completed"), 0);
        assert_eq!(completed, Some((1, 0, 1)));
    }
    let stopped = says(&vector!(hex, "bep15_event.hex", "stopped"), 0);
    assert_eq!(stopped, Some((0, 0, 1)));
}

#[test]
fn bep15_an_id_is_good_for_15_minutes_by_default() {
    assert_eq!(Config::default().connection_id_lifetime_s, 15 * 60);
}

#[test]
fn bep21_event_4_over_udp_and_paused_over_http_are_partial_seeds() {
    let tracker = serve(config());
    let mut request = vector!(hex, "bep15_announce.hex", "request");
    request[16..36].fill(b'a');
    request[80..84].copy_from_slice(&vector!(hex, "bep15_event.hex", "paused"));
    let udp = over_udp(tracker.udp_addresses()[1], &request);
    assert_eq!(udp[..4], [0, 0, 0, 1]);
    over_http(&tracker, &vector!(text, "bep21_scrape.txt", "paused"));
    tracker.insert(
        [b'a'; 20],
        &[
            (address("192.0.2.1:1001"), false),
            (address("192.0.2.2:1001"), false),
        ],
    );
    let found = over_http(&tracker, &vector!(text, "bep21_scrape.txt", "request"));
    same(&found, &vector!(text, "bep21_scrape.txt", "answer"));
}

#[test]
fn bep23_compact_peers() {
    let tracker = proxied(&[("192.0.2.1:6881", false), ("[2001:db8::1]:6881", true)]);
    let request = vector!(text, "bep23_peers.txt", "request");
    let answer = vector!(text, "bep23_peers.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep24_the_address_that_the_tracker_sees() {
    let tracker = proxied(&[]);
    tracker.forget(&counting());
    let request = vector!(text, "bep24_external_ip.txt", "request4");
    let answer = vector!(text, "bep24_external_ip.txt", "answer4");
    same(&over_http(&tracker, &request), &answer);
    let request = vector!(text, "bep24_external_ip.txt", "request6");
    let answer = vector!(text, "bep24_external_ip.txt", "answer6");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep31_when_to_ask_again() {
    let tracker = serve(Config {
        requests_per_address_per_s: 1,
        requests_per_address_burst: 1,
        ..config()
    });
    let request = vector!(text, "bep31_retry_in.txt", "request");
    let answer = vector!(text, "bep31_retry_in.txt", "answer");
    let mut found = Vec::new();
    until("it was too often", || {
        found = over_http(&tracker, &request);
        found.starts_with(b"d14:failure reason")
    });
    same(&found, &answer);
}

#[test]
fn bep41_the_path_of_the_announce_url_has_the_key() {
    let tracker = serve(config());
    let udp = tracker.udp_addresses()[0];
    let mut request = vector!(hex, "bep15_announce.hex", "request");
    request.extend_from_slice(&vector!(hex, "bep41_url_data.hex", "options"));
    tracker.set_keys(Some([b"KEY".to_vec()]));
    assert_eq!(over_udp(udp, &request)[..4], [0, 0, 0, 1]);
    tracker.set_keys(Some([b"YEK".to_vec()]));
    assert_eq!(over_udp(udp, &request)[..4], [0, 0, 0, 3]);
}

#[test]
fn bep48_a_scrape() {
    let tracker = serve(config());
    insert(
        &tracker,
        &[
            ("192.0.2.1:1001", true),
            ("192.0.2.2:1001", false),
            ("[2001:db8::1]:1001", false),
        ],
    );
    tracker.allow(Some([counting(), [0xff; 20]]));
    let request = vector!(text, "bep48_scrape.txt", "request");
    let answer = vector!(text, "bep48_scrape.txt", "answer");
    same(&over_http(&tracker, &request), &answer);
}

#[test]
fn bep52_trackers_get_the_first_20_bytes_of_a_v2_infohash_over_both_protocols() {
    let whole = vector!(hex, "bep52_infohash.hex", "infohash");
    let truncated = vector!(hex, "bep52_infohash.hex", "truncated");
    assert_eq!((whole.len(), &whole[..20]), (32, truncated.as_slice()));
    let tracker = serve(config());
    let mut request = vector!(hex, "bep15_announce.hex", "request");
    request[16..36].copy_from_slice(&truncated);
    over_udp(tracker.udp_addresses()[0], &request);
    let escaped: String = truncated
        .iter()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let target =
        format!("/announce?info_hash={escaped}&peer_id=-XX0001-abcdefghijkl&port=1001&left=0");
    crate::common::get(tracker.http_addresses()[0], &target);
    let torrents = tracker.torrents();
    assert_eq!(torrents.len(), 1);
    assert_eq!(torrents[0].0.as_slice(), truncated);
    assert_eq!((torrents[0].1.complete, torrents[0].1.incomplete), (1, 1));
}

#[test]
fn http_heads_say_version_length_and_whether_the_connection_stays() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    for (version, field, expected) in [
        ("1.1", "", vector!(text, "http_heads.txt", "kept")),
        (
            "1.1",
            "Connection: close\r\n",
            vector!(text, "http_heads.txt", "closed"),
        ),
        (
            "1.0",
            "Connection: keep-alive\r\n",
            vector!(text, "http_heads.txt", "kept_1_0"),
        ),
        ("1.0", "", vector!(text, "http_heads.txt", "closed_1_0")),
    ] {
        for method in ["GET", "HEAD"] {
            let request = format!("{method} /announce HTTP/{version}\r\nHost: t\r\n{field}\r\n");
            let mut stream = crate::common::connect(http);
            std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
            stream.shutdown(std::net::Shutdown::Write).expect("open");
            let mut answer = Vec::new();
            std::io::Read::read_to_end(&mut stream, &mut answer).expect("an answer");
            let (head, body) = crate::common::split(&answer);
            let length = b"d14:failure reason20:info_hash is missinge".len();
            assert_eq!(body.len(), if method == "GET" { length } else { 0 });
            let head = head.replace(&format!("Length: {length}"), "Length: 5");
            same(format!("{head}\r\n\r\n").as_bytes(), &expected);
        }
    }
}

#[test]
fn key_and_what_else_a_tracker_has_no_use_for_changes_nothing() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    for parameters in [
        "",
        "&key=1",
        "&key=DEADBEEF&uploaded=-1&downloaded=x&corrupt=0&redundant=0&supportcrypto=1",
        "&key=other&key=&no_peer_id=0&cryptoport=1&azudp=2&lang=en&x%3dy&&=&%",
    ] {
        let reply = crate::common::announce(http, &format!("&left=5{parameters}"));
        assert_eq!(reply.counts(), (0, 1, 0), "{parameters}");
    }
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    for key in [0u32, 1, u32::MAX] {
        let mut request = vector!(hex, "bep15_announce.hex", "request");
        request[16..36].fill(b'a');
        request[88..92].copy_from_slice(&key.to_be_bytes());
        let answer = client.ask(&packet(client.id, 1, &request[16..]));
        assert_eq!(answer[4..8], TRANSACTION.to_be_bytes());
        assert_eq!(answer[12..20], [0, 0, 0, 1, 0, 0, 0, 0]);
    }
}

#[test]
fn numwant_is_honoured_over_http_up_to_the_most_that_is_given() {
    let tracker = serve(Config {
        peers_per_answer: 7,
        peers_per_answer_max: 9,
        ..config()
    });
    let peers: Vec<_> = (1..=30)
        .map(|port| (SocketAddr::from(([192, 0, 2, 1], port)), false))
        .collect();
    tracker.insert([b'a'; 20], &peers);
    let given = |numwant: &str| {
        let http = tracker.http_addresses()[0];
        crate::common::announce(http, &format!("&left=5{numwant}"))
            .peers()
            .len()
    };
    let asked = [
        "",
        "&numwant=0",
        "&numwant=3",
        "&numwant=9",
        "&numwant=200",
        "&numwant=-1",
    ];
    assert_eq!(asked.map(given), [7, 0, 3, 9, 9, 7]);
}
