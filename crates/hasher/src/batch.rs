//! Turns many independent messages in memory into SHA-256 digests, keeping every lane busy.

use crate::{
    kernel::{BLOCK, Block, Choice, LANES_MAX},
    merkle::Node,
    sha256::{self, State},
};

/// What SHA appends to a message: one or two blocks holding its unfinished end, a mark, its length.
pub(crate) fn tail(end: &[u8], message_length: u64) -> ([Block; 2], usize) {
    debug_assert!(end.len() < BLOCK);
    let mut blocks = [[0; BLOCK]; 2];
    let bytes = blocks.as_flattened_mut();
    bytes[..end.len()].copy_from_slice(end);
    bytes[end.len()] = 0x80;
    let count = if end.len() < BLOCK - 8 { 1 } else { 2 };
    bytes[count * BLOCK - 8..][..8].copy_from_slice(&(message_length * 8).to_be_bytes());
    (blocks, count)
}

/// A message on its way through a lane.
struct Lane<'a> {
    index: usize,
    body: &'a [Block],
    tail: [Block; 2],
    tail_from: usize,
}

impl<'a> Lane<'a> {
    fn new(index: usize, message: &'a [u8]) -> Self {
        let (body, end) = message.as_chunks();
        let (blocks, count) = tail(end, message.len() as u64);
        let tail = if count == 2 {
            blocks
        } else {
            [[0; BLOCK], blocks[0]]
        };
        Self {
            index,
            body,
            tail,
            tail_from: 2 - count,
        }
    }

    fn ready(&self) -> &[Block] {
        if self.body.is_empty() {
            &self.tail[self.tail_from..]
        } else {
            self.body
        }
    }

    fn advance(&mut self, blocks: usize) {
        if self.body.is_empty() {
            self.tail_from += blocks;
        } else {
            self.body = &self.body[blocks..];
        }
    }
}

/// Hash each message; `digests[i]` becomes that of the i-th.
pub(crate) fn hash<'a>(
    choice: &Choice<8>,
    messages: impl IntoIterator<Item = &'a [u8]>,
    digests: &mut Vec<Node>,
) {
    let mut messages = messages.into_iter().enumerate();
    let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(choice.lanes);
    let mut states: Vec<State> = Vec::with_capacity(choice.lanes);
    digests.clear();
    loop {
        while lanes.len() < choice.lanes {
            let Some((index, message)) = messages.next() else {
                break;
            };
            lanes.push(Lane::new(index, message));
            states.push(sha256::INITIAL);
            digests.push([0; 32]);
        }
        let Some(blocks) = lanes.iter().map(|lane| lane.ready().len()).min() else {
            return;
        };
        let mut ready: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
        for (ready, lane) in ready.iter_mut().zip(&lanes) {
            *ready = &lane.ready()[..blocks];
        }
        choice.compress(&mut states, &ready[..lanes.len()]);
        for at in (0..lanes.len()).rev() {
            lanes[at].advance(blocks);
            if lanes[at].ready().is_empty() {
                digests[lanes[at].index] = sha256::digest(&states[at]);
                lanes.swap_remove(at);
                states.swap_remove(at);
            }
        }
    }
}

/// Room for pairs of tree nodes with their padding in place, so that a level is a few wide steps.
#[derive(Default)]
pub(crate) struct Nodes {
    pairs: Vec<[Block; 2]>,
}

impl Nodes {
    /// Replace an even number of nodes by their parents.
    pub(crate) fn pair(&mut self, choice: &Choice<8>, nodes: &mut Vec<Node>) {
        let padding = tail(&[], 2 * size_of::<Node>() as u64).0[0];
        let count = nodes.len() / 2;
        self.pairs
            .resize(count.max(self.pairs.len()), [[0; BLOCK], padding]);
        let (pairs, _) = nodes.as_chunks::<2>();
        for (blocks, pair) in self.pairs.iter_mut().zip(pairs) {
            blocks[0].copy_from_slice(pair.as_flattened());
        }
        for (from, group) in self.pairs[..count].chunks(choice.lanes).enumerate() {
            let mut states = [sha256::INITIAL; LANES_MAX];
            let mut ready: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
            for (ready, blocks) in ready.iter_mut().zip(group) {
                *ready = blocks;
            }
            choice.compress(&mut states[..group.len()], &ready[..group.len()]);
            for (parent, state) in nodes[from * choice.lanes..]
                .iter_mut()
                .zip(&states[..group.len()])
            {
                *parent = sha256::digest(state);
            }
        }
        nodes.truncate(count);
    }
}
