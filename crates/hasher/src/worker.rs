//! Turns pieces into digests: one thread, as many pieces in flight as the CPU has use for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    Fault,
    batch::{self, Nodes},
    blank::BlankRoots,
    checksum::Pace,
    kernel::{BLOCK, Block, LANES_MAX, Suite},
    merkle::{self, LEAF, Node},
    padding::Padding,
    plan::Plan,
    read::{Reader, Stamps},
    sha1,
    tuning::Tuning,
};

/// Bytes read into a lane at a time: at most what is long enough to forget the cost of a call, at
/// least what keeps many threads from filling the memory.
pub(crate) const CHUNK_MAX: usize = 1 << 20;
pub(crate) const CHUNK_MIN: usize = 64 << 10;

/// What the buffers of all lanes of a thread take. The level 3 cache has as much for a core, and
/// reading a quarter of it at a time costs more in calls than the level 2 cache gives back.
const BUFFERS: usize = 4 << 20;

/// What the buffers of all threads take.
const BUFFERS_OF_ALL: usize = 32 << 20;

/// Behind its chunk a lane has room for a piece's padding, and begins in another set of the level 1
/// cache than its neighbours.
const BEHIND: usize = 4 * BLOCK;

/// Content that fills the widest kernel is hashed while the caches still have it.
const LEAVES_WANTED: usize = LANES_MAX * LEAF;

/// What the threads of a job share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) suite: Suite,
    pub(crate) stamps: Stamps,
    pub(crate) next_piece: AtomicU64,
    pub(crate) bytes_done: AtomicU64,
    pub(crate) stop: AtomicBool,
    /// Of the checksums of whole files, where they are wanted.
    pub(crate) pace: Option<Pace>,
}

/// What one thread found, in no order.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) pieces: Vec<(u64, [u8; 20])>,
    pub(crate) roots: Vec<(u64, Node)>,
    /// SHA-256 of whole files, by source.
    pub(crate) checksums: Vec<(usize, Node)>,
}

/// A piece on its way.
struct Lane {
    piece: u64,
    /// The next position of the stream to read, and where the piece ends.
    at: u64,
    end: u64,
    /// For v2, where its content ends: its tree is whole then, whatever zeros are still to come.
    content_end: u64,
    state: sha1::State,
    /// Blocks of the buffer not yet compressed.
    ready: std::ops::Range<usize>,
    /// Zeros behind the ready blocks and up to the piece's end, in no buffer: whole blocks.
    zeros: u64,
    /// Content in the buffer whose leaves are not hashed yet.
    fresh: usize,
    /// Where what is ready and fresh lies instead of in the buffer: an entry and a place in it.
    direct: Option<(usize, usize)>,
    /// What SHA-1 appends to the piece is still to be written.
    has_open_end: bool,
    leaves: Vec<Node>,
    /// Where in the memory of all lanes this one's buffer is.
    buffer: usize,
}

/// How much each lane of so many threads with so many lanes reads at a time at most.
pub(crate) fn chunk(threads: usize, lanes: usize) -> usize {
    let each = BUFFERS.min(BUFFERS_OF_ALL / threads) / lanes;
    each.clamp(CHUNK_MIN, CHUNK_MAX) / CHUNK_MIN * CHUNK_MIN
}

pub(crate) struct Worker<'a> {
    shared: &'a Shared,
    reader: Reader<'a>,
    lanes: Vec<Lane>,
    tuning: Tuning,
    /// Content in all buffers whose leaves are not hashed yet.
    fresh: usize,
    memory: Vec<u8>,
    padding: Padding<'a>,
    blanks: BlankRoots,
    nodes: Nodes,
    digests: Vec<Node>,
    found: Found,
}

