//! The store and a naive one do the same, and have to agree after each step.
//!
//! Where the store is free to choose, which peers it gives and how far a step of the sweep comes,
//! it is asked what it chose, and only whether it was allowed to is compared.

mod naive;
mod operation;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use self::naive::{Family, Naive, family};
#[cfg(feature = "fuzzing")]
pub(crate) use self::operation::Bytes;
use self::operation::{Ask, Operation};
pub(crate) use self::operation::{Place, Source};
use super::Swarms;
use super::counted::Counted;
use super::mix::Keys;
use super::peer::{PeerV4, PeerV6};
use super::peers::Peers;
use super::slot::{Kept, Slot, View};
use crate::cluster::clock::Clock;
use crate::cluster::{Cluster, ClusterConfig};
use crate::limits::Limits;
use crate::model::{COMPACT_V4, COMPACT_V6, Event, Facts, InfoHash};
use crate::rng::Rng;

/// Peers up to which an answer looks at all places of a swarm, whatever it was in earlier times.
const SMALL: usize = 128;

/// Sets of marks: so many that none is full.
const TRIAL_SETS: usize = 1 << 17;

/// As few as are cheap to make in thousands.
const SIMULATED_SETS: usize = 256;

pub(crate) struct Trial {
    limits: Limits,
    store: Swarms,
    naive: Naive,
    rng: Rng,
    now_s: u32,
    /// A snapshot with the time and the naive store of its moment.
    saved: Option<(Vec<u8>, u32, Naive)>,
}

impl Swarms {
    /// Make an empty store that does the same for the same seed.
    pub(crate) fn seeded(limits: Limits, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let counted = Counted::with_sets(TRIAL_SETS);
        Self::keyed(limits, Keys::draw(|| rng.u64(..)), counted.into())
    }

    /// Make one of several that does the same for the same seed.
    pub(crate) fn simulated(limits: Limits, config: &ClusterConfig, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clock = Clock::named(rng.u64(..));
        let cluster = Cluster::with_clock(config, rng.u64(..), clock);
        let keys = Keys::draw(|| rng.u64(..));
        Self::keyed(limits, keys, Counted::with_sets(SIMULATED_SETS).into()).joined(cluster)
    }
}

impl Trial {
    pub(crate) fn new(limits: &Limits, seed: u64) -> Self {
        Self {
            limits: limits.clone(),
            store: Swarms::seeded(limits.clone(), seed),
            naive: Naive::new(limits.clone()),
            rng: Rng::with_seed(seed),
            now_s: 1_000_000,
            saved: None,
        }
    }

    /// Do what `source` makes up, among the torrents and peers of `place`.
    pub(crate) fn act(&mut self, source: &mut impl Source, place: &Place) {
        match Operation::draw(source, place) {
            Operation::Wait(seconds) => self.now_s += seconds,
            Operation::Announce(ask) => self.announce(&ask),
            Operation::Look(ask) => self.look(&ask),
            Operation::Scrape(infohash) => {
                let known = self.naive.torrents.get(&infohash);
                let counts = known.map(naive::Torrent::counts);
                assert_eq!(self.store.scrape(&infohash), counts);
            }
            Operation::Holds(infohash, address) => {
                let known = self.naive.torrents.get(&infohash);
                let holds = known.is_some_and(|torrent| torrent.peers.contains_key(&address));
                assert_eq!(self.store.holds(&infohash, address), holds);
            }
            Operation::SetCompleted(infohash, count) => {
                self.store.set_completed(&[(infohash, count)]);
                self.naive.set_completed(&infohash, count);
            }
            Operation::Drain => self.drain(),
            Operation::Forget(infohash) => {
                let was_there = self.naive.forget(&infohash);
                assert_eq!(self.store.forget(&infohash), was_there);
            }
            Operation::Retain(byte) => self.retain(byte),
            Operation::Origins(origins) => {
                self.store.set_origins(&origins);
                self.naive.origins = origins;
                self.naive.origins.retain(|origin| origin.port() != 0);
            }
            Operation::Sweep(budget) => self.sweep(budget),
            Operation::Save => {
                let snapshot = self.store.snapshot(self.now_s);
                self.saved = Some((snapshot, self.now_s, self.naive.clone()));
            }
            Operation::Restart(seconds) => self.restart(seconds),
            Operation::Merge => self.merge(),
        }
    }

