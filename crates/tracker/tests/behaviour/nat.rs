//! Peers are given out once the tracker has reached them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::common::{
    INFOHASH, PATIENCE, UdpAnnounce, UdpClient, V4, V6, address, announce, config, count, counted,
    drained, get, serve, until, vector,
};
use outpour_tracker::{Config, Tracker};

fn checking(attempts: u32) -> Tracker {
    serve(Config {
        nat_check_attempts: attempts,
        log_max: 100,
        ..config()
    })
}

fn handshake() -> Vec<u8> {
    vector!(hex, "bep03_handshake.hex", "answer")
}

/// A peer at a port of its own that answers each handshake with these bytes, once it has come.
fn peer(own: &str, answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind(own).expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let mut request = [0; 68];
            stream.read_exact(&mut request).expect("a handshake");
            assert_eq!(request[..], vector!(hex, "bep03_handshake.hex", "request"));
            stream.write_all(&answer).expect("sent");
        }
    });
    address
}

fn join(tracker: &Tracker, port: u16) -> crate::common::Reply {
    announce(tracker.http_addresses()[0], &format!("&left=0&port={port}"))
}

/// The peers that a leecher, who cannot be reached itself, is given.
fn given(tracker: &Tracker) -> Vec<SocketAddr> {
    announce(tracker.http_addresses()[0], "&left=5&port=2").peers()
}

fn checked(tracker: &Tracker, checks: u64) {
    until("the checks ended", || {
        tracker.logged(0);
        count(tracker, "nat_checks") >= checks
    });
}

#[test]
fn a_peer_is_given_out_once_it_answered_and_counts_before() {
    let tracker = checking(3);
    let peer = peer(V4, handshake());
    let reply = join(&tracker, peer.port());
    assert_eq!(reply.counts(), (1, 0, 0));
    until("the peer is given out", || given(&tracker) == [peer]);
    let reply = announce(tracker.http_addresses()[0], "&left=5&port=3");
    assert_eq!(reply.counts(), (1, 2, 0));
    assert_eq!(tracker.torrents(), [(INFOHASH, tracker.torrents()[0].1)]);
    assert_eq!(tracker.torrents()[0].1.complete, 1);
    assert_eq!(tracker.torrents_page(0, 9).0.len(), 1);
    assert_eq!(tracker.peers(&INFOHASH, 9).len(), 3);
}

#[test]
fn a_peer_that_nobody_reached_yet_is_given_the_origins() {
    let tracker = checking(3);
    let origin = address("127.0.0.1:7");
    tracker.set_origins(&[origin]);
    let reply = announce(tracker.http_addresses()[0], "&left=5&port=2");
    assert_eq!(reply.peers(), [origin]);
}

#[test]
fn a_peer_is_reached_over_ipv6_and_announces_over_udp_as_well() {
    let tracker = checking(3);
    let peer = peer(V6, handshake());
    let client = UdpClient::connect(tracker.udp_addresses()[1]);
    client.announce(&UdpAnnounce {
        port: peer.port(),
        left: 0,
        ..UdpAnnounce::default()
    });
    until("the peer is given out", || given(&tracker) == [peer]);
    let scrape = client.scrape(&[INFOHASH]);
    assert_eq!(scrape[8..12], [0, 0, 0, 1], "counted once");
}

#[test]
fn a_peer_that_cannot_be_reached_counts_and_is_given_to_nobody() {
    let tracker = checking(2);
    let closed = TcpListener::bind(V4).expect("a port");
    let port = closed.local_addr().expect("bound").port();
    drop(closed);
    for attempt in 1..=2 {
        assert_eq!(join(&tracker, port).counts(), (1, 0, 0));
        until("it was tried", || {
            count(&tracker, "nat_failures") == attempt
        });
    }
    // It was given up: no announce has it tried again.
    for _ in 0..3 {
        assert_eq!(join(&tracker, port).counts(), (1, 0, 0));
    }
    assert!(given(&tracker).is_empty());
    until("the leecher was tried", || {
        count(&tracker, "nat_failures") == 3
    });
    counted(&tracker, "nat_checks", 3);
    let results: Vec<_> = tracker
        .logged(99)
        .into_iter()
        .filter_map(|row| Some((row.reached?, row.announced?.port)))
        .collect();
    assert_eq!(results, [(false, port), (false, port), (false, 2)]);
}