impl<'a> Worker<'a> {
    /// Prepare to hash with up to `lanes_max` pieces in flight, at most `chunk` bytes of each at a
    /// time, when the thread will meet about so much content.
    pub(crate) fn new(shared: &'a Shared, lanes_max: usize, chunk: usize, content: u64) -> Self {
        let stride = chunk + BEHIND;
        let memory = vec![0; lanes_max * stride + BLOCK];
        let memory_from = memory.as_ptr().align_offset(BLOCK);
        let lanes = (0..lanes_max)
            .map(|index| Lane::idle(memory_from + index * stride))
            .collect();
        Self {
            shared,
            reader: Reader::new(&shared.plan, &shared.stamps, lanes_max + 2),
            lanes,
            // In v2 alone one lane is read at a time, for all lanes of the kernel.
            tuning: Tuning::new(
                lanes_max,
                chunk,
                CHUNK_MIN,
                if shared.plan.v1 { content } else { 0 },
            ),
            fresh: 0,
            memory,
            padding: Padding::new(shared.suite.zeros, &shared.stop),
            blanks: BlankRoots::default(),
            nodes: Nodes::default(),
            digests: Vec::new(),
            found: Found::default(),
        }
    }

    /// Take pieces until none is left.
    pub(crate) fn run(mut self) -> Result<Found, Fault> {
        loop {
            self.refill()?;
            if self.lanes.is_empty() {
                break;
            }
            if self.shared.plan.v1 {
                let hashed = self.compress()?;
                self.tuning.advance(hashed);
            }
        }
        self.padding.drain(&mut self.found.pieces)?;
        self.reader.finish()?;
        Ok(self.found)
    }