    fn announce(&mut self, ask: &Ask) {
        let announce = &ask.announce;
        let (mut v4, mut v6) = (vec![0; ask.v4_bytes], vec![0; ask.v6_bytes]);
        self.store.prefetch_peers(announce, &mut self.rng.clone());
        let facts = self
            .store
            .announce(announce, self.now_s, &mut self.rng, &mut v4, &mut v6);
        let expected = Facts {
            v4_bytes: facts.v4_bytes,
            v6_bytes: facts.v6_bytes,
            ..self.naive.announce(announce, self.now_s)
        };
        assert_eq!(facts, expected, "{announce:?}");
        if announce.event == Event::Stopped {
            assert_eq!((facts.v4_bytes, facts.v6_bytes), (0, 0));
            return;
        }
        // Who is refused hears why, and of no peers.
        if facts.refused.is_none() {
            self.check_given(ask, &v4[..facts.v4_bytes], &v6[..facts.v6_bytes]);
        }
    }

    /// Asks without joining, which only those do that are not in the swarm.
    fn look(&mut self, ask: &Ask) {
        let announce = &ask.announce;
        let asker = SocketAddr::new(announce.ip, announce.port);
        if self.store.holds(&announce.infohash, asker) {
            return;
        }
        let (mut v4, mut v6) = (vec![0; ask.v4_bytes], vec![0; ask.v6_bytes]);
        let facts = self
            .store
            .look(announce, self.now_s, &mut self.rng, &mut v4, &mut v6);
        let known = self.naive.torrents.get(&announce.infohash);
        let counts = known.map(naive::Torrent::counts).unwrap_or_default();
        assert_eq!(facts.complete, counts.complete);
        assert_eq!(facts.incomplete, counts.incomplete);
        assert_eq!(facts.downloaded, counts.downloaded);
        assert!(!facts.joined && !facts.completed_now && facts.refused.is_none());
        self.check_given(ask, &v4[..facts.v4_bytes], &v6[..facts.v6_bytes]);
    }

    /// Who is given must be of use, once, not the asker, and in the number wanted.
    fn check_given(&self, ask: &Ask, v4: &[u8], v6: &[u8]) {
        let announce = &ask.announce;
        let nobody = naive::Torrent::default();
        let torrent = self.naive.torrents.get(&announce.infohash);
        let torrent = torrent.unwrap_or(&nobody);
        let asker = SocketAddr::new(announce.ip, announce.port);
        let given = [addresses::<6>(v4), addresses::<18>(v6)];
        let rooms = [ask.v4_bytes / COMPACT_V4, ask.v6_bytes / COMPACT_V6];
        let wants_data = announce.event == Event::Started
            || announce.left > 0 && announce.event != Event::Paused;
        let is_last_resort = !wants_data
            && announce.left == 0
            && announce.has_nothing
            && (torrent.has_no_downloaders(rooms) || {
                let mut given = given.iter().flatten();
                given.any(|address| !torrent.downloads(address))
            });
        let wants_data = wants_data || is_last_resort;
        let most = if is_last_resort { 5 } else { usize::MAX };
        let numwant = announce.numwant.min(most);
        let origins: &[SocketAddr] = if wants_data { &self.naive.origins } else { &[] };
        for addresses in &given {
            // Few enough for a list to be the faster set.
            for (at, address) in addresses.iter().enumerate() {
                assert!(!addresses[..at].contains(address), "{address} given twice");
                assert_ne!(*address, asker, "the asker is given itself");
                let is_known = torrent.peers.contains_key(address);
                let is_useful = is_known && (wants_data || torrent.downloads(address));
                assert!(
                    is_useful || origins.contains(address),
                    "{address} is of no use"
                );
            }
        }
        let own = family(asker);
        let other_origins = origins.iter().filter(|origin| family(**origin) != own);
        let other_origins: BTreeSet<_> = other_origins.collect();
        let reserved = (torrent.families[1 - own].len + other_origins.len())
            .min(rooms[1 - own])
            .min(numwant / 4);
        let mut wanted = [numwant - reserved; 2];
        wanted[1 - own] = numwant - given[own].len();
        for (at, given) in given.iter().enumerate() {
            let wanted = wanted[at].min(rooms[at]);
            let first = origins
                .iter()
                .filter(|origin| family(**origin) == at && **origin != asker);
            let first: BTreeSet<_> = first.collect();
            let others = others(torrent, at, asker, wants_data, &first);
            let most = wanted.min(first.len() + others);
            assert!(given.len() <= most, "{} given of {most}", given.len());
            if torrent.peak <= SMALL || torrent.families[at].len <= wanted {
                assert_eq!(given.len(), most, "{wanted} wanted, {ask:?}");
            }
            let leading = given.iter().take(first.len());
            assert!(leading.into_iter().all(|address| first.contains(address)));
        }
    }

