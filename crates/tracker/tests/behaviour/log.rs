//! The log of answered requests.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::common::{
    INFOHASH, UdpAnnounce, UdpClient, announce, announce_target, config, count, counted, exchange,
    get, serve,
};
use outpour_tracker::model::Event;
use outpour_tracker::{Announced, Config, Logged, Tracker};

fn logging(log_max: usize) -> Tracker {
    serve(Config {
        log_max,
        full_scrape: true,
        ..config()
    })
}

#[test]
fn nothing_is_logged_unless_there_is_room_for_it() {
    let tracker = serve(config());
    announce(tracker.http_addresses()[0], "");
    assert!(tracker.logged(9).is_empty());
    assert_eq!(count(&tracker, "unlogged"), 0);
}

#[test]
fn an_announce_over_http_is_logged_with_its_line_and_its_client() {
    let tracker = logging(10);
    let before = SystemTime::now();
    let target = announce_target("&left=7&event=started");
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: t\r\nuser-agent: curl/7, really\r\nReferer: http://t/\r\n\
         Connection: close\r\n\r\n"
    );
    let (_, body) = exchange(tracker.http_addresses()[0], request.as_bytes());
    let rows = tracker.logged(9);
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}");
    };
    assert!(row.at >= before && row.at <= before + Duration::from_secs(60));
    assert_eq!(row.ip, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(
        row.announced,
        Some(Announced {
            infohash: INFOHASH,
            peer_id: *b"-XX0001-abcdefghijkl",
            port: 6881,
            downloaded: None,
            left: 7,
            event: Event::Started,
        })
    );
    let http = row.http.as_ref().expect("a line");
    assert_eq!(*http.request, *format!("GET {target} HTTP/1.1").as_bytes());
    assert_eq!(http.user_agent.as_deref(), Some(&b"curl/7, really"[..]));
    assert_eq!(http.referer.as_deref(), Some(&b"http://t/"[..]));
    assert_eq!(http.answer_bytes, body.len());
    assert_eq!(row.refused, None);
    assert!(tracker.logged(9).is_empty(), "a row is taken once");
}

