//! Two stores that tell each other what happens hold the same peers.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::super::{Applied, Swarms};
use crate::cluster::clock::Clock;
use crate::cluster::codec::sealed;
use crate::cluster::{BlobError, Cluster, ClusterConfig};
use crate::limits::Limits;
use crate::model::{Announce, Counts, Event, Facts, InfoHash};
use crate::rng::Rng;

const TORRENT: InfoHash = [1; 20];
const OTHER: InfoHash = [0xf1; 20];
const TIMEOUT_S: u32 = 2700;
const LIFE_S: u32 = TIMEOUT_S * 3 / 2 + 8;
const SEEDS: u64 = 0;
const WANTS: u64 = 5;

struct Node {
    store: Swarms,
    now_s: u32,
}

impl Node {
    /// A node whose machine shows another time than all others' do.
    fn new(node: u64) -> Self {
        Self::with(node, 1 << 20, 1, &Limits::default())
    }

    fn with(node: u64, queue_bytes_max: usize, parts: usize, limits: &Limits) -> Self {
        let config = ClusterConfig {
            node,
            queue_bytes_max,
            parts,
        };
        let limits = Limits {
            peer_timeout_s: TIMEOUT_S,
            ..limits.clone()
        };
        let cluster = Cluster::with_clock(&config, node, Clock::named(node));
        Self {
            store: Swarms::seeded(limits, node).joined(cluster),
            now_s: 200_000 + node as u32 * 4321,
        }
    }

    fn says(&self, infohash: InfoHash, peer: &str, left: u64, event: Event) -> Facts {
        let address: SocketAddr = peer.parse().expect("an address");
        let mut peer_id = [b'-'; 20];
        peer_id[..2].copy_from_slice(&address.port().to_be_bytes());
        let announce = Announce {
            infohash,
            peer_id,
            ip: address.ip(),
            port: address.port(),
            left,
            has_nothing: false,
            event,
            numwant: 0,
        };
        let rng = &mut Rng::with_seed(1);
        self.store
            .announce(&announce, self.now_s, rng, &mut [], &mut [])
    }

    fn say(&self, peer: &str, left: u64, event: Event) {
        self.says(TORRENT, peer, left, event);
    }

    fn take(&self) -> Vec<u8> {
        self.store.take_events(0, 1 << 20, self.now_s)
    }

    fn apply(&self, blob: &[u8]) -> Applied {
        let applied = self
            .store
            .apply_events(blob, 0, self.now_s, |_| true, |_| true);
        applied.expect("a sound blob")
    }

    fn tell(&self, other: &Self) -> Applied {
        other.apply(&self.take())
    }

    fn wait(&mut self, seconds: u32) {
        self.now_s += seconds;
        self.store.sweep(self.now_s, usize::MAX);
    }

    fn counts(&self) -> Counts {
        self.store.scrape(&TORRENT).unwrap_or_default()
    }

    fn peers(&self) -> BTreeSet<(String, bool, bool)> {
        let rows = self.store.peers(&TORRENT, usize::MAX).into_iter();
        rows.map(|row| (row.address.to_string(), row.seeder, row.partial))
            .collect()
    }

    fn count(&self, name: &str) -> u64 {
        let counts = self.store.cluster().expect("one of several").all_counts();
        let found = counts.iter().find(|(other, _)| *other == name);
        found.expect("a count").1
    }
}

fn names(peers: &[&str]) -> BTreeSet<String> {
    peers.iter().map(|peer| (*peer).to_owned()).collect()
}

