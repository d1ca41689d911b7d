//! The UDP protocol against real sockets.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::common::{
    INFOHASH, TRANSACTION, UdpAnnounce, UdpClient, V4, address, announce, compact, config, count,
    counted, packet, serve, text_of_error, until,
};
use outpour_tracker::Config;

fn from(port: u16, left: u64) -> UdpAnnounce {
    UdpAnnounce {
        left,
        port,
        ..UdpAnnounce::default()
    }
}

#[test]
fn bep15_a_connect_is_answered_with_its_transaction_id() {
    let tracker = serve(config());
    for address in tracker.udp_addresses() {
        UdpClient::connect(*address);
    }
    counted(&tracker, "connects_udp", 2);
}

#[test]
fn bep15_an_announce_gives_interval_counts_and_the_other_peers() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&from(1001, 0));
    client.announce(&from(1002, 5));
    let answer = client.announce(&from(1003, 5));
    assert_eq!(
        answer[..8],
        [[0, 0, 0, 1], TRANSACTION.to_be_bytes()].concat()
    );
    assert_eq!(answer[8..20], [0, 0, 7, 8, 0, 0, 0, 2, 0, 0, 0, 1]);
    assert_eq!(
        compact::<6, 4>(&answer[20..]),
        [address("127.0.0.1:1001"), address("127.0.0.1:1002")]
    );
}

#[test]
fn bep15_over_ipv6_peers_have_18_bytes() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[1]);
    client.announce(&from(1001, 0));
    let answer = client.announce(&from(1002, 5));
    assert_eq!(compact::<18, 16>(&answer[20..]), [address("[::1]:1001")]);
}

#[test]
fn bep15_both_families_are_counted_together_and_each_gets_its_own_peers() {
    let tracker = serve(config());
    let four = UdpClient::connect(tracker.udp_addresses()[0]);
    let six = UdpClient::connect(tracker.udp_addresses()[1]);
    four.announce(&from(1001, 0));
    let answer = six.announce(&from(1002, 5));
    assert_eq!(answer[12..20], [0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(answer.len(), 20);
}

#[test]
fn bep15_a_stopped_peer_is_gone_from_the_next_answer_and_gets_no_peers() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&from(1001, 0));
    client.announce(&from(1002, 5));
    let stopped = UdpAnnounce {
        event: 3,
        ..from(1001, 0)
    };
    assert_eq!(client.announce(&stopped).len(), 20);
    let answer = client.announce(&from(1003, 5));
    assert_eq!(compact::<6, 4>(&answer[20..]), [address("127.0.0.1:1002")]);
}

#[test]
fn bep15_numwant_is_honoured_and_minus_one_is_the_default() {
    let tracker = serve(Config {
        peers_per_answer: 7,
        peers_per_answer_max: 9,
        ..config()
    });
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let peers = |numwant| {
        let answer = client.announce(&UdpAnnounce {
            numwant,
            ..from(999, 5)
        });
        (answer.len() - 20) / 6
    };
    for port in 1001..=1020 {
        client.announce(&from(port, 5));
    }
    assert_eq!([0, 3, 9, 200, -1, i32::MIN].map(peers), [0, 3, 9, 9, 7, 7]);
}

#[test]
fn bep15_a_scrape_gives_counts_in_its_own_order_and_zeros_for_the_unknown() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&from(1001, 0));
    client.announce(&from(1002, 5));
    tracker.set_completed(&[(INFOHASH, 9)]);
    let answer = client.scrape(&[[0; 20], INFOHASH]);
    assert_eq!(
        answer[..8],
        [[0, 0, 0, 2], TRANSACTION.to_be_bytes()].concat()
    );
    assert_eq!(answer[8..20], [0; 12]);
    assert_eq!(answer[20..], [0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1]);
    assert_eq!(client.scrape(&[[1; 20]; 74]).len(), 8 + 12 * 74);
}

#[test]
fn bep15_a_guessed_connection_id_gets_an_error_no_longer_than_the_request() {
    let tracker = serve(config());
    let mut client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.id ^= 1;
    let answer = client.announce(&UdpAnnounce::default());
    assert_eq!(text_of_error(&answer), "connection id expired");
    assert!(client.scrape(&[INFOHASH]).len() <= 36);
    assert!(tracker.torrents().is_empty());
}

#[test]
fn bep15_the_connection_id_of_another_address_proves_nothing() {
    let tracker = serve(config());
    let other = UdpClient::connect_from(tracker.udp_addresses()[0], "127.0.0.2:0");
    let mut client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.id = other.id;
    let answer = client.announce(&UdpAnnounce::default());
    assert_eq!(text_of_error(&answer), "connection id expired");
}

#[test]
fn bep15_a_peer_that_cannot_be_reached_is_given_peers_and_given_to_nobody() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&from(1002, 0));
    for port in [0, 1] {
        let answer = client.announce(&from(port, 5));
        assert_eq!(compact::<6, 4>(&answer[20..]), [address("127.0.0.1:1002")]);
    }
    assert_eq!(client.announce(&from(1002, 5)).len(), 20);
    counted(&tracker, "refused_malformed", 0);
}

#[test]
fn bep15_the_address_field_is_ignored() {
    let tracker = serve(Config {
        private_networks: true,
        ..config()
    });
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&UdpAnnounce {
        ip: [192, 0, 2, 1],
        ..UdpAnnounce::default()
    });
    assert_eq!(
        tracker.peers(&INFOHASH, 9)[0].address,
        address("127.0.0.1:6881")
    );
}

