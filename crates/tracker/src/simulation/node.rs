//! One node: its store, its machine's clock, what it has on disk, and how far it has read.

use std::collections::{BTreeMap, BTreeSet};

use super::Bug;
use super::carrier::Carrier;
use crate::cluster::ClusterConfig;
use crate::limits::Limits;
use crate::model::{Announce, InfoHash};
use crate::rng::Rng;
use crate::swarm::Swarms;

pub(super) const TIMEOUT_S: u32 = 160;
pub(super) const LIFE_S: u32 = TIMEOUT_S * 3 / 2;

const BLOB_BYTES: usize = 2048;

/// Downloads of a node by torrent: counted, and taken back. Neither ever falls.
#[derive(Clone, Default)]
pub(super) struct Counted {
    own: BTreeMap<InfoHash, u32>,
    withdrawn: BTreeMap<InfoHash, u32>,
}

impl Counted {
    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.own, &other.own),
            (&mut self.withdrawn, &other.withdrawn),
        ] {
            for (infohash, count) in theirs {
                let known = mine.entry(*infohash).or_default();
                *known = (*known).max(*count);
            }
        }
    }
}

pub(super) struct Node {
    pub(super) number: u64,
    pub(super) store: Option<Swarms>,
    pub(super) is_connected: bool,
    /// It was away for longer than entries are kept.
    pub(super) has_missed: bool,
    /// It does nothing before.
    pub(super) paused_until_s: i64,
    config: ClusterConfig,
    /// What the machine shows at the beginning of all time, and by how much it goes wrong.
    shows_s: i64,
    drift_ppm: i64,
    cursors: Vec<usize>,
    /// On disk: the own, and what it knows of the others.
    counted: BTreeMap<u64, Counted>,
    marks: Vec<u64>,
    /// On disk: the marks of what it counted itself, with their torrents, and of what it took back of that.
    counted_here: Vec<(u64, InfoHash)>,
    taken_back: BTreeSet<u64>,
    /// Whether it told all that there was to tell before it ended.
    is_told: bool,
    /// Downloads that it counted since it last told anything.
    pub(super) untold: u32,
    bug: Bug,
    applied: u32,
}

impl Node {
    pub(super) fn new(number: u64, parts: usize, bug: Bug, rng: &mut Rng) -> Self {
        Self {
            number,
            store: None,
            is_connected: true,
            has_missed: false,
            paused_until_s: 0,
            config: ClusterConfig {
                node: number,
                queue_bytes_max: rng.usize(2000..30_000),
                parts,
            },
            shows_s: rng.i64(100_000..2_000_000),
            drift_ppm: rng.i64(-300..300),
            cursors: vec![0; parts],
            counted: BTreeMap::from([(number, Counted::default())]),
            marks: Vec::new(),
            counted_here: Vec::new(),
            taken_back: BTreeSet::new(),
            is_told: false,
            untold: 0,
            bug,
            applied: 0,
        }
    }

    /// Seconds of its machine's clock.
    pub(super) fn shown_s(&self, now_s: i64) -> u32 {
        (self.shows_s + now_s + now_s * self.drift_ppm / 1_000_000) as u32
    }

    pub(super) fn serves(&self, now_s: i64) -> bool {
        self.store.is_some() && now_s >= self.paused_until_s
    }

    /// Starts with what another node gives, if there is one, and reads on from where the streams were then.
    pub(super) fn start(
        &mut self,
        giver: Option<&Self>,
        carrier: &Carrier,
        now_s: i64,
        rng: &mut Rng,
    ) {
        let limits = Limits {
            peer_timeout_s: TIMEOUT_S,
            ..Limits::default()
        };
        let store = Swarms::simulated(limits, &self.config, rng.u64(..));
        let own: Vec<_> = self.counted[&self.number].own.clone().into_iter().collect();
        store.set_completed(&own);
        store.recall_counted(&self.marks);
        let mut here = self.counted_here.clone();
        here.retain(|(mark, _)| !self.taken_back.contains(mark));
        store.recall_counted_here(&here, self.is_told);
        self.is_told = false;
        // A new machine may show anything.
        self.shows_s = rng.i64(100_000..2_000_000);
        self.store = Some(store);
        self.untold = 0;
        self.note_missed(carrier);
        // Entries that were there before tell what a giver has forgotten: who went.
        self.cursors = (0..carrier.parts())
            .map(|part| carrier.first(part))
            .collect();
        if giver.is_none() {
            self.read(carrier, now_s, usize::MAX);
        }
        if let Some(giver) = giver {
            let mut from = Some(0);
            while let Some(at) = from {
                let Some(of) = &giver.store else { break };
                let page = of.events_page(at, rng.usize(1..5000), giver.shown_s(now_s));
                let (blob, next) = page.expect("one of several");
                self.apply(&blob, 0, now_s);
                from = next;
            }
        }
        self.show_sum();
    }

    pub(super) fn announce(&mut self, announce: &Announce, now_s: i64) {
        let shown_s = self.shown_s(now_s);
        if let Some(store) = &self.store {
            let rng = &mut Rng::with_seed(1);
            let facts = store.announce(announce, shown_s, rng, &mut [], &mut []);
            self.untold += u32::from(facts.completed_now);
        }
    }

