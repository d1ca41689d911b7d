//! Ports, threads and state: how a tracker begins and ends.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};

use crate::common::{
    INFOHASH, UdpAnnounce, UdpClient, V4, address, announce, config, connect, count, counted, get,
    serve,
};
use outpour_tracker::{Config, Tracker};

#[test]
fn every_port_0_becomes_one_number() {
    let tracker = Tracker::bind(config()).expect("free ports");
    let all = [tracker.http_addresses(), tracker.udp_addresses()].concat();
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|address| address.port() == all[0].port()));
    assert_ne!(all[0].port(), 0);
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_stays_bound() {
    let tcp = TcpListener::bind(V4).expect("a listener");
    let udp = UdpSocket::bind(V4).expect("a socket");
    for (http, packets) in [
        (vec![tcp.local_addr().expect("bound")], vec![]),
        (vec![], vec![udp.local_addr().expect("bound")]),
    ] {
        let taken = http.iter().chain(&packets).copied().next();
        let error = Tracker::bind(Config {
            http,
            udp: packets,
            ..config()
        })
        .err()
        .expect("a refusal");
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(Some(error.address), taken);
    }
}

#[test]
fn a_second_tracker_cannot_share_the_port_of_the_first() {
    let first = serve(config());
    let refused = Tracker::bind(Config {
        http: first.http_addresses().to_vec(),
        udp: Vec::new(),
        ..config()
    });
    assert!(refused.is_err());
    let refused = Tracker::bind(Config {
        http: Vec::new(),
        udp: first.udp_addresses().to_vec(),
        ..config()
    });
    assert!(refused.is_err());
}

#[test]
fn a_stopped_tracker_frees_its_port_without_waiting_for_anyone_and_keeps_its_store() {
    let tracker = serve(config());
    let http = tracker.http_addresses().to_vec();
    announce(http[0], "&left=5");
    let mut kept = connect(http[0]);
    io::Write::write_all(&mut kept, b"GET /announce").expect("sent");
    tracker.stop();
    // A connection that says nothing more is given up after five seconds, and was not.
    assert_eq!(count(&tracker, "timed_out_http"), 0);
    assert!(TcpStream::connect(http[0]).is_err());
    assert_eq!(tracker.torrents().len(), 1);
    tracker.stop();
    assert!(tracker.start().is_err());
    let again = serve(Config {
        http,
        udp: Vec::new(),
        ..config()
    });
    announce(again.http_addresses()[0], "&left=5");
}

#[test]
fn what_arrives_before_the_start_is_answered_after_it() {
    let tracker = Tracker::bind(config()).expect("free ports");
    let mut stream = connect(tracker.http_addresses()[0]);
    io::Write::write_all(&mut stream, b"GET /scrape HTTP/1.0\r\n\r\n").expect("sent");
    tracker.start().expect("threads");
    let mut answer = String::new();
    io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    assert!(tracker.start().is_err());
}

#[test]
fn a_dropped_tracker_has_stopped() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    drop(tracker);
    assert!(TcpStream::connect(http).is_err());
}

#[test]
fn counters_add_up_over_the_workers() {
    let tracker = serve(config());
    for _ in 0..20 {
        announce(tracker.http_addresses()[0], "&left=5");
        let client = UdpClient::connect(tracker.udp_addresses()[0]);
        client.announce(&UdpAnnounce::default());
    }
    counted(&tracker, "announces_http", 20);
    counted(&tracker, "announces_udp", 20);
    counted(&tracker, "connects_udp", 20);
    counted(&tracker, "bytes_in_udp", 20 * (16 + 98));
    counted(&tracker, "torrents", 1);
}

#[test]
fn ipv4_and_ipv6_share_a_number_without_sharing_sockets() {
    let tracker = serve(Config {
        http: vec![address("0.0.0.0:0"), address("[::]:0")],
        udp: vec![address("0.0.0.0:0"), address("[::]:0")],
        ..config()
    });
    let port = tracker.http_addresses()[0].port();
    for host in ["127.0.0.1", "[::1]"] {
        let reply = announce(address(&format!("{host}:{port}")), "&left=5");
        assert!(reply.strings.contains_key("external ip"));
    }
    let peers = tracker.peers(&INFOHASH, 9);
    assert_eq!(peers.len(), 2);
    assert!(peers.iter().any(|peer| peer.address.is_ipv4()));
}

#[test]
fn a_tracker_of_one_protocol_is_a_tracker() {
    let tracker = serve(Config {
        http: Vec::new(),
        ..config()
    });
    UdpClient::connect(tracker.udp_addresses()[0]);
    let tracker = serve(Config {
        udp: Vec::new(),
        ..config()
    });
    get(tracker.http_addresses()[0], "/announce");
}