#[test]
fn bep15_garbage_is_dropped_and_the_next_client_served() {
    let tracker = serve(config());
    let socket = UdpSocket::bind(V4).expect("a socket");
    socket.connect(tracker.udp_addresses()[0]).expect("a route");
    for length in [0, 1, 15, 16, 97, 2000] {
        socket.send(&vec![0xff; length]).expect("a packet sent");
    }
    until("all dropped", || count(&tracker, "dropped_udp") == 6);
    UdpClient::connect(tracker.udp_addresses()[0]);
    let wait = Some(Duration::from_millis(50));
    socket.set_read_timeout(wait).expect("a timeout");
    assert!(socket.recv(&mut [0; 9]).is_err());
}

#[test]
fn bep21_event_4_counts_as_an_incomplete_peer_that_has_all_it_wants() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let paused = UdpAnnounce {
        event: 4,
        ..from(1001, 5)
    };
    client.announce(&from(1002, 0));
    let answer = client.announce(&paused);
    assert_eq!(answer[..4], [0, 0, 0, 1]);
    assert_eq!(answer[12..20], [0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(answer.len(), 20, "a partial seed needs no seeds");
    assert!(tracker.peers(&INFOHASH, 9).iter().any(|peer| peer.partial));
}

#[test]
fn bep41_the_key_comes_in_the_url_data() {
    let tracker = serve(config());
    tracker.set_keys(Some(vec![b"KEY".to_vec()]));
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let with = |url: &str| {
        let mut options = vec![2, url.len() as u8];
        options.extend_from_slice(url.as_bytes());
        client.announce(&UdpAnnounce {
            options,
            ..UdpAnnounce::default()
        })
    };
    assert_eq!(with("/KEY/announce?x=1")[..4], [0, 0, 0, 1]);
    assert_eq!(
        text_of_error(&with("/YEK/announce")),
        "the key is not known to this tracker"
    );
    let answer = client.announce(&UdpAnnounce::default());
    assert_eq!(
        text_of_error(&answer),
        "this tracker needs a key: announce to /KEY/announce"
    );
}

#[test]
fn an_unlisted_torrent_is_refused_over_udp_in_the_classic_words() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    tracker.allow(Some([[b'b'; 20]]));
    until("the list arrived", || {
        client.announce(&UdpAnnounce::default())[..4] == [0, 0, 0, 3]
    });
    assert_eq!(
        text_of_error(&client.announce(&UdpAnnounce::default())),
        "Requested download is not authorized for use with this tracker."
    );
    assert_eq!(client.scrape(&[INFOHASH])[8..], [0; 12]);
    assert!(tracker.torrents().is_empty());
}

#[test]
fn a_denied_client_is_turned_away() {
    let tracker = serve(Config {
        denied_clients: vec![b"-XX".to_vec()],
        ..config()
    });
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    assert_eq!(
        text_of_error(&client.announce(&UdpAnnounce::default())),
        "your client is not allowed on this tracker"
    );
}

#[test]
fn on_a_wildcard_address_the_answer_comes_from_where_the_packet_went() {
    let tracker = serve(Config {
        udp: vec![address("0.0.0.0:0"), address("[::]:0")],
        http: Vec::new(),
        ..config()
    });
    let port = tracker.udp_addresses()[0].port();
    for last in [1, 7, 200] {
        // A connected socket takes packets of that one address only.
        UdpClient::connect(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port)));
    }
    UdpClient::connect(address(&format!("[::1]:{port}")));
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let tracker = serve(config());
    let udp = tracker.udp_addresses()[0];
    let clients: Vec<_> = (1..=20).map(|_| UdpClient::connect(udp)).collect();
    // No more at once than the smallest buffer of a socket holds while its worker has no CPU.
    for round in 0..5 {
        for client in &clients {
            for port in 1..=10 {
                client
                    .socket
                    .send(&packet(client.id, 2, &[10 * round + port; 20]))
                    .expect("a packet sent");
            }
        }
        for client in &clients {
            for _ in 1..=10 {
                assert_eq!(client.socket.recv(&mut [0; 64]).expect("an answer"), 20);
            }
        }
    }
    counted(&tracker, "scrapes_udp", 1000);
}

#[test]
fn one_swarm_is_shared_by_udp_and_http() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&from(1001, 0));
    let reply = announce(tracker.http_addresses()[0], "&left=5");
    assert_eq!(reply.peers(), [address("127.0.0.1:1001")]);
}

#[test]
fn an_address_that_asks_too_often_is_left_without_answers() {
    let tracker = serve(Config {
        requests_per_address_per_s: 1,
        requests_per_address_burst: 3,
        ..config()
    });
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let began = Instant::now();
    for _ in 0..10 {
        client
            .socket
            .send(&packet(client.id, 2, &INFOHASH))
            .expect("a packet sent");
    }
    until("all seen", || {
        count(&tracker, "scrapes_udp") + count(&tracker, "dropped_udp") == 10
    });
    // What came back meanwhile was spent too.
    let most = 4 + began.elapsed().as_secs();
    assert!((3..=most).contains(&count(&tracker, "scrapes_udp")));
}

#[test]
fn a_scrape_over_udp_has_no_room_for_a_key_and_is_refused_where_one_is_needed() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    client.announce(&UdpAnnounce::default());
    assert_eq!(client.scrape(&[INFOHASH])[..4], [0, 0, 0, 2]);
    tracker.set_keys(Some([b"KEY".to_vec()]));
    let answer = client.scrape(&[INFOHASH]);
    let told = text_of_error(&answer);
    assert!(told.contains("needs a key"), "{told}");
    counted(&tracker, "refused_key", 1);
}
