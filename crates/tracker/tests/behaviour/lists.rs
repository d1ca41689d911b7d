//! Who is served: lists that change while the tracker runs.

use std::net::{IpAddr, SocketAddr};

use crate::common::{
    INFOHASH, UdpAnnounce, UdpClient, announce, announce_target, config, counted, get, serve,
    text_of_error, until,
};
use outpour_tracker::{Config, Notice, Ranges, Tracker};

const ADDRESS_DENIED: &str = "your IP is not allowed on this tracker";

fn ranges(pairs: &[(&str, &str)]) -> Ranges {
    let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
    Ranges::new(pairs.iter().map(|(first, last)| (ip(first), ip(last)))).expect("ranges")
}

fn both(tracker: &Tracker) -> [SocketAddr; 2] {
    [tracker.http_addresses()[0], tracker.http_addresses()[1]]
}

#[test]
fn a_banned_address_is_turned_away_over_http_until_the_ban_is_lifted() {
    let tracker = serve(config());
    let [four, six] = both(&tracker);
    tracker.ban(ranges(&[("127.0.0.0", "127.255.255.255")]));
    assert_eq!(announce(four, "&left=0").failure(), ADDRESS_DENIED);
    let (_, scrape) = get(four, "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    assert!(scrape.starts_with(b"d14:failure reason"));
    assert_eq!(announce(six, "&left=0").counts(), (1, 0, 0));
    tracker.ban(ranges(&[("::1", "::1")]));
    assert_eq!(announce(six, "&left=0").failure(), ADDRESS_DENIED);
    assert_eq!(announce(four, "&left=0").counts(), (2, 0, 0));
    tracker.ban(Ranges::default());
    assert_eq!(announce(six, "&left=0").counts(), (2, 0, 0));
    counted(&tracker, "refused_address", 3);
}

#[test]
fn a_banned_address_is_turned_away_over_udp() {
    let tracker = serve(config());
    let udp = tracker.udp_addresses()[0];
    let banned = UdpClient::connect_from(udp, "127.0.0.9:0");
    let other = UdpClient::connect(udp);
    tracker.ban(ranges(&[("127.0.0.9", "127.0.0.9")]));
    let answer = banned.announce(&UdpAnnounce::default());
    assert_eq!(text_of_error(&answer), ADDRESS_DENIED);
    // An error is never longer than its request.
    let answer = banned.scrape(&[INFOHASH]);
    assert_eq!(text_of_error(&answer), &ADDRESS_DENIED[..36 - 8]);
    assert_eq!(other.announce(&UdpAnnounce::default())[..4], [0, 0, 0, 1]);
}

#[test]
fn where_addresses_are_admitted_all_others_are_turned_away_and_a_ban_counts_more() {
    let tracker = serve(config());
    let [four, six] = both(&tracker);
    tracker.admit(Some(ranges(&[("127.0.0.0", "127.0.0.255")])));
    assert_eq!(announce(four, "&left=0").counts(), (1, 0, 0));
    assert_eq!(announce(six, "&left=0").failure(), ADDRESS_DENIED);
    tracker.ban(ranges(&[("127.0.0.1", "127.0.0.1")]));
    assert_eq!(announce(four, "&left=0").failure(), ADDRESS_DENIED);
    tracker.admit(Some(Ranges::default()));
    tracker.ban(Ranges::default());
    assert_eq!(announce(four, "&left=0").failure(), ADDRESS_DENIED);
    tracker.admit(None);
    assert_eq!(announce(six, "&left=0").counts(), (2, 0, 0));
}

#[test]
fn a_stated_address_is_judged_like_the_one_that_asks() {
    let tracker = serve(Config {
        private_networks: true,
        ..config()
    });
    tracker.ban(ranges(&[("192.0.2.0", "192.0.2.255")]));
    let http = tracker.http_addresses()[0];
    let reply = announce(http, "&left=0&ip=192.0.2.1");
    assert_eq!(reply.failure(), ADDRESS_DENIED);
    assert_eq!(announce(http, "&left=0&ip=198.51.100.1").counts().0, 1);
}

#[test]
fn denied_clients_change_while_the_tracker_runs() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    tracker.deny_clients([b"-ZZ".to_vec(), b"-XX0001-".to_vec()]);
    let refusal = "your client is not allowed on this tracker";
    assert_eq!(announce(http, "&left=0").failure(), refusal);
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let answer = client.announce(&UdpAnnounce::default());
    assert_eq!(text_of_error(&answer), refusal);
    tracker.deny_clients([]);
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
}

