//! A hash table of peers: each lives in one of two groups, so a look-up reads at most two places.
//!
//! The emptier group takes a new peer; if both are full, one that lives there moves to its other
//! group. That fills a table to over nine tenths before it must grow, without chains, tombstones
//! or a stored hash. Groups stay nearly even, which keeps the choice of peers fair.

#![allow(unsafe_code)] // a boxed slice with its length and its fill in 16 bytes

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use super::mix::{Keys, scale};
use super::peer::Peer;
use super::prefetch::prefetch;

pub(super) struct Table<P: Peer> {
    /// `groups * P::GROUP` peers; dangling while there are no groups.
    peers: NonNull<P>,
    groups: u32,
    len: u32,
    own: PhantomData<P>,
}

const _: () = assert!(size_of::<Table<super::peer::PeerV4>>() == 16);

// SAFETY: the table owns its peers alone, as a `Box<[P]>` does.
unsafe impl<P: Peer> Send for Table<P> {}

impl<P: Peer> Table<P> {
    pub(super) const fn new() -> Self {
        Self {
            peers: NonNull::dangling(),
            groups: 0,
            len: 0,
            own: PhantomData,
        }
    }

    pub(super) fn with_groups(groups: u32) -> Self {
        if groups == 0 {
            return Self::new();
        }
        let layout = Self::layout(groups);
        // SAFETY: the layout is not empty: there is a group, and a group is not empty.
        let memory = unsafe { alloc(layout) };
        let Some(peers) = NonNull::new(memory.cast::<P>()) else {
            handle_alloc_error(layout)
        };
        for at in 0..groups as usize * P::GROUP {
            // SAFETY: `at` is within the memory just allocated, which is aligned for `P`.
            unsafe { peers.add(at).write(P::EMPTY) };
        }
        Self {
            peers,
            groups,
            len: 0,
            own: PhantomData,
        }
    }

    fn layout(groups: u32) -> Layout {
        // Small blocks are left where malloc puts them: aligning those costs as much as they hold.
        let align = if groups < 4 { align_of::<P>() } else { 64 };
        let bytes = groups as usize * P::GROUP * size_of::<P>();
        Layout::from_size_align(bytes, align).expect("a table is far smaller than memory")
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn groups(&self) -> u32 {
        self.groups
    }

    pub(super) fn bytes(&self) -> usize {
        self.groups as usize * P::GROUP * size_of::<P>()
    }

    /// All places, the empty ones too.
    #[inline]
    pub(super) fn places(&self) -> &[P] {
        // SAFETY: `peers` points to that many initialised peers, or dangles with a length of 0.
        unsafe { slice::from_raw_parts(self.peers.as_ptr(), self.groups as usize * P::GROUP) }
    }

    #[inline]
    pub(super) fn places_mut(&mut self) -> &mut [P] {
        // SAFETY: as in `places`; the table owns them and is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.peers.as_ptr(), self.groups as usize * P::GROUP) }
    }

    #[inline]
    pub(super) fn range(&self, group: u32, groups: u32) -> &[P] {
        &self.places()[group as usize * P::GROUP..][..groups as usize * P::GROUP]
    }

    #[inline]
    pub(super) fn group(&self, group: u32) -> &[P] {
        &self.places()[group as usize * P::GROUP..][..P::GROUP]
    }

    /// The two groups where a peer of this hash may live; one and the same if there is only one.
    #[inline]
    fn homes(&self, hash: u64) -> [u32; 2] {
        let first = scale(hash as u32, self.groups);
        let second = first + 1 + scale((hash >> 32) as u32, self.groups.saturating_sub(1));
        [
            first,
            if second >= self.groups {
                second - self.groups
            } else {
                second
            },
        ]
    }

    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if self.groups > 0 {
            for home in self.homes(hash) {
                prefetch(self.group(home).as_ptr());
            }
        }
    }

    #[inline]
    pub(super) fn find(&self, peer: P, hash: u64) -> Option<usize> {
        if self.groups == 0 {
            return None;
        }
        let [first, second] = self.homes(hash);
        let place = |home: u32| {
            let hits = mask(self.group(home), |other| other.same(peer));
            (hits != 0).then(|| home as usize * P::GROUP + hits.trailing_zeros() as usize)
        };
        place(first).or_else(|| place(second))
    }

    /// Add a peer that is not in the table and give its place.
    pub(super) fn insert(&mut self, peer: P, hash: u64, keys: &Keys) -> usize {
        loop {
            if let Some(place) = self.put(peer, hash, keys) {
                return place;
            }
            self.rebuild(self.groups + self.groups / 8 + 1, keys);
        }
    }

    fn put(&mut self, peer: P, hash: u64, keys: &Keys) -> Option<usize> {
        if self.groups == 0 {
            return None;
        }
        let homes = self.homes(hash);
        let [free, other] = homes.map(|home| mask(self.group(home), P::is_empty));
        let (home, free) = if free.count_ones() >= other.count_ones() {
            (homes[0], free)
        } else {
            (homes[1], other)
        };
        let place = if free == 0 {
            self.make_room(homes, keys)?
        } else {
            home as usize * P::GROUP + free.trailing_zeros() as usize
        };
        self.places_mut()[place] = peer;
        self.len += 1;
        Some(place)
    }

    /// Move some peer of two full groups to its other group and give the place it left.
    #[cold]
    fn make_room(&mut self, homes: [u32; 2], keys: &Keys) -> Option<usize> {
        for home in homes {
            for place in home as usize * P::GROUP..(home as usize + 1) * P::GROUP {
                let peer = self.places()[place];
                let [first, second] = self.homes(peer.mix(keys));
                let other = if first == home { second } else { first };
                let free = mask(self.group(other), P::is_empty);
                if free != 0 {
                    let to = other as usize * P::GROUP + free.trailing_zeros() as usize;
                    self.places_mut()[to] = peer;
                    return Some(place);
                }
            }
        }
        None
    }

    pub(super) fn remove(&mut self, place: usize) -> P {
        self.len -= 1;
        std::mem::replace(&mut self.places_mut()[place], P::EMPTY)
    }

    /// Give back memory if two thirds are unused, and tell if so.
    pub(super) fn shrink(&mut self, keys: &Keys) -> bool {
        let fitting = Self::groups_for(self.len as usize);
        let shrinks = fitting * 2 < self.groups;
        if shrinks {
            self.rebuild(fitting, keys);
        }
        shrinks
    }

    /// Groups that hold `len` peers with room for some more.
    pub(super) fn groups_for(len: usize) -> u32 {
        (len * 5).div_ceil(P::GROUP * 4) as u32
    }

    #[cold]
    fn rebuild(&mut self, mut groups: u32, keys: &Keys) {
        loop {
            let mut table = Self::with_groups(groups);
            let mut peers = self.places().iter().filter(|peer| !peer.is_empty());
            if peers.all(|peer| table.put(*peer, peer.mix(keys), keys).is_some()) {
                *self = table;
                return;
            }
            groups += groups / 4 + 1;
        }
    }
}

impl<P: Peer> Drop for Table<P> {
    fn drop(&mut self) {
        if self.groups > 0 {
            // SAFETY: allocated in `with_groups` with the very same layout.
            unsafe { dealloc(self.peers.as_ptr().cast(), Self::layout(self.groups)) };
        }
    }
}

/// One bit for each place of a group that `holds`.
#[inline]
fn mask<P: Peer>(group: &[P], holds: impl Fn(P) -> bool) -> u32 {
    let mut bits = 0;
    for (at, peer) in group.iter().enumerate() {
        bits |= u32::from(holds(*peer)) << at;
    }
    bits
}
