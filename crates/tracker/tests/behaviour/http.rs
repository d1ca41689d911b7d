//! The HTTP protocol against real sockets.

use crate::common::{
    INFOHASH, Reply, address, announce, announce_target, config, connect, counted, drained,
    exchange, get, read_answer, serve, until, vector,
};
use outpour_tracker::{Config, Network, Tracker};

const UNLISTED: &str = "Requested download is not authorized for use with this tracker.";

#[test]
fn bep03_an_announce_has_interval_counts_and_peers() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0&event=started");
    let reply = announce(http, "&port=1002&left=5");
    assert_eq!(reply.counts(), (1, 1, 0));
    assert_eq!(reply.numbers["interval"], 1800);
    assert_eq!(reply.numbers["min interval"], 300);
    assert_eq!(reply.peers(), [address("127.0.0.1:6881")]);
    assert!(!reply.strings.contains_key("peers6"));
}

#[test]
fn bep03_a_stopped_peer_is_gone_from_the_next_answer() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0");
    assert_eq!(announce(http, "&left=0&event=stopped").counts(), (0, 0, 0));
    assert!(announce(http, "&port=1002&left=5").peers().is_empty());
}

#[test]
fn bep03_a_completed_download_is_counted_and_drained_once() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=5&event=started");
    let reply = announce(http, "&left=0&event=completed");
    assert_eq!(reply.counts(), (1, 0, 1));
    assert_eq!(drained(&tracker), [(INFOHASH, 1)]);
    assert!(drained(&tracker).is_empty());
}

#[test]
fn bep03_the_customary_paths_announce_too() {
    let tracker = serve(config());
    for path in ["/announce.php", "/tracker.php/announce"] {
        let target = announce_target("&left=5").replace("/announce", path);
        let (head, body) = get(tracker.http_addresses()[0], &target);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert_eq!(Reply::parse(&body).counts(), (0, 1, 0));
    }
}

#[test]
fn bep03_a_failure_is_a_bencoded_answer_with_status_200() {
    let tracker = serve(config());
    let (head, body) = get(tracker.http_addresses()[0], "/announce?info_hash=abc");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(Reply::parse(&body).failure(), "info_hash must be 20 bytes");
    counted(&tracker, "errors_http", 1);
}

#[test]
fn bep03_an_unlisted_torrent_is_refused_in_the_classic_words() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    tracker.allow(Some([[b'b'; 20]]));
    assert_eq!(announce(http, "&left=0").failure(), UNLISTED);
    assert!(tracker.torrents().is_empty());
    tracker.allow(Some([INFOHASH]));
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    tracker.deny([INFOHASH]);
    assert_eq!(announce(http, "&left=0").failure(), UNLISTED);
    tracker.allow(None::<[_; 0]>);
    assert_eq!(announce(http, "&left=0").failure(), UNLISTED);
    tracker.deny([]);
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
}

#[test]
fn bep03_a_peer_that_cannot_be_reached_is_given_peers_and_given_to_nobody() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&port=1002&left=0");
    for port in [0, 1] {
        let reply = announce(http, &format!("&port={port}&left=5"));
        assert_eq!(reply.peers(), [address("127.0.0.1:1002")]);
        assert_eq!(reply.counts(), (1, 0, 0));
    }
    assert!(announce(http, "&port=1002&left=5").peers().is_empty());
    let said = format!("&port=0&left=0&event={}", "completed");
    assert_eq!(announce(http, &said).counts().2, 1);
    assert_eq!(announce(http, &said).counts().2, 1);
    counted(&tracker, "refused_malformed", 0);
}

#[test]
fn bep03_the_tracker_id_is_given_back() {
    let tracker = serve(config());
    let reply = announce(tracker.http_addresses()[0], "&trackerid=a%20b");
    assert_eq!(reply.strings["tracker id"], b"a b");
}