#[test]
fn what_peers_say_at_one_node_is_known_at_the_other_and_told_once() {
    let [one, other] = [Node::new(1), Node::new(2)];
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    one.say("192.0.2.1:1002", SEEDS, Event::None);
    one.say("[2001:db8::1]:1003", WANTS, Event::Paused);
    let applied = one.tell(&other);
    assert_eq!((applied.changed, applied.stale, applied.refused), (3, 0, 0));
    assert_eq!(one.peers(), other.peers());
    assert_eq!(one.counts(), other.counts());
    assert_eq!(other.counts().partial, 1);
    // Nothing is told on.
    assert!(other.take().is_empty());
    assert!(one.take().is_empty());
    other.say("192.0.2.1:1001", WANTS, Event::Stopped);
    one.say("192.0.2.1:1002", WANTS, Event::None);
    other.tell(&one);
    one.tell(&other);
    assert_eq!(one.peers(), other.peers());
    assert_eq!((one.counts().complete, one.counts().incomplete), (0, 2));
}

#[test]
fn whatever_flags_a_word_has_the_same_again_changes_nothing() {
    let one = Node::new(1);
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    let blob = one.take();
    for flags in 0..8 {
        let other = Node::new(2);
        // Between magic with version and checksum; its last byte has the flags of the one peer.
        let mut body = blob[5..blob.len() - 8].to_vec();
        let last = body.last_mut().expect("a word");
        *last = *last & 0b1_1111 | flags << 5;
        let told = sealed(&body);
        assert_eq!(other.apply(&told).changed, 1, "{flags:03b}");
        assert_eq!(other.apply(&told).stale, 1, "{flags:03b}");
    }
}

#[test]
fn a_peer_that_says_the_same_within_half_its_time_is_not_told_and_goes_everywhere_at_once() {
    let [mut one, mut other] = [Node::new(1), Node::new(2)];
    one.say("192.0.2.1:1001", SEEDS, Event::Started);
    one.tell(&other);
    for _ in 0..4 {
        for node in [&mut one, &mut other] {
            node.wait(300);
        }
        one.say("192.0.2.1:1001", SEEDS, Event::None);
        other.say("192.0.2.1:1001", SEEDS, Event::None);
        assert!(one.take().is_empty() && other.take().is_empty());
    }
    for node in [&mut one, &mut other] {
        node.wait(160);
    }
    other.say("192.0.2.1:1001", SEEDS, Event::None);
    assert_eq!(other.tell(&one).changed, 1);
    one.say("192.0.2.1:1001", SEEDS, Event::None);
    assert!(one.take().is_empty());
    for node in [&mut one, &mut other] {
        node.wait(LIFE_S - 16);
    }
    assert_eq!((one.counts().complete, other.counts().complete), (1, 1));
    for node in [&mut one, &mut other] {
        node.wait(24);
    }
    assert_eq!((one.counts().complete, other.counts().complete), (0, 0));
}

#[test]
fn events_in_any_order_and_more_than_once_come_to_the_same() {
    let [mut one, other, third] = [Node::new(1), Node::new(2), Node::new(3)];
    let mut blobs = Vec::new();
    for (left, event) in [
        (WANTS, Event::Started),
        (SEEDS, Event::Completed),
        (SEEDS, Event::Stopped),
        (WANTS, Event::Started),
        (WANTS, Event::Paused),
        (WANTS, Event::Stopped),
    ] {
        // Some of it within the same eight seconds.
        one.now_s += 3;
        one.say("192.0.2.1:1001", left, event);
        one.say("192.0.2.1:1002", left, Event::None);
        blobs.push(one.take());
    }
    for (blob, last) in blobs.iter().zip(blobs.iter().rev()) {
        other.apply(blob);
        third.apply(last);
    }
    assert_eq!(one.peers(), other.peers());
    assert_eq!(one.peers(), third.peers());
    assert_eq!(one.peers().len(), 1);
    for blob in &blobs {
        assert_eq!(third.apply(blob).changed, 0);
    }
}

#[test]
fn who_comes_back_at_another_node_after_it_stopped_is_there() {
    let [one, other] = [Node::new(1), Node::new(2)];
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    one.say("192.0.2.1:1001", WANTS, Event::Stopped);
    one.tell(&other);
    other.say("192.0.2.1:1001", WANTS, Event::Started);
    other.tell(&one);
    assert_eq!(one.peers(), other.peers());
    assert_eq!(one.peers().len(), 1);
    // And who stops where it was not heard of yet is gone when it is.
    one.say("192.0.2.1:1002", WANTS, Event::Started);
    other.say("192.0.2.1:1002", WANTS, Event::Stopped);
    one.tell(&other);
    other.tell(&one);
    assert_eq!((one.peers().len(), other.peers().len()), (1, 1));
}

