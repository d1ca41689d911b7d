//! The store as events, a page at a time: for a node that joins, and for what found no room to wait.

use super::Swarms;
use super::snapshot::Copied;
use crate::cluster::codec::Writer;
use crate::cluster::part_of;
use crate::cluster::stamp::lateness;
use crate::model::InfoHash;

impl Swarms {
    /// All peers as events, a page at a time, of at least `bytes_min` unless it is the last, from where
    /// the last page ended, and where the next one begins unless there is none. With the first come the
    /// marks of the downloads that were counted lately. None where this is not one of several.
    ///
    /// A peer that is there all the while is on one page.
    pub fn events_page(
        &self,
        from: usize,
        bytes_min: usize,
        now: u32,
    ) -> Option<(Vec<u8>, Option<usize>)> {
        let cluster = self.cluster()?;
        let marks = if from == 0 {
            self.counted()
        } else {
            Vec::new()
        };
        let (mut writer, _) = cluster.writer(now, &marks);
        let next = self.write_shards(&mut writer, from, bytes_min, |_| true, |_| true);
        Some((writer.finish(), next))
    }

    /// Of one part the peers that were said something of since, as [`Swarms::events_page`] has them.
    pub(super) fn missed_page(
        &self,
        part: usize,
        since: u16,
        from: usize,
        bytes_min: usize,
        now: u32,
    ) -> Option<(Vec<u8>, Option<usize>)> {
        let cluster = self.cluster()?;
        let now_units = cluster.now(now);
        let (mut writer, head_bytes) = cluster.writer(now, &[]);
        let of_part = |infohash: &InfoHash| part_of(infohash, cluster.parts()) == part;
        let latest = lateness(since, now_units);
        let is_missed = |word: u16| lateness(word, now_units) <= latest;
        let next = self.write_shards(&mut writer, from, bytes_min, of_part, is_missed);
        let bytes = if writer.len() > head_bytes {
            writer.finish()
        } else {
            Vec::new()
        };
        Some((bytes, next))
    }

    fn write_shards(
        &self,
        writer: &mut Writer,
        from: usize,
        bytes_min: usize,
        of_torrent: impl Fn(&InfoHash) -> bool,
        of_word: impl Fn(u16) -> bool,
    ) -> Option<usize> {
        let mut copy = Copied::default();
        for (at, padded) in self.shards.iter().enumerate().skip(from) {
            if writer.len() >= bytes_min.max(1) && at > from {
                return Some(at);
            }
            padded.shard.lock().copy_to(&mut copy);
            for record in copy.records() {
                if of_torrent(&record.infohash) {
                    add(writer, &record.infohash, record.v4_peers(), &of_word);
                    add(writer, &record.infohash, record.v6_peers(), &of_word);
                }
            }
        }
        None
    }
}

fn add<const N: usize>(
    writer: &mut Writer,
    infohash: &InfoHash,
    peers: &[[u8; N]],
    of_word: &impl Fn(u16) -> bool,
) {
    let is_wanted = |peer: &&[u8; N]| of_word(u16::from_le_bytes([peer[N - 2], peer[N - 1]]));
    let peers: Vec<[u8; N]> = peers.iter().filter(is_wanted).copied().collect();
    writer.add(infohash, peers.into_iter());
}
