//! Removes silent peers in small steps that go round the whole store.

use super::peer::{Meta, Peer, PeerV4, PeerV6};
use super::peers::Position;
use super::shard::{Family, Shard, Turn};
use super::slot::Slot;

/// Slots and groups looked at under one lock: some 10 us of it, even from cold memory.
pub(super) const HOLD: usize = 256;

/// Where a sweep stands in a shard.
#[derive(Clone, Copy, Default)]
pub(super) struct Cursor {
    slot: u32,
    stage: Stage,
    at: Position,
}

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    V4,
    V6,
}

/// What one step did.
#[derive(Default)]
pub(super) struct Step {
    /// Slots, groups and moved groups.
    pub(super) work: usize,
    pub(super) expired: usize,
    /// The shard is swept to its end.
    pub(super) ended: bool,
}

impl Shard {
    /// Sweep on from the cursor until `budget` is used or the shard ends.
    pub(super) fn sweep(
        &mut self,
        turn: &Turn<'_>,
        timeout: u16,
        budget: usize,
        cursor: &mut Cursor,
    ) -> Step {
        let mut step = Step::default();
        while step.work < budget {
            if cursor.slot >= self.torrents.len() {
                *cursor = Cursor::default();
                step.ended = true;
                break;
            }
            let swept = match cursor.stage {
                Stage::V4 => self.sweep_family::<PeerV4>(turn, timeout, budget, cursor, &mut step),
                Stage::V6 => self.sweep_family::<PeerV6>(turn, timeout, budget, cursor, &mut step),
            };
            if !swept {
                break;
            }
            cursor.at = Position::default();
            match cursor.stage {
                Stage::V4 => cursor.stage = Stage::V6,
                Stage::V6 => {
                    cursor.stage = Stage::V4;
                    step.work += 1;
                    // The last torrent takes a removed one's number and is looked at next.
                    if !self.finish(turn, cursor.slot) {
                        cursor.slot += 1;
                    }
                }
            }
        }
        self.tally.expired += step.expired as u64;
        turn.load.peers.leave(step.expired);
        step
    }

    /// Sweep one family of the cursor's slot and tell if its end was reached.
    fn sweep_family<P: Swept>(
        &mut self,
        turn: &Turn<'_>,
        timeout: u16,
        budget: usize,
        cursor: &mut Cursor,
        step: &mut Step,
    ) -> bool {
        let slot = self.torrents.slot_mut(cursor.slot);
        let before = slot.bytes();
        let (mut gone, mut seeders, mut partials) = (0, 0, 0);
        let mut goes = |meta: Meta| {
            let goes = meta.age(turn.now) > timeout;
            gone += u32::from(goes);
            seeders += u32::from(goes & meta.is_seeder());
            partials += i32::from(goes & meta.is_partial());
            goes
        };
        let mut ended = true;
        P::sweep_few(slot, &mut goes);
        if let Some(peers) = P::many_mut(slot) {
            let at = &mut cursor.at;
            while let Some(table) = peers.tables().get(at.part) {
                if at.group >= table.groups() {
                    step.work += peers.shrink(at.part, turn.keys);
                    *at = Position {
                        part: at.part + 1,
                        group: 0,
                    };
                } else if step.work >= budget {
                    ended = false;
                    break;
                } else {
                    peers.remove_where(*at, |peer| goes(peer.meta()));
                    at.group += 1;
                    step.work += 1;
                }
            }
            if ended {
                step.work += peers.join(turn.keys);
            }
        }
        slot.seeders -= seeders;
        if gone > 0 && slot.len() == 0 {
            turn.load.empty.enter();
        }
        self.tally.bytes -= (before - slot.bytes()) as u64;
        self.tally.seeders -= u64::from(seeders);
        *P::tally(&mut self.tally) -= u64::from(gone);
        step.expired += gone as usize;
        if partials > 0 {
            self.note_partials(cursor.slot, -partials);
        }
        ended
    }

    /// Put a swept slot in order and tell if it was removed.
    fn finish(&mut self, turn: &Turn<'_>, number: u32) -> bool {
        let slot = self.torrents.slot_mut(number);
        let before = slot.bytes();
        slot.settle();
        self.tally.bytes -= (before - slot.bytes()) as u64;
        self.close_if_useless(turn, number)
    }
}

trait Swept: Family {
    /// Remove those peers that lie in the slot itself.
    fn sweep_few(slot: &mut Slot, goes: &mut impl FnMut(Meta) -> bool);
}

impl Swept for PeerV4 {
    fn sweep_few(slot: &mut Slot, goes: &mut impl FnMut(Meta) -> bool) {
        slot.remove_few_where(|peer| goes(peer.meta()));
    }
}

impl Swept for PeerV6 {
    fn sweep_few(_: &mut Slot, _: &mut impl FnMut(Meta) -> bool) {}
}