#[test]
fn a_download_is_counted_once_over_nodes() {
    let [one, other] = [Node::new(1), Node::new(2)];
    let counted = |node: &Node| node.counts().downloaded;
    // Downloads at one, has all at the other, and tells both.
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    one.tell(&other);
    assert!(
        other
            .says(TORRENT, "192.0.2.1:1001", SEEDS, Event::None)
            .completed_now
    );
    other.tell(&one);
    for node in [&one, &other] {
        node.say("192.0.2.1:1001", SEEDS, Event::Completed);
    }
    assert_eq!((counted(&one), counted(&other)), (0, 1));
    // Tells both before either has heard of the other: one of them takes it back.
    for node in [&one, &other] {
        node.say("192.0.2.2:1002", SEEDS, Event::Completed);
    }
    assert_eq!((counted(&one), counted(&other)), (1, 2));
    let [of_one, of_other] = [one.take(), other.take()];
    one.apply(&of_other);
    other.apply(&of_one);
    assert_eq!((counted(&one), counted(&other)), (1, 1));
    let (mut withdrawn, mut marks) = (Vec::new(), Vec::new());
    other.store.take_withdrawn(|taken| {
        withdrawn.extend(taken.counts);
        marks.extend(taken.marks);
    });
    assert_eq!(withdrawn, [(TORRENT, 1)]);
    let kept = other.store.take_counted_here();
    assert_eq!(kept.len(), 2);
    assert_eq!(marks, [kept[1].0]);
    one.store
        .take_withdrawn(|_| panic!("the lowest number keeps it"));
    // What each then tells of its own makes the sum at both.
    one.store.set_foreign(&[(TORRENT, 2 - 1)]);
    other.store.set_foreign(&[(TORRENT, 1 - 1)]);
    assert_eq!((counted(&one), counted(&other)), (2, 2));
    let facts = one.says(TORRENT, "192.0.2.1:1001", SEEDS, Event::None);
    assert_eq!(facts.downloaded, 2);
}

#[test]
fn a_download_that_was_counted_before_a_start_is_taken_back_after_it_and_once() {
    let [one, other] = [Node::new(1), Node::new(2)];
    for node in [&one, &other] {
        node.say("192.0.2.2:1002", SEEDS, Event::Completed);
    }
    let again = Node::new(2);
    again
        .store
        .recall_counted_here(&other.store.take_counted_here(), false);
    let blob = one.take();
    for _ in 0..2 {
        again.apply(&blob);
    }
    let mut withdrawn = Vec::new();
    again
        .store
        .take_withdrawn(|taken| withdrawn.extend(taken.counts));
    assert_eq!(withdrawn, [(TORRENT, 1)]);
}

#[test]
fn who_stopped_while_a_node_was_away_is_gone_there_once_it_took_in_what_the_others_hold() {
    let [mut one, mut away] = [Node::new(1), Node::new(2)];
    for port in 1000..1400_u16 {
        // Some torrents have few peers, and one many.
        let infohash = [if port < 1200 { port as u8 } else { 200 }; 20];
        one.says(infohash, &format!("192.0.2.1:{port}"), SEEDS, Event::None);
        one.says(
            infohash,
            &format!("[2001:db8::1]:{port}"),
            WANTS,
            Event::None,
        );
    }
    one.tell(&away);
    let all = |node: &Node| -> u32 {
        let rows = node.store.torrents().into_iter();
        rows.map(|(_, counts)| counts.complete + counts.incomplete)
            .sum()
    };
    assert_eq!((all(&one), all(&away)), (800, 800));
    for port in 1000..1400_u16 {
        let infohash = [if port < 1200 { port as u8 } else { 200 }; 20];
        one.says(
            infohash,
            &format!("192.0.2.1:{port}"),
            SEEDS,
            Event::Stopped,
        );
    }
    one.take();
    one.now_s += 600;
    away.now_s += 600;
    away.say("192.0.2.9:9", SEEDS, Event::None);
    away.take();
    // It was away for all of the ten minutes but the last seconds.
    assert_eq!(away.store.make_old(590, away.now_s), 800);
    let (page, next) = one
        .store
        .events_page(0, usize::MAX, one.now_s)
        .expect("a cluster");
    assert_eq!(next, None);
    away.apply(&page);
    assert_eq!(away.store.drop_old(away.now_s), 400);
    away.wait(0);
    assert_eq!((all(&one), all(&away)), (400, 401));
    assert!(
        away.peers()
            .contains(&("192.0.2.9:9".to_owned(), true, false))
    );
}

