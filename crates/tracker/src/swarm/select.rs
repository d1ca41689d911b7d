//! Which peers an asker is given: written straight into the answer, each one equally likely.
//!
//! Peers are taken a whole group at a time from groups in random order. Where the last group
//! holds more than is still wanted, some of its peers are left out: a peer that shares its group
//! with `d` more peers than the average one is given less often by a share of about `d / 2`
//! in the number wanted. At 50 wanted no peer strays from the average by more than a tenth of it,
//! and the root mean square is a twenty-fifth; in a slot there is no error. The asker is to be out of its place while this goes on.

use super::peer::{Peer, Useful};
use super::peers::Peers;
use super::prefetch::prefetch;
use super::slot::View;
use super::walk::{PartsWalk, Run, TableWalk};
use crate::rng::Rng;

/// Groups looked at for one answer: bounds the work of a seeder's announce where hardly anyone
/// downloads.
const GROUPS_MAX: usize = 64;

/// Cache lines fetched ahead for one answer.
const LINES_AHEAD: usize = 24;

/// Places a group has at most.
const GROUP_MAX: usize = 8;

/// Bytes that a group takes at most when it is written.
const SCRATCH: usize = 128;

pub(super) struct Ask<'a, P: Peer> {
    pub(super) asker: P,
    pub(super) useful: Useful,
    /// Given first, and once.
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
    /// Where the last peer wanted ends, which `out` may go beyond.
    end: usize,
}

/// Write up to `ask.want` peers to `out`, as many as it holds, and give the bytes written.
///
/// What `out` holds after these is overwritten, too.
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
    let mut writer = Writer {
        useful: ask.useful,
        origins: ask.origins,
        out,
        at: 0,
        end: want * P::WIRE,
    };
    if !ask.origins.is_empty() {
        writer.lead(ask.asker);
    }
    match view {
        View::Few(peers) => writer.take_few(peers, rng),
        View::Many(peers) if peers.len() as usize <= want => {
            for table in peers.tables() {
                writer.take_groups(table.places(), rng);
            }
        }
        View::Many(peers) => {
            let groups = groups_for(peers, want, ask.useful_number);
            match peers {
                Peers::One(table) => writer.roam(TableWalk::new(table, groups, rng), rng),
                Peers::Many(parts) => writer.roam(PartsWalk::new(parts, groups, rng), rng),
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
    fn fetch<'a, P: Peer>(walk: impl Iterator<Item = Run<'a, P>>, lines: usize) {
        let groups = walk.flatten().flat_map(|run| run.chunks_exact(P::GROUP));
        groups
            .take(lines)
            .for_each(|group| prefetch(group.as_ptr()));
    }
    let groups = groups_for(peers, want, useful_number);
    let lines = LINES_AHEAD.min(groups as usize);
    match peers {
        Peers::One(table) => fetch(TableWalk::new(table, groups, rng), lines),
        Peers::Many(parts) => fetch(PartsWalk::new(parts, groups, rng), lines),
    }
}

/// Groups to look at for an answer of `want` peers if `useful` of those in the swarm may be given.
#[inline]
fn groups_for<P: Peer>(peers: &Peers<P>, want: usize, useful: usize) -> u32 {
    let wanted = (want as u32).saturating_mul(peers.groups());
    wanted / (useful as u32).max(1) + 1
}

impl<P: Peer> Writer<'_, P> {
    #[inline]
    fn is_full(&self) -> bool {
        self.at == self.end
    }

    #[cold]
    fn lead(&mut self, asker: P) {
        for origin in self.origins {
            if !origin.same(asker) && !self.is_full() {
                let mut wire = [0; SCRATCH];
                origin.store(&mut wire);
                self.out[self.at..][..P::WIRE].copy_from_slice(&wire[..P::WIRE]);
                self.at += P::WIRE;
            }
        }
    }

    #[inline]
    fn roam<'b>(&mut self, walk: impl Iterator<Item = Run<'b, P>>, rng: &mut Rng) {
        let mut looked = 0;
        for [run, rest] in walk {
            self.take_groups(run, rng);
            if !rest.is_empty() {
                self.take_groups(rest, rng);
            }
            looked += (run.len() + rest.len()) / P::GROUP;
            if self.is_full() || looked >= GROUPS_MAX {
                break;
            }
        }
    }

    #[inline]
    fn take_groups(&mut self, places: &[P], rng: &mut Rng) {
        for group in places.chunks_exact(P::GROUP) {
            if self.is_full() {
                break;
            }
            self.take(group, rng);
        }
    }

    #[inline]
    fn take_few(&mut self, peers: &[P], rng: &mut Rng) {
        let mut group = [P::EMPTY; GROUP_MAX];
        group[..peers.len()].copy_from_slice(peers);
        self.take(&group, rng);
    }

    /// Write the useful peers of one group.
    #[inline]
    fn take(&mut self, group: &[P], rng: &mut Rng) {
        let window = (P::GROUP - 1) * P::WIRE + P::STORE;
        let Some(out) = self.out[self.at..].get_mut(..window) else {
            return self.take_aside(group, rng);
        };
        let packed = pack(group, self.useful, self.origins, out);
        let room = self.end - self.at;
        if packed <= room {
            self.at += packed;
        } else {
            shuffle::<P>(&mut out[..packed], rng);
            self.at = self.end;
        }
    }

    /// Write them where `out` is too short to be written over.
    #[cold]
    fn take_aside(&mut self, group: &[P], rng: &mut Rng) {
        let mut out = [0; SCRATCH];
        let packed = pack(group, self.useful, self.origins, &mut out);
        let room = self.end - self.at;
        if packed > room {
            shuffle::<P>(&mut out[..packed], rng);
        }
        let fits = packed.min(room);
        self.out[self.at..][..fits].copy_from_slice(&out[..fits]);
        self.at += fits;
    }
}

/// Write the useful peers of a group one after the other and give the bytes.
#[inline]
fn pack<P: Peer>(group: &[P], useful: Useful, origins: &[P], out: &mut [u8]) -> usize {
    if !origins.is_empty() {
        return pack_if(group, out, |peer| {
            usize::from(!origins.iter().any(|origin| origin.same(peer)))
                * useful.number(peer.meta())
        });
    }
    pack_if(group, out, |peer| useful.number(peer.meta()))
}

/// Write the peers of a group that have a `number` of 1, not 0.
#[inline]
fn pack_if<P: Peer>(group: &[P], out: &mut [u8], number: impl Fn(P) -> usize) -> usize {
    let mut at = 0;
    // Without a branch a peer: each is written, and the next one over it if it is of no use.
    for peer in &group[..P::GROUP] {
        peer.store(&mut out[at..]);
        at += number(*peer) * P::WIRE;
    }
    at
}

/// Begin at any of the written peers, so that each is left out equally often.
#[cold]
#[inline(never)]
fn shuffle<P: Peer>(written: &mut [u8], rng: &mut Rng) {
    let first = rng.u32(..(written.len() / P::WIRE) as u32) as usize;
    written.rotate_left(first * P::WIRE);
}