#[test]
fn a_change_of_a_list_counts_for_the_very_next_request() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    for _ in 0..300 {
        tracker.deny([INFOHASH]);
        assert!(
            announce(http, "&left=0")
                .strings
                .contains_key("failure reason")
        );
        tracker.deny([]);
        assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    }
}

#[test]
fn a_torrent_can_be_refused_or_warned_of_in_the_words_of_its_operator() {
    let tracker = serve(config());
    let [http, _] = both(&tracker);
    let udp = UdpClient::connect(tracker.udp_addresses()[0]);
    let warned = Notice {
        failure: None,
        warning: Some("moves tomorrow".into()),
    };
    tracker.set_notices([(INFOHASH, warned)]);
    let (_, body) = get(http, &announce_target("&left=0"));
    assert!(body.starts_with(b"d8:completei1e"));
    assert!(body.ends_with(b"15:warning message14:moves tomorrowe"));
    assert_eq!(udp.announce(&UdpAnnounce::default())[..4], [0, 0, 0, 1]);
    let refused = Notice {
        failure: Some("withdrawn".into()),
        warning: None,
    };
    tracker.set_notices([(INFOHASH, refused)]);
    assert_eq!(announce(http, "&left=0").failure(), "withdrawn");
    assert_eq!(
        text_of_error(&udp.announce(&UdpAnnounce::default())),
        "withdrawn"
    );
    counted(&tracker, "refused_torrent", 2);
    tracker.set_notices([]);
    let (_, body) = get(http, &announce_target("&left=0"));
    assert!(!body.windows(7).any(|part| part == b"warning"));
}

#[test]
fn torrents_are_added_to_the_allowed_set_and_taken_out_of_it_again() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    tracker.allow_more(&[[b'b'; 20]]);
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    tracker.allow(Some([[b'b'; 20]]));
    assert!(!announce(http, "&left=0").failure().is_empty());
    tracker.allow_more(&[INFOHASH, INFOHASH]);
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    tracker.disallow(&[[b'b'; 20], [b'c'; 20]]);
    assert_eq!(announce(http, "&left=0").counts(), (1, 0, 0));
    tracker.disallow(&[INFOHASH]);
    assert!(!announce(http, "&left=0").failure().is_empty());
}

#[test]
fn each_refusal_is_counted_under_what_stood_against_it() {
    let mut config = Config {
        requests_per_address_per_s: 1,
        requests_per_address_burst: 5,
        ..config()
    };
    config.limits.torrents_max = 0;
    let tracker = serve(config);
    let [four, six] = both(&tracker);
    let ask = |parameters: &str| announce(four, parameters).failure().to_owned();
    assert!(ask("&left=5").contains("holds all torrents"));
    let malformed = get(four, "/announce?info_hash=short").1;
    assert!(malformed.starts_with(b"d14:failure reason"));
    tracker.deny_clients([b"-XX".to_vec()]);
    assert!(ask("&left=5").contains("client"));
    tracker.deny_clients([]);
    tracker.set_keys(Some([b"key".to_vec()]));
    assert!(ask("&left=5").contains("key"));
    tracker.set_keys(None::<[Vec<u8>; 0]>);
    tracker.allow(Some([[b'z'; 20]]));
    // A token comes back each second, and on a busy machine that is soon.
    let mut unlisted = 0;
    until("the address has asked too often", || {
        let told = ask("&left=5");
        unlisted += u64::from(told.contains("not authorized"));
        told.contains("too many requests")
    });
    counted(&tracker, "refused_torrent", unlisted);
    assert!(unlisted > 0);
    tracker.ban(ranges(&[("::1", "::1")]));
    assert_eq!(announce(six, "&left=5").failure(), ADDRESS_DENIED);
    for cause in ["full", "malformed", "client", "key", "rate", "address"] {
        counted(&tracker, &format!("refused_{cause}"), 1);
    }
}
