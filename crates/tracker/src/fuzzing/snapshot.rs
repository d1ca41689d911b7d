use crate::limits::Limits;
use crate::swarm::{Swarms, sealed};

const NOW_S: u32 = 1_000_000;

/// A snapshot as it may lie on a disk, and one whose checksum is right whatever it says.
pub fn snapshot(data: &[u8]) {
    let damaged = Swarms::seeded(Limits::default(), 1);
    if damaged.restore(data, 0, NOW_S).is_err() {
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
    let store = Swarms::seeded(limits, 1);
    let age_s = u32::from(*age) * 16;
    let brought = store.restore(&sealed(body), age_s, NOW_S);
    let totals = store.totals();
    assert_eq!(brought, Ok((totals.peers_v4 + totals.peers_v6) as usize));
    assert!(totals.torrents <= 8 && totals.peers_v4 + totals.peers_v6 <= 64);
    let again = Swarms::seeded(Limits::default(), 2);
    let brought_again = again.restore(&store.snapshot(NOW_S), 0, NOW_S);
    assert_eq!(brought_again, brought);
    // Counters of torrents without peers lie in the state's database, so a snapshot leaves them out.
    let with_peers = |store: &Swarms| {
        let mut rows = store.torrents();
        rows.retain(|(_, counts)| counts.complete + counts.incomplete > 0);
        rows.sort_unstable_by_key(|(infohash, _)| *infohash);
        rows
    };
    assert_eq!(with_peers(&store), with_peers(&again));
    store.sweep(NOW_S + 2 * Limits::PEER_TIMEOUT_S_MAX / 3, usize::MAX);
    assert_eq!(store.totals().peers_v4 + store.totals().peers_v6, 0);
}
