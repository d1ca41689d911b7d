//! Which peers an asker is given: written straight into the answer, each one equally likely.
//!
//! Peers are taken a whole group at a time from groups in random order. Where the last group
//! holds more than is still wanted, some of its peers are left out: a peer that shares its group
//! with `d` more peers than the average one is given less often by a share of about `d / 2`
//! in the number wanted. The asker is to be out of its place while this goes on.

use super::peer::{Peer, Useful};
use super::peers::Peers;
use super::prefetch::prefetch;
use super::slot::View;
use super::walk::{Walk, groups_for};
use crate::rng::Rng;

/// Groups looked at for one answer: bounds the work of a seeder's announce where hardly anyone
/// downloads.
const GROUPS_MAX: usize = 64;

/// Cache lines fetched ahead for one answer.
const LINES_AHEAD: usize = 12;

/// Places a group has at most, a power of two.
const GROUP_MAX: usize = 8;

pub(super) struct Ask<'a, P: Peer> {
    pub(super) asker: P,
    pub(super) useful: Useful,
    /// Given first to all who want data.
    pub(super) origins: &'a [P],
    /// Peers wanted.
    pub(super) want: usize,
    /// Peers of the swarm that may be given, about.
    pub(super) useful_number: usize,
}

struct Writer<'a, P: Peer> {
    useful: Useful,
    origins: &'a [P],
    out: &'a mut [u8],
    at: usize,
}

/// Write up to `ask.want` peers to `out`, as many as it holds, and give the bytes written.
#[inline]
pub(super) fn select<P: Peer>(
    view: &View<'_, P>,
    ask: &Ask<'_, P>,
    rng: &mut Rng,
    out: &mut [u8],
) -> usize {
    let want = ask.want.min(out.len() / P::WIRE);
    if want == 0 {
        return 0;
    }
    let out = &mut out[..want * P::WIRE];
    let origins = if ask.useful == Useful::Downloaders {
        &[]
    } else {
        ask.origins
    };
    let mut writer = Writer {
        useful: ask.useful,
        origins,
        out,
        at: 0,
    };
    if !origins.is_empty() {
        writer.lead(ask.asker);
    }
    match view {
        View::Few(peers) => writer.take(peers, rng),
        View::Many(peers) if peers.len() as usize <= want => {
            for table in peers.tables() {
                writer.take_groups(table.places(), rng);
            }
        }
        View::Many(peers) => {
            let groups = groups_for(peers, want, ask.useful_number);
            let mut looked = 0;
            for [run, rest] in Walk::new(peers, groups, rng) {
                writer.take_groups(run, rng);
                writer.take_groups(rest, rng);
                looked += (run.len() + rest.len()) / P::GROUP;
                if writer.is_full() || looked >= GROUPS_MAX {
                    break;
                }
            }
        }
    }
    writer.at
}

/// Fetch the peers that `select` will read with the same `rng`.
pub(super) fn prefetch_peers<P: Peer>(
    peers: &Peers<P>,
    want: usize,
    useful_number: usize,
    rng: &mut Rng,
) {
    let groups = groups_for(peers, want, useful_number);
    let lines = LINES_AHEAD.min(groups as usize);
    let runs = Walk::new(peers, groups, rng).flatten();
    for group in runs.flat_map(|run| run.chunks_exact(P::GROUP)).take(lines) {
        prefetch(group.as_ptr());
    }
}

impl<P: Peer> Writer<'_, P> {
    #[inline]
    fn is_full(&self) -> bool {
        self.at == self.out.len()
    }

    #[cold]
    fn lead(&mut self, asker: P) {
        for origin in self.origins {
            if !origin.same(asker) && !self.is_full() {
                self.write(&[*origin; GROUP_MAX], 1, 0);
            }
        }
    }

    #[inline]
    fn take_groups(&mut self, places: &[P], rng: &mut Rng) {
        for group in places.chunks_exact(P::GROUP) {
            self.take(group, rng);
        }
    }

    /// Write the useful peers of one group.
    #[inline]
    fn take(&mut self, group: &[P], rng: &mut Rng) {
        let mut packed = [P::EMPTY; GROUP_MAX];
        let mut number = 0;
        // Without a branch a peer: each is put down, and the next one over it if it is of no use.
        for peer in group {
            packed[number % GROUP_MAX] = *peer;
            number += self.useful.number(peer.meta());
        }
        if !self.origins.is_empty() {
            number = self.without_origins(&mut packed, number);
        }
        let window = (P::GROUP - 1) * P::WIRE + P::STORE;
        if let Some(out) = self.out[self.at..].get_mut(..window) {
            for (at, peer) in packed[..P::GROUP].iter().enumerate() {
                peer.store(&mut out[at * P::WIRE..][..P::STORE]);
            }
            self.at += number * P::WIRE;
        } else {
            let room = (self.out.len() - self.at) / P::WIRE;
            // Starting at any of them leaves out each equally often.
            let first = if number > room {
                rng.below(number as u32) as usize
            } else {
                0
            };
            self.write(&packed, number, first);
        }
    }

    /// Write packed peers from `first` on and around, as many as there is room for.
    fn write(&mut self, packed: &[P; GROUP_MAX], number: usize, first: usize) {
        let room = (self.out.len() - self.at) / P::WIRE;
        for at in first..first + number.min(room) {
            let peer = packed[if at >= number { at - number } else { at }];
            let mut wire = [0; 32];
            peer.store(&mut wire[..P::STORE]);
            self.out[self.at..][..P::WIRE].copy_from_slice(&wire[..P::WIRE]);
            self.at += P::WIRE;
        }
    }

    #[cold]
    fn without_origins(&self, packed: &mut [P; GROUP_MAX], number: usize) -> usize {
        let mut kept = 0;
        for at in 0..number {
            let peer = packed[at];
            if !self.origins.iter().any(|origin| origin.same(peer)) {
                packed[kept] = peer;
                kept += 1;
            }
        }
        kept
    }
}
