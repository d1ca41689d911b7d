//! Turns whole files into SHA-256 digests, beside the pieces and while the caches still have them.
//!
//! A file's digest is one message, so its bytes come in order, and pieces do not. Both go over the
//! stream side by side and wait for each other when one is too far ahead: what one has read, the
//! other finds in the system's cache, and a disk reads each byte once.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    Fault, batch,
    kernel::{BLOCK, LANES_MAX},
    merkle::Node,
    read::Reader,
    sha256,
    worker::{Found, Shared},
};

/// How far pieces and checksums may be apart: far less than the memory of a machine that hashes.
const APART_MAX: u64 = 128 << 20;
/// How long who is ahead waits before it looks again: much less than `APART_MAX` takes.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

const CHUNK: usize = 1 << 20;
/// Files up to this length are hashed together, as many as the kernel has lanes.
const SMALL: u64 = 256 << 10;

/// How far the checksums are.
#[derive(Default)]
pub(crate) struct Pace {
    next_source: AtomicUsize,
    bytes_done: AtomicU64,
}

impl Pace {
    pub(crate) fn bytes_done(&self) -> u64 {
        self.bytes_done.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Wait while the pieces are too far ahead of the checksums.
    pub(crate) fn keep_pace(&self) -> Result<(), Fault> {
        let Some(pace) = &self.pace else {
            return Ok(());
        };
        self.wait_while(|| self.bytes_done.load(Ordering::Relaxed) > pace.bytes_done() + APART_MAX)
    }

    fn wait_while(&self, is_ahead: impl Fn() -> bool) -> Result<(), Fault> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Fault::Cancelled);
            }
            if !is_ahead() {
                return Ok(());
            }
            thread::park_timeout(LOOK_AGAIN);
        }
    }
}

/// Hash whole files until none is left.
pub(crate) fn run(shared: &Shared, pace: &Pace) -> Result<Found, Fault> {
    let mut sums = Checksums {
        shared,
        pace,
        reader: Reader::new(&shared.plan, &shared.stamps, 2),
        buffer: vec![0; CHUNK],
        small: Vec::new(),
        digests: Vec::new(),
        found: Found::default(),
    };
    loop {
        let index = pace.next_source.fetch_add(1, Ordering::Relaxed);
        let Some(source) = shared.plan.sources.get(index) else {
            break;
        };
        if source.is_padding() {
            continue;
        }
        if source.length <= SMALL {
            sums.take_small(index, source.length as usize)?;
        } else {
            sums.hash_large(index, source.length)?;
        }
    }
    sums.hash_small();
    sums.reader.finish()?;
    Ok(sums.found)
}

struct Checksums<'a> {
    shared: &'a Shared,
    pace: &'a Pace,
    reader: Reader<'a>,
    buffer: Vec<u8>,
    small: Vec<(usize, Vec<u8>)>,
    digests: Vec<Node>,
    found: Found,
}

impl Checksums<'_> {
    fn take_small(&mut self, index: usize, length: usize) -> Result<(), Fault> {
        self.keep_pace()?;
        let mut content = vec![0; length];
        if length > 0 {
            self.reader.read(index, 0, &mut content)?;
        }
        self.small.push((index, content));
        self.advance(length);
        if self.small.len() == LANES_MAX {
            self.hash_small();
        }
        Ok(())
    }

    fn hash_small(&mut self) {
        let contents = self.small.iter().map(|(_, content)| content.as_slice());
        batch::hash(&self.shared.suite.sha256, contents, &mut self.digests);
        let indexes = self.small.drain(..).map(|(index, _)| index);
        self.found
            .checksums
            .extend(indexes.zip(self.digests.iter().copied()));
    }

    fn hash_large(&mut self, index: usize, length: u64) -> Result<(), Fault> {
        let mut states = [sha256::INITIAL];
        let mut at = 0;
        loop {
            self.keep_pace()?;
            let count = (length - at).min(CHUNK as u64) as usize;
            self.reader.read(index, at, &mut self.buffer[..count])?;
            at += count as u64;
            let (blocks, end) = self.buffer[..count].as_chunks::<BLOCK>();
            let choice = &self.shared.suite.sha256;
            choice.compress(&mut states, &[blocks]);
            self.advance(count);
            if at == length {
                let (tail, count) = batch::tail(end, length);
                choice.compress(&mut states, &[&tail[..count]]);
                let digest = sha256::digest(&states[0]);
                self.found.checksums.push((index, digest));
                return Ok(());
            }
        }
    }

    /// Wait while the checksums are too far ahead of the pieces, if there are any.
    fn keep_pace(&self) -> Result<(), Fault> {
        let shared = self.shared;
        let has_pieces = shared.plan.v1 || shared.plan.v2;
        shared.wait_while(|| {
            let pieces = shared.bytes_done.load(Ordering::Relaxed);
            has_pieces && self.pace.bytes_done() > pieces + APART_MAX
        })
    }

    fn advance(&self, bytes: usize) {
        self.pace
            .bytes_done
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
