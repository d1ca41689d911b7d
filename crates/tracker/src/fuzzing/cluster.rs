use std::net::IpAddr;

use crate::cluster::ClusterConfig;
use crate::cluster::codec::sealed;
use crate::limits::Limits;
use crate::swarm::Swarms;

const NOW_S: u32 = 1_000_000;

fn node(node: u64, limits: Limits) -> Swarms {
    let config = ClusterConfig {
        node,
        queue_bytes_max: 4096,
        parts: 2,
    };
    Swarms::simulated(limits, &config, node)
}

/// Events as anyone may have put them where nodes read them, and some whose checksum is right whatever
/// they say.
pub fn cluster(data: &[u8]) {
    let admits = |ip: IpAddr| !ip.is_multicast();
    let damaged = node(1, Limits::default());
    let applied = damaged.apply_events(data, 0, NOW_S, |_| true, admits);
    if applied.is_err() {
        assert_eq!(damaged.totals().torrents, 0, "all of it or nothing");
    }
    let Some((age, body)) = data.split_first() else {
        return;
    };
    let limits = Limits {
        torrents_max: 8,
        peers_max: 64,
        ..Limits::default()
    };
    let store = node(2, limits);
    let age_s = u32::from(*age) * 16;
    let blob = sealed(body);
    let Ok(first) = store.apply_events(&blob, age_s, NOW_S, |_| true, admits) else {
        assert_eq!(store.totals().torrents, 0);
        return;
    };
    let totals = store.totals();
    let peers = (totals.peers_v4 + totals.peers_v6) as usize;
    assert!(totals.torrents <= 8 && peers <= 64 && peers <= first.changed);
    // The same again changes nothing, but for what found no room.
    let again = store.apply_events(&blob, age_s, NOW_S, |_| true, admits);
    assert!(again.is_ok_and(|again| again.changed <= first.refused));
    assert!(
        store.take_events(0, 1 << 20, NOW_S).is_empty(),
        "nothing is told on"
    );
    // Whoever joins holds the same.
    let joined = node(3, Limits::default());
    let mut from = Some(0);
    while let Some(at) = from {
        let Some((page, next)) = store.events_page(at, 100, NOW_S) else {
            break;
        };
        let applied = joined.apply_events(&page, 0, NOW_S, |_| true, admits);
        assert!(applied.is_ok_and(|applied| applied.stale + applied.refused == 0));
        from = next;
    }
    let held = |store: &Swarms| {
        let mut rows = store.torrents();
        rows.sort_unstable_by_key(|(infohash, _)| *infohash);
        rows
    };
    assert_eq!(held(&store), held(&joined));
    store.sweep(NOW_S + 2 * Limits::PEER_TIMEOUT_S_MAX / 3, usize::MAX);
    assert_eq!(store.totals().peers_v4 + store.totals().peers_v6, 0);
}