#[test]
fn bep07_a_peer_of_either_family_gets_those_of_both() {
    let tracker = serve(config());
    let [four, six] = [0, 1].map(|at| tracker.http_addresses()[at]);
    announce(four, "&port=1001&left=0");
    announce(six, "&port=1002&left=0");
    let both = [address("127.0.0.1:1001"), address("[::1]:1002")];
    for http in [four, six] {
        let reply = announce(http, "&port=1003&left=5");
        assert_eq!(reply.counts().0, 2);
        assert!(both.iter().all(|peer| reply.peers().contains(peer)));
    }
}

#[test]
fn bep07_addresses_of_the_query_are_ignored() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0&ip=192.0.2.1&ipv4=192.0.2.2&ipv6=2001:db8::1");
    let peers = tracker.peers(&INFOHASH, 9);
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].address, address("127.0.0.1:6881"));
}

#[test]
fn bep21_a_paused_peer_is_incomplete_and_needs_no_seeds() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0");
    let reply = announce(http, "&port=1002&left=5&event=paused");
    assert_eq!(reply.counts(), (1, 1, 0));
    assert!(reply.peers().is_empty());
}

#[test]
fn bep21_a_scrape_tells_downloaders_from_partial_seeds_while_there_are_any() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let scrape = || get(http, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa").1;
    for port in 1001..=1003 {
        announce(http, &format!("&port={port}&left=5"));
    }
    announce(tracker.http_addresses()[1], "&left=5&event=paused");
    announce(http, "&port=1001&left=5&event=paused");
    announce(http, "&port=1001&left=5&event=paused");
    assert_eq!(scrape(), vector!(text, "bep21_scrape.txt", "answer"));
    // One wants more after all, the other goes.
    announce(http, "&port=1001&left=5");
    announce(tracker.http_addresses()[1], "&left=5&event=stopped");
    let without = "d8:completei0e10:downloadedi0e10:incompletei3ee";
    let body = scrape();
    assert!(String::from_utf8_lossy(&body).contains(without), "{body:?}");
}

#[test]
fn bep23_compact_0_gets_dictionaries_without_peer_ids() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0");
    for no_peer_id in ["", "&no_peer_id=1"] {
        let target = announce_target(&format!("&port=1002&left=5&compact=0{no_peer_id}"));
        let (_, body) = get(http, &target);
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.ends_with("5:peersld2:ip9:127.0.0.14:porti6881eeee"),
            "{text}"
        );
    }
}

#[test]
fn bep24_the_answer_says_the_address_it_goes_to() {
    let tracker = serve(config());
    let [four, six] = [0, 1].map(|at| tracker.http_addresses()[at]);
    assert_eq!(announce(four, "").strings["external ip"], [127, 0, 0, 1]);
    let mut loopback = [0; 16];
    loopback[15] = 1;
    assert_eq!(announce(six, "").strings["external ip"], loopback);
}

