//! Turns pieces whose rest is zeros into digests, many at a time and without touching memory.
//!
//! A hybrid torrent pads every file to a whole piece: with pieces of 1 MiB, twenty thousand small
//! files come with 20 GB of zeros, twenty times their content. SHA-1 has no short cut through them,
//! because each piece enters them in another state; but the zeros need neither reading nor
//! scheduling, and waiting until every lane has a piece keeps all of them busy.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    Fault, batch,
    kernel::BLOCK,
    sha1::{self, State, ZERO_LANES_MAX, Zeros},
};

/// Blocks between looks at whether to stop; some milliseconds.
const STEP_MAX: usize = 1 << 14;

struct Waiting {
    piece: u64,
    /// Blocks of zeros still to come.
    blocks: usize,
    /// Bytes of the whole piece, which SHA-1 appends to it.
    length: u64,
    /// Nothing but zeros from its beginning.
    is_blank: bool,
}

/// Pieces in their zeros; `waiting[i]` and `states[i]` belong together.
pub(crate) struct Padding<'a> {
    zeros: &'static Zeros,
    stop: &'a AtomicBool,
    waiting: Vec<Waiting>,
    states: Vec<State>,
    /// Length and digest of the last blank piece: where a large file is missing, all are alike.
    blank: Option<(u64, [u8; 20])>,
}

impl<'a> Padding<'a> {
    pub(crate) fn new(zeros: &'static Zeros, stop: &'a AtomicBool) -> Self {
        Self {
            zeros,
            stop,
            waiting: Vec::with_capacity(ZERO_LANES_MAX),
            states: Vec::with_capacity(ZERO_LANES_MAX),
            blank: None,
        }
    }

    /// Add a piece that has `zeros` bytes left, all zeros; its digest goes to `found` by and by.
    pub(crate) fn push(
        &mut self,
        piece: u64,
        length: u64,
        state: State,
        zeros: u64,
        found: &mut Vec<(u64, [u8; 20])>,
    ) -> Result<(), Fault> {
        let is_blank = state == sha1::INITIAL;
        if let Some((_, digest)) = self.blank.filter(|it| is_blank && it.0 == length) {
            found.push((piece, digest));
            return Ok(());
        }
        self.waiting.push(Waiting {
            piece,
            blocks: zeros as usize / BLOCK,
            length,
            is_blank,
        });
        self.states.push(state);
        while self.waiting.len() == self.zeros.lanes {
            self.step(found)?;
        }
        Ok(())
    }

    /// Finish what is left.
    pub(crate) fn drain(&mut self, found: &mut Vec<(u64, [u8; 20])>) -> Result<(), Fault> {
        while !self.waiting.is_empty() {
            self.step(found)?;
        }
        Ok(())
    }

    /// Advance all by what the one with the least has left.
    fn step(&mut self, found: &mut Vec<(u64, [u8; 20])>) -> Result<(), Fault> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::Cancelled);
        }
        let least = self.waiting.iter().map(|it| it.blocks).min().unwrap_or(0);
        let blocks = least.min(STEP_MAX);
        self.zeros.run(&mut self.states, blocks);
        for at in (0..self.waiting.len()).rev() {
            self.waiting[at].blocks -= blocks;
            if self.waiting[at].blocks == 0 {
                let done = self.waiting.swap_remove(at);
                let mut state = self.states.swap_remove(at);
                let rest = [0; BLOCK];
                let rest = &rest[..(done.length % BLOCK as u64) as usize];
                let (tail, count) = batch::tail(rest, done.length);
                sha1::one(&mut state, &tail[..count]);
                let digest = sha1::digest(&state);
                found.push((done.piece, digest));
                if done.is_blank {
                    self.blank = Some((done.length, digest));
                }
            }
        }
        Ok(())
    }
}
