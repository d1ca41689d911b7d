//! The torrents of one shard: slots without gaps in chunks that never move, and their index.

use super::index::Index;
use super::mix::Keys;
use super::prefetch::prefetch;
use super::slot::Slot;
use crate::model::InfoHash;

/// Slots in a chunk: 4 KiB, so the last, partly filled one wastes little.
const CHUNK: usize = 64;

#[derive(Default)]
pub(super) struct Torrents {
    chunks: Vec<Box<[Slot; CHUNK]>>,
    len: u32,
    index: Index,
}

/// The bits of a torrent's hash that its shard is not chosen by.
#[inline]
fn tag(hash: u64) -> u32 {
    hash as u32
}

impl Torrents {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<[Slot; CHUNK]>() + self.index.bytes()
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    #[inline]
    pub(super) fn slot(&self, number: u32) -> &Slot {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, number: u32) -> &mut Slot {
        &mut self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .take(self.len as usize)
    }

    #[inline]
    pub(super) fn find(&self, infohash: &InfoHash, hash: u64) -> Option<u32> {
        self.index
            .find(tag(hash), |number| self.slot(number).infohash == *infohash)
    }

    /// Fetch the slot that most likely is the torrent's.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(number) = self.index.find(tag(hash), |_| true) {
            prefetch(self.slot(number));
        }
    }

    /// Add a torrent that is not among them and give its number.
    pub(super) fn insert(&mut self, infohash: &InfoHash, hash: u64) -> u32 {
        let number = self.len;
        if number as usize == self.chunks.len() * CHUNK {
            self.chunks.push(Box::new([Slot::EMPTY; CHUNK]));
        }
        *self.slot_mut(number) = Slot::new(*infohash);
        self.index.insert(tag(hash), number);
        self.len += 1;
        number
    }

    /// Remove a torrent; the last one takes its number.
    pub(super) fn remove(&mut self, number: u32, keys: &Keys) {
        let hash = keys.mix_torrent(&self.slot(number).infohash);
        self.index.remove(tag(hash), number);
        let last = self.len - 1;
        let moved = std::mem::replace(self.slot_mut(last), Slot::EMPTY);
        if number != last {
            let hash = keys.mix_torrent(&moved.infohash);
            self.index.renumber(tag(hash), last, number);
            *self.slot_mut(number) = moved;
        }
        self.len = last;
        // One chunk is kept in hand, so a torrent that comes and goes costs no memory call.
        if self.chunks.len() * CHUNK >= last as usize + 2 * CHUNK {
            self.chunks.pop();
        }
    }
}
