//! A finished download is counted once: not missed, and not counted again.

use std::net::SocketAddr;

use crate::common::{INFOHASH, UdpAnnounce, UdpClient, announce, config, drained, get, serve};
use outpour_tracker::Tracker;

fn http(tracker: &Tracker) -> SocketAddr {
    tracker.http_addresses()[0]
}

fn downloads(tracker: &Tracker) -> i64 {
    announce(
        http(tracker),
        "&port=9999&left=5&peer_id=-XX0001-somebodyelse",
    )
    .counts()
    .2
}

fn counts_once(says: &[&str]) {
    let tracker = serve(config());
    for parameters in says {
        announce(http(&tracker), parameters);
    }
    assert_eq!(downloads(&tracker), 1, "{says:?}");
    assert_eq!(drained(&tracker), [(INFOHASH, 1)], "{says:?}");
}

#[test]
fn a_leecher_that_has_nothing_left_has_finished_whatever_event_it_names() {
    for event in [
        "",
        "&event=started",
        "&event=completed",
        "&event=stopped",
        "&event=paused",
    ] {
        counts_once(&["&left=5&event=started", &format!("&left=0{event}")]);
    }
}

#[test]
fn a_download_is_counted_once_however_often_it_is_told() {
    for repeated in ["", "&event=started", "&event=completed", "&event=stopped"] {
        let again = format!("&left=0{repeated}");
        counts_once(&["&left=5&event=started", "&left=0", &again, &again]);
        counts_once(&["&left=0&event=completed", &again, &again]);
    }
    counts_once(&[
        "&left=5&event=started",
        "&left=0&event=completed",
        "&left=0&event=stopped",
        "&left=0&event=started",
        "&left=0&event=completed",
        "&left=5&event=started",
        "&left=0&event=stopped",
    ]);
}

#[test]
fn a_seeder_that_never_was_a_leecher_has_downloaded_nothing() {
    let tracker = serve(config());
    for event in ["&event=started", "", "&event=stopped", "&event=stopped"] {
        announce(http(&tracker), &format!("&left=0{event}"));
    }
    for event in ["&event=started", "", "&event=stopped", "&event=completed"] {
        announce(http(&tracker), &format!("&left=5{event}"));
    }
    assert_eq!(downloads(&tracker), 0);
}

#[test]
fn a_client_of_both_families_has_downloaded_once() {
    let tracker = serve(config());
    let [four, six] = [0, 1].map(|at| UdpClient::connect(tracker.udp_addresses()[at]));
    for (event, left) in [(2, 5), (1, 0), (0, 0), (3, 0)] {
        for client in [&four, &six] {
            client.announce(&UdpAnnounce {
                left,
                event,
                ..UdpAnnounce::default()
            });
        }
    }
    assert_eq!(downloads(&tracker), 1);
}

#[test]
fn another_client_at_the_same_address_has_downloaded_too() {
    let tracker = serve(config());
    for peer_id in ["-XX0001-first-client", "-XX0001-secondclient"] {
        announce(
            http(&tracker),
            &format!("&left=5&event=started&peer_id={peer_id}"),
        );
        announce(
            http(&tracker),
            &format!("&left=0&event=completed&peer_id={peer_id}"),
        );
    }
    assert_eq!(downloads(&tracker), 2);
}

#[test]
fn a_peer_id_that_says_nothing_keeps_no_two_clients_from_counting() {
    let tracker = serve(config());
    for port in 3000..3010 {
        announce(
            http(&tracker),
            &format!("&left=0&event=completed&port={port}"),
        );
    }
    assert_eq!(downloads(&tracker), 10);
}

#[test]
fn the_same_client_has_downloaded_each_of_two_torrents() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    for infohash in [[1; 20], [2; 20]] {
        client.announce(&UdpAnnounce {
            infohash,
            left: 0,
            event: 1,
            ..UdpAnnounce::default()
        });
    }
    let mut taken = drained(&tracker);
    taken.sort_unstable();
    assert_eq!(taken, [([1; 20], 1), ([2; 20], 1)]);
}

#[test]
fn a_restart_with_an_older_snapshot_counts_no_download_again() {
    let before = serve(config());
    announce(http(&before), "&left=5&event=started");
    let snapshot = before.snapshot();
    announce(http(&before), "&left=0");
    let mut marks = Vec::new();
    before.take_completed(|completed| marks.extend(completed.marks));
    assert_eq!(before.counted(), marks);
    drop(before);

    let after = serve(config());
    after.restore(&snapshot, 30).expect("a snapshot");
    after.set_completed(&[(INFOHASH, 1)]);
    after.recall_counted(&marks);
    assert_eq!(announce(http(&after), "&left=0").counts(), (1, 0, 1));
    assert_eq!(
        announce(http(&after), "&left=0&event=completed").counts(),
        (1, 0, 1)
    );
    assert!(drained(&after).is_empty());
    let (_, scrape) = get(http(&after), "/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa");
    assert!(scrape.ends_with(b"10:downloadedi1e10:incompletei0eeee"));
}