#[test]
fn a_peer_may_choose_another_peer_id_for_every_connection() {
    let tracker = checking(1);
    let mut answer = handshake();
    answer[67] ^= 1;
    let peer = peer(V4, answer);
    join(&tracker, peer.port());
    until("the peer is given out", || given(&tracker) == [peer]);
}

#[test]
fn an_answer_of_another_torrent_or_protocol_is_none() {
    for at in [0, 5, 30] {
        let tracker = checking(1);
        let mut answer = handshake();
        answer[at] ^= 1;
        join(&tracker, peer(V4, answer).port());
        until("it was refused", || count(&tracker, "nat_failures") == 1);
        assert!(given(&tracker).is_empty(), "byte {at}");
    }
    let tracker = checking(1);
    join(&tracker, peer(V4, handshake()[..67].to_vec()).port());
    until("it was refused", || count(&tracker, "nat_failures") == 1);
}

#[test]
fn peers_that_never_answer_keep_no_others_waiting() {
    let tracker = checking(1);
    let silent = TcpListener::bind(V4).expect("a port");
    let port = silent.local_addr().expect("bound").port();
    let http = tracker.http_addresses()[0];
    // One a torrent, as many as are tried at once but one.
    for number in 0..127u8 {
        let infohash = format!("%{number:02x}").repeat(20);
        announce(http, &format!("&left=0&port={port}&info_hash={infohash}"));
    }
    let talking = peer(V4, handshake());
    join(&tracker, talking.port());
    until("the peer is given out", || given(&tracker) == [talking]);
    drop(silent);
}

#[test]
fn a_stated_address_is_believed_unchecked() {
    let tracker = serve(Config {
        nat_check_attempts: 3,
        believe_every_ip: true,
        ..config()
    });
    announce(tracker.http_addresses()[0], "&left=0&ip=192.0.2.1");
    assert_eq!(given(&tracker), [address("192.0.2.1:6881")]);
    checked(&tracker, 1);
    counted(&tracker, "nat_checks", 1);
}

#[test]
fn what_an_unreached_peer_does_counts() {
    let tracker = checking(1);
    let http = tracker.http_addresses()[0];
    announce(http, "&left=5&port=2&event=started");
    let reply = announce(http, "&left=0&port=2&event=completed");
    assert_eq!(reply.counts(), (1, 0, 1));
    assert_eq!(drained(&tracker), [(INFOHASH, 1)]);
    let (_, scrape) = get(http, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    assert!(
        scrape
            .windows(20)
            .any(|bytes| bytes == b"completei1e10:downlo")
    );
    let reply = announce(http, "&left=0&port=2&event=stopped");
    assert_eq!(reply.counts(), (0, 0, 1));
}

#[test]
fn a_peer_that_stopped_while_it_was_tried_does_not_come_back() {
    let tracker = checking(1);
    let listener = TcpListener::bind(V4).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    join(&tracker, port);
    let (mut stream, _): (TcpStream, _) = listener.accept().expect("a check");
    announce(
        tracker.http_addresses()[0],
        &format!("&left=0&port={port}&event=stopped"),
    );
    stream.write_all(&handshake()).expect("sent");
    until("the check ended", || {
        let rows = tracker.logged(99);
        rows.iter().any(|row| row.reached == Some(true))
    });
    assert!(given(&tracker).is_empty());
}

#[test]
fn nobody_is_tried_unless_it_is_asked_for() {
    let tracker = serve(config());
    let listener = TcpListener::bind(V4).expect("a port");
    listener.set_nonblocking(true).expect("no blocking");
    let address = listener.local_addr().expect("bound");
    join(&tracker, address.port());
    assert_eq!(given(&tracker), [address]);
    assert_eq!(count(&tracker, "nat_checks"), 0);
    assert!(listener.accept().is_err());
}