    fn apply(&mut self, blob: &[u8], age_s: u32, now_s: i64) {
        let shown_s = self.shown_s(now_s);
        self.applied += 1;
        if self.bug == Bug::LostBlob && self.applied.is_multiple_of(10) {
            return;
        }
        let Some(store) = &self.store else { return };
        store
            .apply_events(blob, age_s, shown_s, |_| true, |_| true)
            .expect("a sound blob");
        if self.bug == Bug::NoTombstones {
            store.forget_tombstones();
        }
        let counted = self.counted.entry(self.number).or_default();
        let taken_back = &mut self.taken_back;
        store.take_withdrawn(|taken| {
            for (infohash, count) in taken.counts {
                if self.bug != Bug::NoWithdrawal {
                    *counted.withdrawn.entry(infohash).or_default() += count;
                }
            }
            taken_back.extend(taken.marks);
        });
    }

    /// Writes to disk what was counted.
    pub(super) fn save(&mut self) {
        let Some(store) = &self.store else { return };
        self.counted_here.extend(store.take_counted_here());
        let counted = self.counted.entry(self.number).or_default();
        store.take_completed(|taken| {
            for (infohash, count) in taken.counts {
                *counted.own.entry(infohash).or_default() += count;
            }
            self.marks.extend(taken.marks);
        });
    }

    /// Tells the next of a part, if anything is to be told.
    pub(super) fn tell(
        &mut self,
        part: usize,
        carrier: &mut Carrier,
        now_s: i64,
        rng: &mut Rng,
    ) -> bool {
        let shown_s = self.shown_s(now_s);
        self.save();
        let Some(store) = &self.store else {
            return false;
        };
        let blob = store.take_events(part, BLOB_BYTES, shown_s);
        if self.count("cluster_queued_bytes") == 0 {
            self.untold = 0;
        }
        carrier
            .counted
            .insert(self.number, self.counted[&self.number].clone());
        if blob.is_empty() {
            return false;
        }
        // Nobody knows whether it was written when the answer is late, so it is written again.
        if rng.u32(..20) == 0 {
            carrier.add(part, blob.clone(), now_s);
        }
        carrier.add(part, blob, now_s);
        true
    }

    /// Reads up to so many entries of each part, and what the others counted.
    pub(super) fn read(&mut self, carrier: &Carrier, now_s: i64, limit: usize) -> bool {
        let mut has_read = false;
        self.note_missed(carrier);
        for part in 0..carrier.parts() {
            for _ in 0..limit {
                let Some((entry, next)) = carrier.next(part, self.cursors[part]) else {
                    break;
                };
                self.cursors[part] = next;
                let age_s = (now_s + carrier.wrong_s - entry.at_s).max(0) as u32;
                self.apply(&entry.blob, age_s, now_s);
                has_read = true;
            }
        }
        for (number, counted) in &carrier.counted {
            self.counted.entry(*number).or_default().merge(counted);
        }
        self.show_sum();
        has_read
    }

    fn note_missed(&mut self, carrier: &Carrier) {
        let mut cursors = self.cursors.iter().enumerate();
        self.has_missed |= cursors.any(|(part, cursor)| carrier.has_dropped(part, *cursor));
    }

    /// Reads some of it again.
    pub(super) fn read_again(&mut self, carrier: &Carrier, number: usize) {
        for (part, cursor) in self.cursors.iter_mut().enumerate() {
            let again = cursor.saturating_sub(number).max(carrier.first(part));
            *cursor = again.min(*cursor);
        }
    }

    /// What the cursors are set to where the entries before are known to be lost.
    pub(super) fn bound_cursors(&mut self, carrier: &Carrier) {
        for (part, cursor) in self.cursors.iter_mut().enumerate() {
            *cursor = (*cursor).min(carrier.end(part));
        }
    }

    fn show_sum(&self) {
        let Some(store) = &self.store else { return };
        let mut sums: BTreeMap<InfoHash, i64> = BTreeMap::new();
        for (number, counted) in &self.counted {
            for (infohash, count) in &counted.own {
                let of_others = if *number == self.number { 0 } else { *count };
                *sums.entry(*infohash).or_default() += i64::from(of_others);
            }
            for (infohash, count) in &counted.withdrawn {
                *sums.entry(*infohash).or_default() -= i64::from(*count);
            }
        }
        let sums: Vec<_> = sums.into_iter().collect();
        store.set_foreign(&sums);
    }

    /// Ends after it has told all.
    pub(super) fn end(&mut self) {
        self.is_told = true;
        self.die();
    }

    /// Ends without a word, and gives how many downloads are lost with it.
    pub(super) fn die(&mut self) -> u32 {
        let mut lost = 0;
        if let Some(store) = self.store.take() {
            store.take_completed(|taken| {
                lost += taken.counts.iter().map(|(_, count)| count).sum::<u32>();
            });
        }
        lost
    }

    pub(super) fn count(&self, name: &str) -> u64 {
        let cluster = self.store.as_ref().and_then(Swarms::cluster);
        let counts = cluster
            .map(crate::cluster::Cluster::all_counts)
            .unwrap_or_default();
        let found = counts.iter().find(|(other, _)| *other == name);
        found.map_or(0, |(_, count)| *count)
    }
}