    fn drain(&mut self) {
        let mut completions = HashMap::new();
        self.store.take_completed(|completed| {
            let counted: u32 = completed.counts.iter().map(|(_, count)| count).sum();
            // Those of torrents that were forgotten meanwhile have marks all the same.
            assert!(completed.marks.len() >= counted as usize);
            completions.extend(completed.counts);
        });
        assert_eq!(completions, std::mem::take(&mut self.naive.completions));
    }

    fn retain(&mut self, byte: u8) {
        let keep = |infohash: &InfoHash| infohash[19] != byte;
        let goes: Vec<_> = self.naive.torrents.keys().copied().collect();
        let goes: Vec<_> = goes.iter().filter(|infohash| !keep(infohash)).collect();
        assert_eq!(self.store.retain(keep), goes.len());
        for infohash in goes {
            self.naive.torrents.remove(infohash);
        }
        self.naive.completions.retain(|infohash, _| keep(infohash));
    }

    /// Without a budget a sweep goes round the whole store.
    fn sweep(&mut self, budget: Option<usize>) {
        let empty = self.naive.empty();
        let overdue = self.naive.overdue(self.now_s);
        let expired = self.store.sweep(self.now_s, budget.unwrap_or(usize::MAX));
        let mut gone = 0;
        for (infohash, address) in &overdue {
            if !self.store.holds(infohash, *address) {
                self.naive.expire(infohash, *address);
                gone += 1;
            }
        }
        assert_eq!(expired, gone);
        let empty = empty.max(self.naive.empty());
        self.follow_closed(empty);
        if budget.is_none() {
            assert_eq!(gone, overdue.len());
            let mut torrents = self.naive.torrents.values();
            assert!(torrents.all(|torrent| !torrent.peers.is_empty() || torrent.completed > 0));
            assert!(self.naive.empty() <= self.limits.counters_kept_max);
        }
    }

    /// Close the torrents that the store closed, if it may.
    fn follow_closed(&mut self, empty: usize) {
        let empties = self.naive.torrents.iter();
        let empties = empties.filter(|(_, torrent)| torrent.peers.is_empty());
        let closed: Vec<InfoHash> = empties
            .map(|(infohash, _)| *infohash)
            .filter(|infohash| self.store.scrape(infohash).is_none())
            .collect();
        for infohash in closed {
            assert!(self.naive.may_close(&infohash, empty));
            self.naive.torrents.remove(&infohash);
        }
    }

    /// A process ends, and another one goes on with what it wrote down.
    fn restart(&mut self, seconds: u32) {
        let snapshot = self.store.snapshot(self.now_s);
        let old = std::mem::replace(&mut self.naive, Naive::new(self.limits.clone()));
        let counted = self.store.counted();
        self.store = Swarms::seeded(self.limits.clone(), self.rng.u64(..));
        self.store.recall_counted(&counted);
        self.naive.counted.clone_from(&old.counted);
        let then_s = self.now_s;
        self.now_s = 500_000 + self.rng.u32(..100_000);
        let brought = self.store.restore(&snapshot, seconds, self.now_s);
        let expected = self.naive.restore(&old, then_s, seconds, self.now_s);
        assert_eq!(brought, Ok(expected));
        self.follow_closed(self.naive.empty());
        assert!(self.naive.empty() <= self.limits.counters_kept_max);
        self.saved = None;
    }

    /// An earlier snapshot comes on top of what is there, where no limit makes a choice of it.
    fn merge(&mut self) {
        let Some((snapshot, then_s, old)) = self.saved.take() else {
            return;
        };
        if self.limits.torrents_max < Limits::default().torrents_max {
            return;
        }
        let age_s = self.now_s - then_s;
        let brought = self.store.restore(&snapshot, age_s, self.now_s);
        let expected = self.naive.restore(&old, then_s, age_s, self.now_s);
        assert_eq!(brought, Ok(expected));
        let empty = self.naive.empty();
        self.follow_closed(empty);
    }