#[test]
fn bep31_too_many_requests_may_try_again_in_a_minute() {
    let tracker = serve(Config {
        requests_per_address_per_s: 1,
        requests_per_address_burst: 2,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    let mut reply = announce(http, "&left=5");
    assert_eq!(reply.counts(), (0, 1, 0));
    // A token comes back each second, and on a busy machine that is soon.
    until("the address has asked too often", || {
        reply = announce(http, "&left=5");
        reply.strings.contains_key("failure reason")
    });
    assert_eq!(reply.failure(), "too many requests from this address");
    assert_eq!(reply.numbers["retry in"], 1);
}

#[test]
fn bep31_a_full_store_refuses_for_now() {
    let mut config = config();
    config.limits.torrents_max = 0;
    let tracker = serve(config);
    let reply = announce(tracker.http_addresses()[0], "&left=5");
    assert!(reply.failure().contains("holds all torrents"), "{reply:?}");
    assert!(reply.numbers["retry in"] > 0);
}

#[test]
fn bep48_a_scrape_has_every_torrent_it_names_once_and_sorted() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0");
    announce(http, "&left=5&info_hash=bbbbbbbbbbbbbbbbbbbb");
    let target = "/scrape?info_hash=bbbbbbbbbbbbbbbbbbbb&info_hash=aaaaaaaaaaaaaaaaaaaa\
                  &info_hash=cccccccccccccccccccc&info_hash=bbbbbbbbbbbbbbbbbbbb";
    let (_, body) = get(http, target);
    assert_eq!(
        String::from_utf8_lossy(&body),
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi0e10:incompletei0ee\
         20:bbbbbbbbbbbbbbbbbbbbd8:completei0e10:downloadedi0e10:incompletei1ee\
         20:ccccccccccccccccccccd8:completei0e10:downloadedi0e10:incompletei0eeee"
    );
}

#[test]
fn bep48_a_torrent_that_nobody_announced_yet_is_scraped_as_empty_where_all_are_tracked() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let (_, body) = get(http, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    assert_eq!(
        String::from_utf8_lossy(&body),
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei0e10:downloadedi0e10:incompletei0eeee"
    );
    assert!(tracker.torrents().is_empty());
    tracker.deny([INFOHASH]);
    let (_, body) = get(http, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    assert_eq!(String::from_utf8_lossy(&body), "d5:filesdee");
}

#[test]
fn bep48_a_listed_torrent_is_scraped_before_its_first_announce_and_an_unlisted_one_never() {
    let tracker = serve(config());
    tracker.allow(Some([INFOHASH]));
    let target = "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=bbbbbbbbbbbbbbbbbbbb";
    let (_, body) = get(tracker.http_addresses()[0], target);
    assert_eq!(
        String::from_utf8_lossy(&body),
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei0e10:downloadedi0e10:incompletei0eeee"
    );
}

#[test]
fn bep48_as_many_infohashes_as_a_head_holds_are_scraped() {
    let tracker = serve(config());
    let named: String = (0..200u8)
        .map(|byte| format!("info_hash={}&", format!("%{byte:02x}").repeat(20)))
        .collect();
    tracker.allow(Some((0..200u8).map(|byte| [byte; 20])));
    let (head, body) = get(tracker.http_addresses()[0], &format!("/scrape?{named}"));
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let torrents = body.windows(4).filter(|bytes| bytes == b"d8:c").count();
    assert_eq!(torrents, 200);
}

#[test]
fn bep48_a_full_scrape_is_refused_unless_it_is_switched_on() {
    let tracker = serve(config());
    let (_, body) = get(tracker.http_addresses()[0], "/scrape");
    assert!(
        Reply::parse(&body)
            .failure()
            .starts_with("full scrape is off")
    );
    let tracker = serve(Config {
        full_scrape: true,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    for byte in 1..=100u8 {
        announce(
            http,
            &format!("&left=0&info_hash={}", format!("%{byte:02x}").repeat(20)),
        );
    }
    tracker.allow(Some((50..=200u8).map(|byte| [byte; 20])));
    let mut expected = b"d5:filesd".to_vec();
    for byte in 50..=200u8 {
        expected.extend_from_slice(b"20:");
        expected.extend_from_slice(&[byte; 20]);
        let complete = u8::from(byte <= 100);
        expected.extend_from_slice(
            format!("d8:completei{complete}e10:downloadedi0e10:incompletei0ee").as_bytes(),
        );
    }
    expected.extend_from_slice(b"ee");
    let (_, body) = get(http, "/scrape");
    assert!(body == expected);
    until("the next full scrape may run", || {
        get(http, "/scrape").1 == expected
    });
    let (_, body) = exchange(http, b"HEAD /scrape HTTP/1.1\r\nHost: t\r\n\r\n");
    assert!(body.is_empty());
}

#[test]
fn bep48_a_full_scrape_is_packed_for_those_who_take_it() {
    let tracker = serve(Config {
        full_scrape: true,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    let infohash = |number: u32| {
        let mut infohash = [9; 20];
        infohash[..4].copy_from_slice(&number.to_be_bytes());
        infohash
    };
    tracker.allow(Some((0..20_000).map(infohash)));
    let (head, plain) = get(http, "/scrape");
    assert!(!head.contains("Content-Encoding"), "{head}");
    assert_eq!(plain.len(), 11 + 20_000 * (23 + 47));
    for (accepted, is_packed) in [
        ("gzip", true),
        ("br;q=1.0, GZip;q=0.8, *;q=0.1", true),
        ("deflate", false),
        ("gzip;q=0", false),
        ("gzip; q=0.000", false),
    ] {
        let request =
            format!("GET /scrape HTTP/1.1\r\nHost: t\r\nAccept-Encoding: {accepted}\r\n\r\n");
        let mut answer = (String::new(), Vec::new());
        until("the scrape of before has ended", || {
            answer = exchange(http, request.as_bytes());
            !answer.1.starts_with(b"d14:failure")
        });
        let (head, body) = answer;
        let says_so = head.contains("\r\nContent-Encoding: gzip");
        assert_eq!(says_so, is_packed, "{accepted}: {head}");
        let unpacked = if is_packed {
            let mut unpacked = Vec::new();
            let mut reader = flate2::read::GzDecoder::new(&body[..]);
            std::io::Read::read_to_end(&mut reader, &mut unpacked).expect("gzip");
            assert!(body.len() < unpacked.len() / 2);
            unpacked
        } else {
            body
        };
        assert!(unpacked == plain, "{accepted}");
    }
}

#[test]
fn bep52_a_truncated_v2_infohash_is_like_any_other() {
    let tracker = serve(config());
    let truncated = "%e3%b0%c4%42%98%fc%1c%14%9a%fb%f4%c8%99%6f%b9%24%27%ae%41%e4";
    let reply = announce(
        tracker.http_addresses()[0],
        &format!("&left=0&info_hash={truncated}"),
    );
    assert_eq!(reply.counts(), (1, 0, 0));
}

#[test]
fn a_key_is_asked_for_where_keys_are_set_and_the_path_is_another_rooms_where_not() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let keyed = |key: &str| Reply::parse(&get(http, &format!("/{key}{}", announce_target(""))).1);
    tracker.set_keys(Some(vec![b"KEY".to_vec(), b"two".to_vec()]));
    assert_eq!(keyed("KEY").counts(), (0, 1, 0));
    assert_eq!(keyed("two").counts(), (0, 1, 0));
    assert_eq!(
        keyed("three").failure(),
        "the key is not known to this tracker"
    );
    assert_eq!(
        announce(http, "").failure(),
        "this tracker needs a key: announce to /KEY/announce"
    );
    let scrape = "scrape?info_hash=aaaaaaaaaaaaaaaaaaaa";
    assert!(
        get(http, &format!("/KEY/{scrape}"))
            .1
            .starts_with(b"d5:files")
    );
    assert!(
        get(http, &format!("/{scrape}"))
            .1
            .starts_with(b"d14:failure")
    );
    tracker.set_keys(None::<[_; 0]>);
    let mut stream = connect(http);
    std::io::Write::write_all(
        &mut stream,
        b"GET /KEY/announce HTTP/1.1\r\nHost: t\r\n\r\n",
    )
    .expect("sent");
    until("the connection was handed over", || {
        !tracker.take_connections().is_empty()
    });
}

#[test]
fn a_denied_client_is_turned_away() {
    let tracker = serve(Config {
        denied_clients: vec![b"-XX0001-".to_vec()],
        ..config()
    });
    let http = tracker.http_addresses()[0];
    assert_eq!(
        announce(http, "").failure(),
        "your client is not allowed on this tracker"
    );
    let other = "&peer_id=-XX0002-abcdefghijkl";
    assert_eq!(announce(http, other).counts(), (0, 1, 0));
}

fn forwarded(tracker: &Tracker, parameters: &str, chain: &str) -> Reply {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: {chain}\r\nConnection: close\r\n\r\n",
        announce_target(parameters)
    );
    Reply::parse(&exchange(tracker.http_addresses()[0], request.as_bytes()).1)
}

#[test]
fn a_trusted_proxy_names_the_peer_and_a_stranger_does_not() {
    let trusting = serve(Config {
        trusted_proxies: vec!["127.0.0.0/8".parse::<Network>().expect("a network")],
        ..config()
    });
    let reply = forwarded(&trusting, "&left=0", "6.6.6.6, 203.0.113.9, 127.0.0.5");
    assert_eq!(reply.strings["external ip"], [203, 0, 113, 9]);
    assert_eq!(
        trusting.peers(&INFOHASH, 9)[0].address,
        address("203.0.113.9:6881")
    );
    let strict = serve(config());
    let reply = forwarded(&strict, "&left=0", "203.0.113.9");
    assert_eq!(reply.strings["external ip"], [127, 0, 0, 1]);
}

#[test]
fn a_forwarded_address_where_no_peer_can_be_is_refused() {
    let tracker = serve(Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config()
    });
    let reply = forwarded(&tracker, "&left=0", "224.0.0.1");
    assert_eq!(reply.failure(), "no peer can be reached at this address");
}

#[test]
fn a_peer_may_state_its_address_from_a_private_network_but_not_through_a_strange_proxy() {
    let tracker = serve(Config {
        private_networks: true,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    announce(http, "&left=0&ip=192.0.2.1");
    announce(http, "&left=0&port=1002&ip=2001%3adb8%3a%3a1");
    forwarded(&tracker, "&left=0&port=1003&ip=192.0.2.3", "203.0.113.9");
    let mut peers: Vec<_> = tracker
        .peers(&INFOHASH, 9)
        .iter()
        .map(|peer| peer.address)
        .collect();
    peers.sort();
    assert_eq!(
        peers,
        [
            address("127.0.0.1:1003"),
            address("192.0.2.1:6881"),
            address("[2001:db8::1]:1002")
        ]
    );
    assert_eq!(
        announce(http, "&ip=tracker.example").failure(),
        "ip must be an IPv4 or IPv6 address"
    );
}

#[test]
fn a_trusted_proxy_that_does_not_say_for_whom_it_asks_states_no_address() {
    let tracker = |private_networks, believe_every_ip| {
        serve(Config {
            trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
            private_networks,
            believe_every_ip,
            ..config()
        })
    };
    let peers = |tracker: &Tracker| -> Vec<_> {
        let mut peers = tracker.peers(&INFOHASH, 9);
        peers.sort_by_key(|peer| peer.address.port());
        peers
            .iter()
            .map(|peer| peer.address.ip().to_string())
            .collect()
    };
    for private_networks in [false, true] {
        let proxied = tracker(private_networks, false);
        announce(proxied.http_addresses()[0], "&port=1001&ip=192.0.2.1");
        forwarded(&proxied, "&port=1002&ip=192.0.2.2", "203.0.113.9");
        forwarded(&proxied, "&port=1003&ip=192.0.2.3", "127.0.0.1");
        assert_eq!(peers(&proxied), ["127.0.0.1", "203.0.113.9", "192.0.2.3"]);
    }
    let told = tracker(false, true);
    announce(told.http_addresses()[0], "&port=1001&ip=192.0.2.1");
    assert_eq!(peers(&told), ["192.0.2.1"]);
}

#[test]
fn whoever_passes_on_requests_and_is_not_trusted_with_it_is_told() {
    let strange = serve(config());
    announce(strange.http_addresses()[0], "&left=0");
    assert_eq!(strange.forwarder(), None);
    forwarded(&strange, "&left=0", "203.0.113.9");
    assert_eq!(strange.forwarder(), Some([127, 0, 0, 1].into()));
    let trusting = serve(Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config()
    });
    forwarded(&trusting, "&left=0", "203.0.113.9");
    assert_eq!(trusting.forwarder(), None);
}

#[test]
fn what_cannot_be_read_of_a_peer_costs_it_no_swarm() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    announce(http, "&port=1001&left=0");
    for odd in [
        "left=-1",
        "left=NaN",
        "left=16384.0",
        "left=5&numwant=abc",
        "left=5&event=odd",
    ] {
        let reply = announce(http, &format!("&{odd}"));
        assert_eq!(reply.counts(), (1, 1, 0), "{odd}");
        assert_eq!(reply.peers(), [address("127.0.0.1:1001")], "{odd}");
    }
    assert_eq!(
        announce(http, "&left=0&event=%63ompleted").counts(),
        (2, 0, 1)
    );
    assert_eq!(announce(http, "&port=none&left=5").peers().len(), 2);
}

#[test]
fn the_path_of_the_public_url_may_stand_before_the_trackers() {
    let tracker = serve(Config {
        path_prefix: "/files/".to_owned(),
        ..config()
    });
    let http = tracker.http_addresses()[0];
    for path in ["/announce", "/files/announce"] {
        let target = announce_target("&left=0").replace("/announce", path);
        assert_eq!(Reply::parse(&get(http, &target).1).counts(), (1, 0, 0));
    }
    for path in ["/scrape", "/files/scrape", "//files/scrape/"] {
        let (_, body) = get(http, &format!("{path}?info_hash=aaaaaaaaaaaaaaaaaaaa"));
        assert!(body.starts_with(b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e"));
    }
}

#[test]
fn a_peer_on_loopback_is_given_only_to_loopback() {
    let tracker = serve(Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config()
    });
    announce(tracker.http_addresses()[0], "&left=0&port=1001");
    forwarded(&tracker, "&left=0&port=1002", "10.0.0.2");
    forwarded(&tracker, "&left=0&port=1003", "203.0.113.3");
    let peers = |chain: &str| forwarded(&tracker, "&left=5&port=9", chain).peers().len();
    assert_eq!(peers("203.0.113.9"), 1);
    assert_eq!(peers("10.0.0.9"), 2 + 1, "the last asker is a peer now");
    assert_eq!(peers("127.0.0.9"), 3 + 2);
}

#[test]
fn http_head_is_answered_without_a_body() {
    let tracker = serve(config());
    let request = format!(
        "HEAD {} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        announce_target("")
    );
    let (head, body) = exchange(tracker.http_addresses()[0], request.as_bytes());
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("Content-Length: 1"), "{head}");
    assert!(body.is_empty());
}

#[test]
fn http_another_method_is_not_allowed() {
    let tracker = serve(config());
    let request = b"POST /announce HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello";
    let (head, _) = exchange(tracker.http_addresses()[0], request);
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(head.contains("\r\nAllow: GET, HEAD"), "{head}");
}

#[test]
fn http_what_is_no_request_is_answered_with_400_and_closed() {
    let tracker = serve(config());
    let large = format!("GET /announce?{} HTTP/1.1\r\n\r\n", "a".repeat(40_000));
    for request in [
        "\x16\x03\x01\x02",
        "GET /announce HTTP/2.0\r\n\r\n",
        "GET\r\n\r\n",
        &large,
    ] {
        let (head, body) = exchange(tracker.http_addresses()[0], request.as_bytes());
        assert!(head.starts_with("HTTP/1.1 400 Bad Request"), "{head}");
        assert!(head.contains("\r\nConnection: close"), "{head}");
        assert!(body.ends_with(b"\n"));
    }
}

#[test]
fn http_1_0_is_answered_in_kind() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let request = format!("GET {} HTTP/1.0\r\n\r\n", announce_target(""));
    let (head, _) = exchange(http, request.as_bytes());
    assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
    let mut stream = connect(http);
    let request = format!(
        "GET {} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        announce_target("")
    );
    for _ in 0..3 {
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
        let (head, _) = read_answer(&mut stream);
        assert!(head.contains("\r\nConnection: keep-alive"), "{head}");
    }
}
