//! What the owner of a tracker sees of its store and puts into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::common::{
    INFOHASH, UdpAnnounce, UdpClient, address, announce, config, counted, drained, serve,
};
use outpour_tracker::Config;
use outpour_tracker::model::InfoHash;

fn numbered(number: u32) -> InfoHash {
    let mut infohash = [7; 20];
    infohash[..4].copy_from_slice(&number.to_be_bytes());
    infohash
}

#[test]
fn a_torrent_of_two_infohashes_counts_each_peer_once() {
    let tracker = serve(config());
    let udp = UdpClient::connect(tracker.udp_addresses()[0]);
    let other = [9; 20];
    assert_eq!(tracker.counts(&[INFOHASH, other]), None);
    for (infohash, port, left) in [
        (INFOHASH, 1001, 0),
        (INFOHASH, 1002, 5),
        (INFOHASH, 1003, 5),
        (other, 1002, 0),
        (other, 1003, 5),
        (other, 1004, 5),
    ] {
        udp.announce(&UdpAnnounce {
            infohash,
            left,
            port,
            ..UdpAnnounce::default()
        });
    }
    let counts = tracker.counts(&[INFOHASH, other]).expect("a torrent");
    assert_eq!((counts.complete, counts.incomplete), (2, 2));
    let one = tracker.counts(&[INFOHASH]).expect("a torrent");
    assert_eq!((one.complete, one.incomplete), (1, 2));
    assert_eq!(tracker.counts(&[INFOHASH, [7; 20]]), Some(one));
}

#[test]
fn pages_hold_every_torrent_once_however_small_they_are() {
    let tracker = serve(config());
    for number in 0..2000 {
        tracker.insert(numbered(number), &[(address("192.0.2.1:6881"), true)]);
    }
    for limit in [0, 1, 100, 1999, 2000, 1_000_000] {
        let (mut seen, mut from, mut pages) = (Vec::new(), Some(0), 0);
        while let Some(at) = from {
            let (page, next) = tracker.torrents_page(at, limit);
            assert!(page.len() >= limit.min(2000 - seen.len()) || next.is_none());
            assert!(next.is_none_or(|next| next > at));
            seen.extend(page.into_iter().map(|(infohash, _)| infohash));
            (from, pages) = (next, pages + 1);
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq((0..2000).map(numbered)));
        assert_eq!(pages > 5, limit <= 100, "{limit}");
    }
    assert_eq!(tracker.torrents_page(usize::MAX, 1), (Vec::new(), None));
}

#[test]
fn inserted_peers_are_counted_and_given_like_any_other() {
    let tracker = serve(config());
    let peers = [
        (address("127.0.0.1:1001"), true),
        (address("127.0.0.1:1002"), false),
        (address("[::1]:1003"), false),
    ];
    assert_eq!(tracker.insert(INFOHASH, &peers), 3);
    let reply = announce(tracker.http_addresses()[0], "&left=5&port=9");
    assert_eq!(reply.counts(), (1, 3, 0));
    let given: Vec<SocketAddr> = reply.peers();
    assert_eq!(given, peers.map(|(peer, _)| peer));
    counted(&tracker, "peers_v6", 1);
}

#[test]
fn inserting_twice_adds_nobody_and_the_later_word_counts() {
    let tracker = serve(config());
    let peer = address("192.0.2.1:1001");
    assert_eq!(tracker.insert(INFOHASH, &[(peer, false)]), 1);
    assert_eq!(tracker.insert(INFOHASH, &[(peer, true), (peer, true)]), 0);
    let rows = tracker.peers(&INFOHASH, 9);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].seeder);
    assert_eq!(tracker.torrents()[0].1.complete, 1);
}

#[test]
fn an_inserted_mapped_address_is_an_ipv4_peer_and_port_0_is_nobody() {
    let tracker = serve(config());
    let peers = [
        (address("[::ffff:192.0.2.1]:1001"), true),
        (address("192.0.2.1:1001"), true),
        (address("192.0.2.2:0"), true),
    ];
    assert_eq!(tracker.insert(INFOHASH, &peers), 1);
    assert_eq!(
        tracker.peers(&INFOHASH, 9)[0].address,
        address("192.0.2.1:1001")
    );
    assert_eq!(tracker.insert([1; 20], &[]), 0);
    assert_eq!(tracker.torrents().len(), 1);
}

#[test]
fn inserted_private_peers_are_kept_from_those_who_cannot_reach_them() {
    let tracker = serve(Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config()
    });
    let private = (address("10.0.0.7:1001"), true);
    let public = (address("192.0.2.7:1002"), true);
    tracker.insert(INFOHASH, &[private, public]);
    let http = tracker.http_addresses()[0];
    let request = format!(
        "GET {} HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n",
        crate::common::announce_target("&left=5")
    );
    let (_, body) = crate::common::exchange(http, request.as_bytes());
    assert_eq!(crate::common::Reply::parse(&body).peers(), [public.0]);
    assert_eq!(announce(http, "&left=5").peers().len(), 3);
}

#[test]
fn inserting_completes_nothing_and_heeds_the_limits() {
    let mut config = config();
    config.limits.peers_per_torrent_max = 2;
    let tracker = serve(config);
    let peers: Vec<_> = (1..=9)
        .map(|port| (([192, 0, 2, 1], port).into(), true))
        .collect();
    assert_eq!(tracker.insert(INFOHASH, &peers), 2);
    let torrents: BTreeMap<_, _> = tracker.torrents().into_iter().collect();
    assert_eq!(torrents[&INFOHASH].complete, 2);
    assert_eq!(torrents[&INFOHASH].downloaded, 0);
    assert!(drained(&tracker).is_empty());
}