#[test]
fn what_others_counted_is_shown_and_is_not_taken_for_ones_own() {
    let one = Node::new(1);
    one.store.set_foreign(&[(TORRENT, 7)]);
    assert_eq!(one.counts().downloaded, 7);
    one.say("192.0.2.1:1001", SEEDS, Event::Completed);
    assert_eq!(one.counts().downloaded, 8);
    let mut own = Vec::new();
    one.store.take_completed(|taken| own.extend(taken.counts));
    assert_eq!(own, [(TORRENT, 1)]);
    one.say("192.0.2.1:1001", SEEDS, Event::Stopped);
    assert_eq!(one.store.torrents(), [(TORRENT, one.counts())]);
    assert!(one.store.forget(&TORRENT));
    assert_eq!(one.store.scrape(&TORRENT), None);
}

#[test]
fn a_node_that_joins_gets_every_peer_and_every_mark() {
    let [one, new] = [Node::new(1), Node::new(9)];
    for port in 1000..3000_u16 {
        let infohash = [(port % 50) as u8; 20];
        one.says(
            infohash,
            &format!("192.0.2.1:{port}"),
            u64::from(port % 2),
            Event::None,
        );
        one.says(
            infohash,
            &format!("[2001:db8::1]:{port}"),
            SEEDS,
            Event::None,
        );
    }
    one.say("192.0.2.2:1001", SEEDS, Event::Completed);
    let (mut pages, mut from) = (0, Some(0));
    while let Some(at) = from {
        let page = one.store.events_page(at, 4000, one.now_s);
        let (blob, next) = page.expect("one of several");
        new.apply(&blob);
        (from, pages) = (next, pages + 1);
    }
    assert!(pages > 5);
    let sorted = |node: &Node| {
        let mut rows = node.store.torrents();
        for (_, counts) in &mut rows {
            counts.downloaded = 0;
        }
        rows.sort_unstable_by_key(|(infohash, _)| *infohash);
        rows
    };
    assert_eq!(sorted(&one), sorted(&new));
    assert_eq!(one.peers(), new.peers());
    assert!(
        !new.says(TORRENT, "192.0.2.2:1001", SEEDS, Event::Completed)
            .completed_now
    );
    assert!(new.take().is_empty(), "nothing is told on");
}

#[test]
fn a_page_takes_no_download_back_that_its_giver_only_heard_of() {
    let [lower, higher] = [Node::new(1), Node::new(2)];
    higher.say("192.0.2.1:1001", SEEDS, Event::Completed);
    lower.apply(&higher.take());
    let page = lower.store.events_page(0, 1 << 20, lower.now_s);
    higher.apply(&page.expect("one of several").0);
    assert_eq!(higher.counts().downloaded, 1);
    higher
        .store
        .take_withdrawn(|_| panic!("nobody else counted it"));
}