    /// Give every lane without ready blocks its next ones, or drop it when no piece is left.
    fn refill(&mut self) -> Result<(), Fault> {
        let plan = &self.shared.plan;
        for index in (0..self.lanes.len()).rev() {
            if !self.lanes[index].ready.is_empty() {
                continue;
            }
            if plan.v2 && self.lanes[index].fresh > 0 {
                // All that was read since is hashed with it: more leaves fill more lanes.
                self.hash_leaves();
            }
            let lane = &mut self.lanes[index];
            if lane.has_open_end {
                let buffer = &mut self.memory[lane.buffer..][..BEHIND];
                lane.append_end(plan, buffer);
                continue;
            }
            if lane.at == lane.end && !self.begin_piece(index)? {
                self.lanes.swap_remove(index);
                continue;
            }
            let lane = &mut self.lanes[index];
            if self.shared.stop.load(Ordering::Relaxed) {
                return Err(Fault::Cancelled);
            }
            self.shared.keep_pace()?;
            let buffer = &mut self.memory[lane.buffer..][..self.tuning.chunk() + BEHIND];
            let read = lane.fill(plan, &mut self.reader, buffer)?;
            self.shared
                .bytes_done
                .fetch_add(read as u64, Ordering::Relaxed);
            self.fresh += read;
            if plan.v2 && self.fresh >= LEAVES_WANTED {
                self.hash_leaves();
                if !plan.v1 {
                    // The same lane goes on: its buffer is the one in the caches.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Give a lane the next piece that has to be read, or say that none is left.
    fn begin_piece(&mut self, index: usize) -> Result<bool, Fault> {
        let shared = self.shared;
        let plan = &shared.plan;
        loop {
            let piece = shared.next_piece.fetch_add(1, Ordering::Relaxed);
            if piece >= plan.piece_count() {
                return Ok(false);
            }
            let lane = &mut self.lanes[index];
            lane.begin(piece, plan);
            let (at, end) = (lane.at, lane.end);
            let content = if plan.v2 { lane.content_end } else { end } - at;
            let span = plan.span(at);
            let is_blank = match span.file.filter(|_| span.length >= content) {
                Some((file, offset)) => self.reader.is_blank(file, offset, content)?,
                None => false,
            };
            if !is_blank {
                return Ok(true);
            }
            if shared.stop.load(Ordering::Relaxed) {
                return Err(Fault::Cancelled);
            }
            shared.keep_pace()?;
            self.skip(piece, end - at, content)?;
        }
    }

    /// Take a piece without reading it: `length` zeros, of which `content` are a file's.
    fn skip(&mut self, piece: u64, length: u64, content: u64) -> Result<(), Fault> {
        let shared = self.shared;
        if shared.plan.v1 {
            let zeros = length / BLOCK as u64 * BLOCK as u64;
            let pieces = &mut self.found.pieces;
            self.padding
                .push(piece, length, sha1::INITIAL, zeros, pieces)?;
        }
        if shared.plan.v2 {
            let width = shared.plan.tree_leaves(piece * shared.plan.piece_length);
            let choice = &shared.suite.sha256;
            let root = self.blanks.root(choice, content, width, &mut self.nodes);
            self.found.roots.push((piece, root));
        }
        shared.bytes_done.fetch_add(content, Ordering::Relaxed);
        Ok(())
    }

    /// Hash the 16 KiB leaves of what was read, and finish the trees of pieces read whole.
    fn hash_leaves(&mut self) {
        let shared = self.shared;
        self.fresh = 0;
        let fresh = || self.lanes.iter().filter(|lane| lane.fresh > 0);
        let leaves = fresh()
            .flat_map(|lane| lane.content(&shared.plan, &self.memory)[..lane.fresh].chunks(LEAF));
        batch::hash(&shared.suite.sha256, leaves, &mut self.digests);
        let mut digests = self.digests.drain(..);
        for lane in self.lanes.iter_mut().filter(|lane| lane.fresh > 0) {
            let count = lane.fresh.div_ceil(LEAF);
            lane.leaves.extend(digests.by_ref().take(count));
            lane.fresh = 0;
            if lane.at >= lane.content_end {
                let begin = lane.piece * shared.plan.piece_length;
                let width = shared.plan.tree_leaves(begin);
                let choice = &shared.suite.sha256;
                let root = merkle::root(choice, &mut lane.leaves, width, 0, &mut self.nodes);
                self.found.roots.push((lane.piece, root));
            }
        }
    }

    /// Advance all lanes by what the one with the least has ready, and say how many bytes that was.
    fn compress(&mut self) -> Result<u64, Fault> {
        let Some(blocks) = self.lanes.iter().map(|lane| lane.ready.len()).min() else {
            return Ok(0);
        };
        let mut states = [sha1::INITIAL; LANES_MAX];
        let mut ready: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
        for (index, lane) in self.lanes.iter().enumerate() {
            let content = lane.content(&self.shared.plan, &self.memory);
            let from = lane.ready.start * BLOCK;
            ready[index] = content[from..][..blocks * BLOCK].as_chunks().0;
            states[index] = lane.state;
        }
        let busy = self.lanes.len();
        self.shared
            .suite
            .sha1
            .compress(&mut states[..busy], &ready[..busy]);
        for (lane, state) in self.lanes.iter_mut().zip(states) {
            lane.state = state;
            lane.ready.start += blocks;
            if !lane.ready.is_empty() || lane.at != lane.end || lane.has_open_end {
                continue;
            }
            let pieces = &mut self.found.pieces;
            if lane.zeros == 0 {
                pieces.push((lane.piece, sha1::digest(&state)));
            } else {
                let length = lane.end - lane.piece * self.shared.plan.piece_length;
                let zeros = std::mem::take(&mut lane.zeros);
                self.padding
                    .push(lane.piece, length, state, zeros, pieces)?;
            }
        }
        Ok((blocks * BLOCK * busy) as u64)
    }
}

impl Lane {
    fn idle(buffer: usize) -> Self {
        Self {
            piece: 0,
            at: 0,
            end: 0,
            content_end: 0,
            state: sha1::INITIAL,
            ready: 0..0,
            zeros: 0,
            fresh: 0,
            direct: None,
            has_open_end: false,
            leaves: Vec::new(),
            buffer,
        }
    }

    fn begin(&mut self, piece: u64, plan: &Plan) {
        self.piece = piece;
        self.at = piece * plan.piece_length;
        self.end = (self.at + plan.piece_length).min(plan.length);
        if plan.v2 {
            self.content_end = plan.content_end(self.at);
        }
        if !plan.v1 {
            // Nothing hashes the gap between two files.
            self.end = self.content_end;
        }
        self.state = sha1::INITIAL;
    }

    /// What is ready and fresh, and what follows it.
    fn content<'a>(&self, plan: &'a Plan, memory: &'a [u8]) -> &'a [u8] {
        match self.direct {
            Some((index, from)) => &plan.in_memory(index).unwrap_or_default()[from..],
            None => &memory[self.buffer..],
        }
    }

    /// Take what comes next where it lies, if that is in memory, and say whether it is. Where an
    /// entry ends within a block or a leaf, what is left of it goes through the buffer.
    fn take_memory(&mut self, plan: &Plan, length: usize) -> bool {
        let span = plan.span(self.at);
        let Some((index, from)) = span.file.filter(|it| plan.in_memory(it.0).is_some()) else {
            return false;
        };
        let unit = if plan.v2 { LEAF } else { BLOCK };
        let count = span.length.min(length as u64) as usize / unit * unit;
        if count == 0 {
            return false;
        }
        self.direct = Some((index, from as usize));
        self.fresh = count;
        self.at += count as u64;
        if plan.v1 {
            self.ready = 0..count / BLOCK;
            self.has_open_end = self.at == self.end;
        }
        true
    }

    /// Write what SHA-1 appends to a piece whose last block was taken where it lay.
    fn append_end(&mut self, plan: &Plan, buffer: &mut [u8]) {
        let (tail, count) = batch::tail(&[], self.end - self.piece * plan.piece_length);
        buffer[..count * BLOCK].copy_from_slice(&tail.as_flattened()[..count * BLOCK]);
        self.direct = None;
        self.has_open_end = false;
        self.ready = 0..count;
    }

    /// Fill the buffer's chunk, and behind a piece's last byte write what SHA-1 appends. Return how
    /// much of it was content.
    fn fill(
        &mut self,
        plan: &Plan,
        reader: &mut Reader<'_>,
        buffer: &mut [u8],
    ) -> Result<usize, Fault> {
        let chunk = buffer.len() - BEHIND;
        let length = (self.end - self.at).min(chunk as u64) as usize;
        let mut filled = 0;
        self.fresh = 0;
        self.direct = None;
        if self.take_memory(plan, length) {
            return Ok(self.fresh);
        }
        while filled < length {
            let span = plan.span(self.at);
            let part = span.length.min((length - filled) as u64) as usize;
            if let Some((index, offset)) = span.file {
                reader.read(index, offset, &mut buffer[filled..filled + part])?;
                self.fresh += part;
            } else if span.length >= self.end - self.at {
                let rest = self.end - self.at;
                let to_block = (filled.next_multiple_of(BLOCK) - filled) as u64;
                if rest - rest.min(to_block) >= BLOCK as u64 {
                    // Blocks of zeros only, which end in nothing that must be in memory.
                    let whole = filled.next_multiple_of(BLOCK);
                    buffer[filled..whole].fill(0);
                    self.ready = 0..whole / BLOCK;
                    self.zeros = (rest - to_block) / BLOCK as u64 * BLOCK as u64;
                    self.at = self.end;
                    return Ok(self.fresh);
                }
                buffer[filled..filled + part].fill(0);
            } else {
                buffer[filled..filled + part].fill(0);
            }
            self.at += part as u64;
            filled += part;
        }
        if plan.v1 {
            self.ready = 0..length / BLOCK;
            if self.at == self.end {
                let whole = length / BLOCK * BLOCK;
                let (tail, count) = batch::tail(
                    &buffer[whole..length],
                    self.end - self.piece * plan.piece_length,
                );
                buffer[whole..][..count * BLOCK]
                    .copy_from_slice(&tail.as_flattened()[..count * BLOCK]);
                self.ready.end += count;
            }
        }
        Ok(self.fresh)
    }
}
