//! All that is kept of peers: the swarms that answers are made from and, where peers are checked
//! before they are given out, those that wait for it.

use std::net::SocketAddr;

use crate::cluster::ClusterConfig;
use crate::limits::Limits;
use crate::model::{
    Announce, Completed, Counts, Event, Facts, InfoHash, PeerRow, Totals, is_reachable,
};
use crate::nat::{Check, Checks};
use crate::rng::Rng;
use crate::swarm::Swarms;

#[cfg(test)]
mod tests;

pub(crate) struct Store {
    pub(crate) swarms: Swarms,
    /// None where every peer is given out at once.
    pub(crate) waiting: Option<Waiting>,
}

/// Peers that count but are given to nobody, since nobody could connect to them yet.
pub(crate) struct Waiting {
    swarms: Swarms,
    pub(crate) checks: Checks,
}

impl Store {
    pub(crate) fn new(
        limits: Limits,
        checks: Option<Checks>,
        cluster: Option<&ClusterConfig>,
    ) -> Self {
        // Other nodes are told of those alone that are given out.
        let swarms = match cluster {
            None => Swarms::new(limits.clone()),
            Some(cluster) => Swarms::clustered(limits.clone(), cluster),
        };
        let waiting = checks.map(|checks| Waiting {
            swarms: swarms.beside(limits),
            checks,
        });
        Self { swarms, waiting }
    }

