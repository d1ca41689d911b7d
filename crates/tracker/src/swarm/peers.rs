//! The peers of one swarm and one family: a table, or 128 of them once it is big.
//!
//! A table that grows is built anew under the lock of its shard. Splitting a big swarm keeps that
//! under 100 us up to a million peers.

use super::mix::Keys;
use super::peer::{Peer, PeerV4, PeerV6};
use super::table::Table;

/// Peers in one table at which it is split.
pub(super) const SPLIT_AT: u32 = 8192;

/// Parts of a split swarm, a power of two.
pub(super) const PARTS: usize = 128;

/// Peers in all parts at which they become one table again.
const JOIN_AT: u32 = SPLIT_AT / 4;

pub(super) enum Peers<P: Peer> {
    One(Table<P>),
    Many(Box<Parts<P>>),
}

pub(super) struct Parts<P: Peer> {
    tables: [Table<P>; PARTS],
    len: u32,
    groups: u32,
    /// The groups of the largest part.
    groups_max: u32,
}

const _: () = assert!(size_of::<Peers<PeerV4>>() == 16 && size_of::<Peers<PeerV6>>() == 16);

#[inline]
fn part(hash: u64) -> usize {
    // The low bits, as a table places by the high ones.
    hash as usize % PARTS
}

impl<P: Peer> Peers<P> {
    pub(super) const fn new() -> Self {
        Self::One(Table::new())
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        match self {
            Self::One(table) => table.len(),
            Self::Many(parts) => parts.len,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One(table) => table.bytes(),
            Self::Many(parts) => {
                size_of::<Parts<P>>() + parts.groups as usize * P::GROUP * size_of::<P>()
            }
        }
    }

    #[inline]
    pub(super) fn tables(&self) -> &[Table<P>] {
        match self {
            Self::One(table) => std::slice::from_ref(table),
            Self::Many(parts) => &parts.tables,
        }
    }

    /// The groups of all tables.
    #[inline]
    pub(super) fn groups(&self) -> u32 {
        match self {
            Self::One(table) => table.groups(),
            Self::Many(parts) => parts.groups,
        }
    }

    /// Every peer, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = P> {
        let places = self.tables().iter().flat_map(Table::places);
        places.copied().filter(|peer| !peer.is_empty())
    }

    /// Every place of all tables, empty ones too; none is to become empty or another peer's.
    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut P> {
        let tables = match self {
            Self::One(table) => std::slice::from_mut(table),
            Self::Many(parts) => &mut parts.tables,
        };
        tables.iter_mut().flat_map(Table::places_mut)
    }

    #[inline]
    fn table(&self, hash: u64) -> &Table<P> {
        match self {
            Self::One(table) => table,
            Self::Many(parts) => &parts.tables[part(hash)],
        }
    }

    #[inline]
    fn table_mut(&mut self, hash: u64) -> &mut Table<P> {
        match self {
            Self::One(table) => table,
            Self::Many(parts) => &mut parts.tables[part(hash)],
        }
    }

    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.table(hash).prefetch(hash);
    }

    #[inline]
    pub(super) fn find(&self, peer: P, hash: u64) -> Option<usize> {
        self.table(hash).find(peer, hash)
    }

    /// The peer of this hash that `find` saw.
    pub(super) fn place(&self, place: usize, hash: u64) -> P {
        self.table(hash).places()[place]
    }

    /// The place of its table where `find` or `insert` saw a peer of this hash.
    #[inline]
    pub(super) fn place_mut(&mut self, place: usize, hash: u64) -> &mut P {
        &mut self.table_mut(hash).places_mut()[place]
    }

    /// Add a peer that is not among them and give its place.
    pub(super) fn insert(&mut self, peer: P, hash: u64, keys: &Keys) -> usize {
        if let Self::One(table) = self
            && table.len() >= SPLIT_AT
        {
            *self = Self::split(table, keys);
        }
        match self {
            Self::One(table) => table.insert(peer, hash, keys),
            Self::Many(parts) => parts.insert(peer, hash, keys),
        }
    }

    /// Remove the peer of this hash that `find` saw.
    pub(super) fn remove(&mut self, place: usize, hash: u64) -> P {
        if let Self::Many(parts) = self {
            parts.len -= 1;
        }
        self.table_mut(hash).remove(place)
    }

    /// Remove the peers of one group that `goes` points out, telling each.
    pub(super) fn remove_where(&mut self, at: Position, mut goes: impl FnMut(P) -> bool) {
        let mut removed = 0;
        let table = match self {
            Self::One(table) => table,
            Self::Many(parts) => &mut parts.tables[at.part],
        };
        for place in at.group as usize * P::GROUP..(at.group as usize + 1) * P::GROUP {
            let peer = table.places()[place];
            if !peer.is_empty() && goes(peer) {
                table.remove(place);
                removed += 1;
            }
        }
        if let Self::Many(parts) = self {
            parts.len -= removed;
        }
    }

    /// Give back memory that one table does not need and tell how many groups were moved.
    pub(super) fn shrink(&mut self, part: usize, keys: &Keys) -> usize {
        match self {
            Self::One(table) => {
                let groups = table.groups();
                if table.shrink(keys) {
                    groups as usize
                } else {
                    0
                }
            }
            Self::Many(parts) => parts.shrink(part, keys),
        }
    }

    /// Make one table of parts that hold little and tell how many groups were moved.
    pub(super) fn join(&mut self, keys: &Keys) -> usize {
        let Self::Many(parts) = self else { return 0 };
        if parts.len >= JOIN_AT {
            return 0;
        }
        let groups = parts.groups as usize;
        let mut joined = Table::with_groups(Table::<P>::groups_for(parts.len as usize));
        for peer in self.iter() {
            joined.insert(peer, peer.mix(keys), keys);
        }
        *self = Self::One(joined);
        groups
    }

    #[cold]
    fn split(table: &Table<P>, keys: &Keys) -> Self {
        let groups = Table::<P>::groups_for(SPLIT_AT as usize / PARTS);
        let mut parts = Box::new(Parts {
            tables: [const { Table::new() }; PARTS],
            len: 0,
            groups: groups * PARTS as u32,
            groups_max: groups,
        });
        for table in &mut parts.tables {
            *table = Table::with_groups(groups);
        }
        for peer in table.places().iter().filter(|peer| !peer.is_empty()) {
            parts.insert(*peer, peer.mix(keys), keys);
        }
        Self::Many(parts)
    }
}

impl<P: Peer> Parts<P> {
    #[inline]
    pub(super) fn tables(&self) -> &[Table<P>; PARTS] {
        &self.tables
    }

    #[inline]
    pub(super) fn groups_max(&self) -> u32 {
        self.groups_max
    }

    fn insert(&mut self, peer: P, hash: u64, keys: &Keys) -> usize {
        let table = &mut self.tables[part(hash)];
        let before = table.groups();
        let place = table.insert(peer, hash, keys);
        self.groups += table.groups() - before;
        self.groups_max = self.groups_max.max(table.groups());
        self.len += 1;
        place
    }

    fn shrink(&mut self, part: usize, keys: &Keys) -> usize {
        let table = &mut self.tables[part];
        let before = table.groups();
        if !table.shrink(keys) {
            return 0;
        }
        self.groups -= before - table.groups();
        self.groups_max = self.tables.iter().map(Table::groups).max().unwrap_or(0);
        before as usize
    }
}

/// Where a sweep stands among the groups of a family.
#[derive(Clone, Copy, Default)]
pub(super) struct Position {
    pub(super) part: usize,
    pub(super) group: u32,
}