    /// Compare everything that can be seen of the store, and its own accounts with what it holds;
    /// tell how many families of swarms are split.
    pub(crate) fn check(&self) -> usize {
        let expected: BTreeMap<_, _> = self
            .naive
            .torrents
            .iter()
            .map(|(infohash, torrent)| (*infohash, torrent.counts()))
            .collect();
        let rows = self.store.torrents();
        assert_eq!(rows.len(), expected.len());
        assert_eq!(rows.into_iter().collect::<BTreeMap<_, _>>(), expected);
        let mut from = Some(0);
        let mut paged = Vec::new();
        while let Some(at) = from {
            let (page, next) = self.store.torrents_page(at, 7);
            paged.extend(page);
            from = next;
        }
        assert_eq!(paged.len(), expected.len());
        assert_eq!(paged.into_iter().collect::<BTreeMap<_, _>>(), expected);

        let mut sums = [Family::default(); 2];
        for (infohash, torrent) in &self.naive.torrents {
            assert_eq!(torrent.families, torrent.recount());
            for (sum, family) in sums.iter_mut().zip(torrent.families) {
                sum.len += family.len;
                sum.seeders += family.seeders;
            }
            self.check_peers(infohash, torrent);
        }
        let totals = self.store.totals();
        assert_eq!(totals.torrents, expected.len() as u64);
        let lens = [totals.peers_v4, totals.peers_v6];
        assert_eq!(lens, sums.map(|sum| sum.len as u64));
        let seeders: usize = sums.iter().map(|sum| sum.seeders).sum();
        assert_eq!(totals.seeders, seeders as u64);
        assert_eq!(totals.expired, self.naive.expired);
        assert_eq!(self.store.unique_ips(), self.naive.unique_ips());

        let load = &self.store.load;
        assert_eq!(load.torrents.get(), expected.len());
        assert_eq!(load.peers.get(), self.naive.peers());
        assert_eq!(load.empty.get(), self.naive.empty());
        self.check_shards()
    }

    fn check_peers(&self, infohash: &InfoHash, torrent: &naive::Torrent) {
        let rows = self.store.peers(infohash, usize::MAX);
        assert_eq!(rows.len(), torrent.peers.len());
        let mut seen = HashSet::new();
        for row in rows {
            let peer = torrent.peers.get(&row.address);
            let said = peer.map(|peer| (peer.seeder, peer.partial));
            assert_eq!(said, Some((row.seeder, row.partial)), "{}", row.address);
            assert!(seen.insert(row.address), "{} twice", row.address);
        }
    }

    fn check_shards(&self) -> usize {
        let mut completions = HashMap::new();
        let mut split = 0;
        for padded in &self.store.shards {
            let shard = padded.shard.lock();
            let bytes: usize = shard.torrents.iter().map(Slot::bytes).sum();
            assert_eq!(shard.tally.bytes, bytes as u64);
            for slot in shard.torrents.iter() {
                split += usize::from(is_split::<PeerV4>(slot));
                split += usize::from(is_split::<PeerV6>(slot));
            }
            assert!(shard.partials.values().all(|partials| *partials > 0));
            completions.extend(shard.completions.counts());
        }
        assert_eq!(completions, self.naive.completions);
        split
    }
}

fn is_split<P: Kept>(slot: &Slot) -> bool {
    matches!(P::view(slot), View::Many(Peers::Many(_)))
}

/// How many may be given after the origins.
fn others(
    torrent: &naive::Torrent,
    family: usize,
    asker: SocketAddr,
    wants_data: bool,
    origins: &BTreeSet<&SocketAddr>,
) -> usize {
    let Family {
        len,
        seeders,
        partials,
    } = torrent.families[family];
    if !wants_data {
        return len - seeders - partials;
    }
    let is_own = naive::family(asker) == family;
    let asks = usize::from(is_own && torrent.peers.contains_key(&asker));
    let first = origins
        .iter()
        .filter(|origin| torrent.peers.contains_key(origin));
    len - asks - first.count()
}

pub(crate) fn addresses<const N: usize>(bytes: &[u8]) -> Vec<SocketAddr> {
    let (entries, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty());
    let address = |entry: &[u8; N]| {
        let port = u16::from_be_bytes([entry[N - 2], entry[N - 1]]);
        let ip = match entry.first_chunk::<16>() {
            Some(octets) => IpAddr::from(*octets),
            None => IpAddr::from([entry[0], entry[1], entry[2], entry[3]]),
        };
        SocketAddr::new(ip, port)
    };
    entries.iter().map(address).collect()
}