#[test]
fn refusals_and_scrapes_are_logged_too() {
    let tracker = logging(10);
    let http = tracker.http_addresses()[0];
    get(http, "/announce?info_hash=abc");
    get(http, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    tracker.allow(Some([[1; 20]]));
    announce(http, "");
    get(http, "/scrape");
    let rows = tracker.logged(9);
    let failures: Vec<_> = rows.iter().map(|row| row.refused.is_some()).collect();
    assert_eq!(failures, [true, false, true, false]);
    let announced: Vec<_> = rows.iter().map(|row| row.announced.is_some()).collect();
    assert_eq!(announced, [false, false, true, false]);
}

#[test]
fn an_announce_over_udp_is_logged_without_a_line() {
    let tracker = logging(10);
    tracker.deny_clients([b"-YY".to_vec()]);
    let client = UdpClient::connect(tracker.udp_addresses()[1]);
    client.announce(&UdpAnnounce {
        event: 4,
        left: 3,
        port: 1001,
        ..UdpAnnounce::default()
    });
    client.announce(&UdpAnnounce {
        peer_id: *b"-YY0001-abcdefghijkl",
        ..UdpAnnounce::default()
    });
    let rows = tracker.logged(9);
    assert_eq!(rows.len(), 2);
    assert!(rows[0].ip.is_loopback() && rows[0].ip.is_ipv6());
    assert_eq!(rows[0].http, None);
    let announced = rows[0].announced.expect("an announce");
    assert_eq!((announced.event, announced.left), (Event::Paused, 3));
    assert_eq!(announced.port, 1001);
    assert_eq!(
        rows[1].refused,
        Some(("client", "your client is not allowed on this tracker"))
    );
}

#[test]
fn a_full_log_counts_what_it_misses_and_rows_are_taken_from_the_oldest_on() {
    let tracker = logging(3);
    let http = tracker.http_addresses()[0];
    for port in 1..=5 {
        announce(http, &format!("&port={port}"));
    }
    counted(&tracker, "unlogged", 2);
    let ports = |rows: Vec<Logged>| -> Vec<_> {
        let announced = rows.into_iter().filter_map(|row| row.announced);
        announced.map(|announced| announced.port).collect()
    };
    assert_eq!(ports(tracker.logged(2)), [1, 2]);
    announce(http, "&port=6");
    assert_eq!(ports(tracker.logged(9)), [3, 6]);
}

#[test]
fn a_long_line_is_cut() {
    let tracker = logging(3);
    let target = announce_target(&format!("&x={}", "y".repeat(5000)));
    get(tracker.http_addresses()[0], &target);
    let rows = tracker.logged(9);
    assert_eq!(rows[0].http.as_ref().expect("a line").request.len(), 2048);
}

#[test]
fn refused_requests_have_a_log_of_their_own_which_others_do_not_fill() {
    let tracker = serve(Config {
        log_max: 1,
        refusal_log_max: 10,
        requests_per_address_per_s: 8,
        requests_per_address_burst: 8,
        ..config()
    });
    tracker.allow(Some([INFOHASH]));
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    for port in 1001..1005 {
        client.announce(&UdpAnnounce {
            port,
            ..UdpAnnounce::default()
        });
    }
    client.announce(&UdpAnnounce {
        infohash: [2; 20],
        ..UdpAnnounce::default()
    });
    announce(
        tracker.http_addresses()[1],
        "&info_hash=bbbbbbbbbbbbbbbbbbbb",
    );
    client.scrape(&[INFOHASH]);
    let announce = crate::common::packet(client.id, 1, &[b'a'; 82]);
    let mut seen = Vec::new();
    crate::common::until("too many requests are logged", || {
        client.socket.send(&announce).expect("a packet sent");
        seen.extend(tracker.logged_refusals(9));
        seen.iter()
            .any(|row| row.refused.is_some_and(|refused| refused.0 == "rate"))
    });
    assert_eq!(tracker.logged(9).len(), 1);
    let first: Vec<_> = seen[..2]
        .iter()
        .map(|row| row.refused.expect("refused").0)
        .collect();
    assert_eq!(first, ["torrent", "torrent"]);
    assert_eq!(seen[0].announced.expect("an announce").infohash, [2; 20]);
    assert!(seen.iter().all(|row| row.asked == "announce"));
    crate::common::until("what has no room is counted", || {
        client.socket.send(&announce).expect("a packet sent");
        count(&tracker, "unlogged_refusals") > 0
    });
}

#[test]
fn a_refusal_for_want_of_room_is_logged_over_udp_too() {
    let tracker = serve(Config {
        refusal_log_max: 10,
        limits: outpour_tracker::limits::Limits {
            torrents_max: 1,
            ..outpour_tracker::limits::Limits::default()
        },
        ..config()
    });
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    for infohash in [[1; 20], [2; 20]] {
        client.announce(&UdpAnnounce {
            infohash,
            ..UdpAnnounce::default()
        });
    }
    let rows = tracker.logged_refusals(9);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].refused.expect("refused").0, "full");
    assert_eq!(rows[0].announced.expect("an announce").infohash, [2; 20]);
}

#[test]
fn of_a_sample_the_first_is_logged_and_one_in_so_many_after_it() {
    let tracker = serve(Config {
        log_sample: 3,
        workers: 1,
        log_max: 10,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    for port in 1001..=1007 {
        announce(http, &format!("&port={port}"));
    }
    let ports: Vec<_> = tracker
        .logged(9)
        .into_iter()
        .filter_map(|row| row.announced)
        .collect();
    let ports: Vec<_> = ports.iter().map(|announced| announced.port).collect();
    assert_eq!(ports, [1001, 1004, 1007]);
    assert_eq!(count(&tracker, "unlogged"), 0);
}