#[test]
fn what_was_dropped_is_told_from_the_store() {
    let [one, other] = [
        Node::with(1, 2000, 2, &Limits::default()),
        Node::with(2, 2000, 2, &Limits::default()),
    ];
    let infohashes = [TORRENT, OTHER];
    for infohash in infohashes {
        for port in 1000..1500_u16 {
            one.says(
                infohash,
                &format!("192.0.2.1:{port}"),
                WANTS,
                Event::Started,
            );
        }
    }
    assert_eq!(one.count("cluster_dropped_changes"), 1000 - 2 * (1000 / 29));
    assert!(one.count("cluster_queued_bytes") <= 2000);
    for part in [0, 1] {
        loop {
            let blob = one.store.take_events(part, 500, one.now_s);
            if blob.is_empty() {
                break;
            }
            other.apply(&blob);
        }
    }
    for infohash in infohashes {
        assert_eq!(
            other.store.scrape(&infohash).expect("a torrent").incomplete,
            500
        );
    }
}

#[test]
fn what_is_not_served_here_is_left_out() {
    let [one, other] = [
        Node::new(1),
        Node::with(
            2,
            1 << 20,
            1,
            &Limits {
                peers_max: 3,
                ..Limits::default()
            },
        ),
    ];
    one.says(OTHER, "192.0.2.1:1001", WANTS, Event::Started);
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    one.say("198.51.100.1:1002", WANTS, Event::Started);
    let banned: IpAddr = "198.51.100.1".parse().expect("an address");
    let now_s = other.now_s;
    let applied = other.store.apply_events(
        &one.take(),
        0,
        now_s,
        |it| *it == TORRENT,
        |ip| ip != banned,
    );
    let applied = applied.expect("a sound blob");
    assert_eq!((applied.changed, applied.refused), (1, 2));
    assert_eq!(
        names(&["192.0.2.1:1001"]),
        other.peers().into_iter().map(|(name, ..)| name).collect()
    );
    let crowded = Node::with(
        3,
        1 << 20,
        1,
        &Limits {
            peers_per_address_max: 2,
            ..Limits::default()
        },
    );
    for port in 1100..1105 {
        one.say(&format!("192.0.2.1:{port}"), WANTS, Event::Started);
    }
    let blob = one.take();
    let applied = other.apply(&blob);
    assert_eq!((applied.changed, applied.refused), (2, 3));
    let applied = crowded.apply(&blob);
    assert_eq!((applied.changed, applied.refused), (2, 3));
    assert_eq!(other.counts().incomplete, 3);
}

#[test]
fn a_damaged_blob_changes_nothing_and_is_counted() {
    let [one, other] = [Node::new(1), Node::new(2)];
    one.say("192.0.2.1:1001", WANTS, Event::Started);
    let mut blob = one.take();
    blob[60] ^= 1;
    let refused = other
        .store
        .apply_events(&blob, 0, other.now_s, |_| true, |_| true);
    assert_eq!(refused, Err(BlobError::Damaged));
    assert_eq!(other.count("cluster_blobs_refused"), 1);
    assert!(other.store.torrents().is_empty());
    // One's own changes nothing either.
    blob[60] ^= 1;
    assert_eq!(one.apply(&blob), Applied::default());
}

#[test]
fn events_are_as_old_as_they_are_whatever_clocks_show() {
    // The node with the lower number has the older clock, so the other one takes it over.
    for [from, to] in [[1, 2], [2, 1]] {
        let [mut one, mut other] = [Node::new(from), Node::new(to)];
        one.say("192.0.2.1:1001", SEEDS, Event::Started);
        one.wait(400);
        let blob = one.take();
        let applied = other
            .store
            .apply_events(&blob, 600, other.now_s, |_| true, |_| true);
        assert_eq!(applied.expect("a sound blob").changed, 1);
        other.wait(LIFE_S - 1016);
        assert_eq!(other.counts().complete, 1, "{from}");
        other.wait(32);
        assert_eq!(other.counts().complete, 0, "{from}");
        // What is older than a peer can be is none.
        one.say("192.0.2.1:1002", SEEDS, Event::Started);
        let blob = one.take();
        let applied =
            Node::new(7)
                .store
                .apply_events(&blob, LIFE_S + 16, 100_000, |_| true, |_| true);
        assert_eq!(applied.expect("a sound blob").stale, 1);
    }
}