    /// As [`Swarms::announce`]; an address that was stated by one who may is believed unchecked.
    #[inline]
    pub(crate) fn announce(
        &self,
        announce: &Announce,
        is_stated: bool,
        now_s: u32,
        rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Facts {
        match &self.waiting {
            None => self.swarms.announce(announce, now_s, rng, v4_out, v6_out),
            Some(waiting) => {
                let mut give = |is_peer: bool, rng: &mut Rng| {
                    if is_peer {
                        self.swarms.announce(announce, now_s, rng, v4_out, v6_out)
                    } else {
                        self.swarms.look(announce, now_s, rng, v4_out, v6_out)
                    }
                };
                if !is_reachable(announce.port) {
                    let facts = give(true, rng);
                    return facts.and(waiting.counts(&announce.infohash));
                }
                let address = SocketAddr::new(announce.ip, announce.port);
                if is_stated {
                    // It may have waited for a check before it was stated.
                    self.let_out(waiting, announce, now_s, rng);
                }
                let is_peer = is_stated || self.swarms.holds(&announce.infohash, address);
                if is_peer && announce.event != Event::Stopped {
                    let facts = give(true, rng);
                    return facts.and(waiting.counts(&announce.infohash));
                }
                let own = waiting.announce(announce, now_s, rng);
                if own.refused.is_some() {
                    return own;
                }
                // Whoever stops leaves both.
                own.with_peers_of(give(is_peer, rng))
            }
        }
    }

    /// A peer was reached: from now on it is given out.
    pub(crate) fn reached(&self, check: &Check, now_s: u32, rng: &mut Rng) {
        if let Some(waiting) = &self.waiting {
            self.let_out(waiting, &check.announce, now_s, rng);
        }
    }

    /// Let a peer that waits join those that are given out, with what it last said of itself.
    fn let_out(&self, waiting: &Waiting, announce: &Announce, now_s: u32, rng: &mut Rng) {
        // It may have stopped while it was tried.
        if let Some(peer) = waiting.leave(announce, now_s, rng) {
            let joins = Announce {
                left: u64::from(!peer.seeder),
                event: if peer.partial {
                    Event::Paused
                } else {
                    Event::None
                },
                numwant: 0,
                ..*announce
            };
            self.swarms.announce(&joins, now_s, rng, &mut [], &mut []);
        }
    }

    pub(crate) fn scrape(&self, infohash: &InfoHash) -> Option<Counts> {
        let counts = self.swarms.scrape(infohash);
        match &self.waiting {
            None => counts,
            Some(waiting) => match (counts, waiting.swarms.scrape(infohash)) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// As [`Swarms::sweep`], in each store.
    pub(crate) fn sweep(&self, now_s: u32, budget: usize) {
        for swarms in self.all() {
            swarms.sweep(now_s, budget);
        }
    }

    /// As [`Swarms::sweep_cost`], of the store that costs most.
    pub(crate) fn sweep_cost(&self) -> usize {
        self.all().map(Swarms::sweep_cost).max().unwrap_or_default()
    }

    fn all(&self) -> impl Iterator<Item = &Swarms> {
        let waiting = self.waiting.as_ref().map(|waiting| &waiting.swarms);
        [Some(&self.swarms), waiting].into_iter().flatten()
    }

    pub(crate) fn forget(&self, infohash: &InfoHash) -> bool {
        let waiting = self.waiting.as_ref();
        let waited = waiting.is_some_and(|waiting| waiting.swarms.forget(infohash));
        self.swarms.forget(infohash) || waited
    }

    pub(crate) fn torrents(&self) -> Vec<(InfoHash, Counts)> {
        let mut rows = self.swarms.torrents();
        if let Some(waiting) = &self.waiting {
            waiting.add_to(&mut rows);
            rows.extend(self.only_waiting(waiting.swarms.torrents()));
        }
        rows
    }

    /// As [`Swarms::torrents_page`]; the torrents that nobody was reached of come last.
    pub(crate) fn torrents_page(
        &self,
        from: usize,
        limit: usize,
    ) -> (Vec<(InfoHash, Counts)>, Option<usize>) {
        let Some(waiting) = &self.waiting else {
            return self.swarms.torrents_page(from, limit);
        };
        let last = Swarms::SHARDS;
        if from >= last {
            let (rows, next) = waiting.swarms.torrents_page(from - last, limit);
            return (
                self.only_waiting(rows).collect(),
                next.map(|next| next + last),
            );
        }
        let (mut rows, next) = self.swarms.torrents_page(from, limit);
        waiting.add_to(&mut rows);
        (rows, next.or(Some(last)))
    }

    fn only_waiting(
        &self,
        rows: Vec<(InfoHash, Counts)>,
    ) -> impl Iterator<Item = (InfoHash, Counts)> {
        rows.into_iter()
            .filter(|(infohash, _)| self.swarms.scrape(infohash).is_none())
    }

    /// Addresses that seed and addresses that do not; one that was reached for one torrent and waits
    /// for another counts twice.
    pub(crate) fn unique_ips(&self) -> (usize, usize) {
        let (seeders, leechers) = self.swarms.unique_ips();
        match &self.waiting {
            None => (seeders, leechers),
            Some(waiting) => {
                let (more_seeders, more_leechers) = waiting.swarms.unique_ips();
                (seeders + more_seeders, leechers + more_leechers)
            }
        }
    }

    /// As [`Swarms::take_completed`], of each store.
    pub(crate) fn take_completed(&self, mut take: impl FnMut(Completed)) {
        for swarms in self.all() {
            swarms.take_completed(&mut take);
        }
    }

    pub(crate) fn peers(&self, infohash: &InfoHash, limit: usize) -> Vec<PeerRow> {
        let mut rows = self.swarms.peers(infohash, limit);
        if let Some(waiting) = &self.waiting {
            rows.extend(waiting.swarms.peers(infohash, limit - rows.len()));
        }
        rows
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.swarms.totals();
        if let Some(waiting) = &self.waiting {
            let more = waiting.swarms.totals();
            totals.torrents += more.torrents;
            totals.peers_v4 += more.peers_v4;
            totals.peers_v6 += more.peers_v6;
            totals.seeders += more.seeders;
            totals.expired += more.expired;
            totals.bytes += more.bytes;
        }
        totals
    }
}

impl Waiting {
    fn add_to(&self, rows: &mut [(InfoHash, Counts)]) {
        for (infohash, counts) in rows {
            *counts = counts.and(self.counts(infohash));
        }
    }

    fn counts(&self, infohash: &InfoHash) -> Counts {
        self.swarms.scrape(infohash).unwrap_or_default()
    }

    /// Let a peer out, and tell what it last said of itself; none if it does not wait.
    fn leave(&self, announce: &Announce, now_s: u32, rng: &mut Rng) -> Option<PeerRow> {
        let address = SocketAddr::new(announce.ip, announce.port);
        let peer = self.swarms.find(&announce.infohash, address)?;
        // What it says is heard where it goes.
        let leaves = Announce {
            event: Event::Stopped,
            left: u64::MAX,
            numwant: 0,
            ..*announce
        };
        self.swarms.announce(&leaves, now_s, rng, &mut [], &mut []);
        Some(peer)
    }

    fn announce(&self, announce: &Announce, now_s: u32, rng: &mut Rng) -> Facts {
        let facts = self.swarms.announce(announce, now_s, rng, &mut [], &mut []);
        if facts.refused.is_none() && announce.event != Event::Stopped {
            self.checks.ask(Check {
                announce: *announce,
            });
        }
        facts
    }
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            complete: self.complete + other.complete,
            incomplete: self.incomplete + other.incomplete,
            downloaded: self.downloaded.saturating_add(other.downloaded),
            partial: self.partial + other.partial,
        }
    }
}

impl Facts {
    fn counts(&self) -> Counts {
        Counts {
            complete: self.complete,
            incomplete: self.incomplete,
            downloaded: self.downloaded,
            partial: 0,
        }
    }

    fn and(self, other: Counts) -> Self {
        let sum = self.counts().and(other);
        Self {
            complete: sum.complete,
            incomplete: sum.incomplete,
            downloaded: sum.downloaded,
            ..self
        }
    }

    fn with_peers_of(self, other: Self) -> Self {
        Self {
            v4_bytes: other.v4_bytes,
            v6_bytes: other.v6_bytes,
            completed_now: self.completed_now | other.completed_now,
            ..self.and(other.counts())
        }
    }
}
