//! Trackers that act as one: what this one tells the others, and how words of different nodes compare.
//!
//! It knows no store and no socket. The store writes into the `outbox` what happened; the owner takes it
//! out as bytes and brings those of the other nodes (`codec`), which the store then applies: see
//! `swarm/apply`. Of two words about a peer the later one counts (`stamp`, by a `clock` that all nodes
//! have in common), also where the peer is gone (`tombstones`). So nodes that heard the same words, in
//! whatever order and however often, hold the same peers.

pub(crate) mod clock;
pub(crate) mod codec;
mod counted_here;
mod fifo;
mod outbox;
pub(crate) mod stamp;
pub(crate) mod tombstones;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use self::clock::Clock;
pub use self::codec::BlobError;
use self::codec::{Head, Writer};
use self::counted_here::CountedHere;
use self::outbox::Outbox;
pub(crate) use self::outbox::{Event, Missed, part_of};
use self::stamp::{TIME, UNIT_S};
use crate::model::InfoHash;

/// How a tracker is one of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// This node's number, another one at each, the same after a restart.
    pub node: u64,
    /// Bytes of events that wait to be taken; beyond, the oldest refreshes are dropped first.
    pub queue_bytes_max: usize,
    /// Ranges of infohashes whose events are taken apart from each other, at least 1.
    pub parts: usize,
}

/// What one node of several keeps beside its store.
pub(crate) struct Cluster {
    pub(crate) node: u64,
    run: u64,
    clock: Clock,
    outbox: Outbox,
    counted_here: CountedHere,
    counts: Counts,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Default)]
        pub(crate) struct Counts {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)*
        }

        impl Counts {
            fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Relaxed)),)*]
            }
        }
    };
}

counts! {
    /// Events taken out, and the blobs and bytes that they were taken out in.
    cluster_events_out,
    cluster_blobs_out,
    cluster_bytes_out,
    /// Events of other nodes, and the blobs that they came in.
    cluster_events_in,
    cluster_blobs_in,
    cluster_bytes_in,
    /// Events that changed nothing, as something later was known.
    cluster_events_stale,
    /// Events refused: their torrent or address is not served here, or there is no room.
    cluster_events_refused,
    /// Blobs refused whole.
    cluster_blobs_refused,
    /// Downloads taken back, since another node counted them too.
    cluster_withdrawn,
}

impl Cluster {
    pub(crate) fn new(config: &ClusterConfig, mut random: impl FnMut() -> u64) -> Self {
        Self::with_clock(config, random(), Clock::begin(random()))
    }

    pub(crate) fn with_clock(config: &ClusterConfig, run: u64, clock: Clock) -> Self {
        Self {
            node: config.node,
            run,
            clock,
            outbox: Outbox::new(config.queue_bytes_max, config.parts),
            counted_here: CountedHere::default(),
            counts: Counts::default(),
        }
    }

    /// What this node's own words of now are stamped with.
    #[inline]
    pub(crate) fn now(&self, now_s: u32) -> u16 {
        self.clock.own(now_s / UNIT_S) as u16 & TIME
    }

    #[inline(never)]
    pub(crate) fn tell(&self, event: Event, is_change: bool) {
        self.outbox.push(event, is_change);
    }

    /// Tell of a download that was counted here.
    pub(crate) fn tell_counted(&self, infohash: &InfoHash, mark: u64) {
        self.outbox.push_mark(infohash, mark);
        self.counted_here.add(mark, *infohash);
    }

    /// Take what was counted here since it was last taken.
    pub(crate) fn take_counted(&self) -> Vec<(u64, InfoHash)> {
        self.counted_here.take_new()
    }

    /// Know again of what an earlier run counted, and tell it unless that run has.
    pub(crate) fn recall_counted(&self, counted: &[(u64, InfoHash)], is_told: bool) {
        for (mark, infohash) in counted {
            self.counted_here.recall(*mark, *infohash);
            if !is_told {
                self.outbox.push_mark(infohash, *mark);
            }
        }
    }

    /// This node's mark and the torrent of a download that another node counted and this one too, if it is
    /// on this one to take it back: of all nodes that counted it, the one with the lowest number does not.
    pub(crate) fn counted_twice(&self, head: &Head, mark: u64) -> Option<(u64, InfoHash)> {
        if head.is_of_all || head.node >= self.node {
            return None;
        }
        self.counted_here.remove(mark)
    }

    pub(crate) fn parts(&self) -> usize {
        self.outbox.parts()
    }

    /// Up to about `bytes_max` of what waits in a part; empty if nothing does.
    pub(crate) fn take(&self, part: usize, bytes_max: usize, now_s: u32) -> Vec<u8> {
        let taken = self.outbox.take(part, bytes_max);
        let events = taken.v4.len() + taken.v6.len();
        if events == 0 && taken.marks.is_empty() {
            return Vec::new();
        }
        let (head, more) = self.head(now_s);
        let blob = codec::write(&head, more, &taken);
        self.counts
            .cluster_events_out
            .fetch_add(events as u64, Relaxed);
        self.count_out(&blob);
        blob
    }

    pub(crate) fn count_out(&self, blob: &[u8]) {
        self.counts.cluster_blobs_out.fetch_add(1, Relaxed);
        self.counts
            .cluster_bytes_out
            .fetch_add(blob.len() as u64, Relaxed);
    }

    /// A blob that the store itself is written to, and the bytes that it begins with.
    pub(crate) fn writer(&self, now_s: u32, marks: &[u64]) -> (Writer, usize) {
        let (mut head, more) = self.head(now_s);
        head.is_of_all = true;
        let writer = Writer::new(&head, more, marks);
        let bytes = writer.len();
        (writer, bytes)
    }

    /// What was dropped of a part and is still in the store, if anything was.
    pub(crate) fn missed(&self, part: usize) -> Option<Missed> {
        self.outbox.missed(part)
    }

    /// Go on with what was dropped from the page `next` on; with none it is made good.
    pub(crate) fn made_good(&self, part: usize, missed: &Missed, next: Option<usize>) {
        self.outbox.made_good(part, missed, next);
    }

    fn head(&self, now_s: u32) -> (Head, u16) {
        let (clock, clock_units, more) = self.clock.shown(now_s / UNIT_S);
        let head = Head {
            node: self.node,
            run: self.run,
            clock,
            clock_units,
            is_of_all: false,
        };
        (head, more)
    }

    /// Whether this process told that itself.
    pub(crate) fn is_own(&self, head: &Head) -> bool {
        head.node == self.node && head.run == self.run
    }

    /// What words of a blob that is `age_s` old show more than words here.
    pub(crate) fn heed(&self, head: &Head, age_s: u32, now_s: u32) -> u16 {
        self.clock.heed(head, age_s / UNIT_S, now_s / UNIT_S)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Every count under its name, and what waits.
    pub(crate) fn all_counts(&self) -> Vec<(&'static str, u64)> {
        let [refreshes, changes] = self.outbox.dropped();
        let mut all = self.counts.all();
        all.extend([
            ("cluster_dropped_refreshes", refreshes),
            ("cluster_dropped_changes", changes),
            ("cluster_queued_bytes", self.outbox.bytes() as u64),
        ]);
        all
    }
}
