//! One torrent in one cache line: its numbers, and its peers while they are few.
//!
//! | bytes | few peers                   | many peers, or any of IPv6    |
//! | ----: | --------------------------- | ----------------------------- |
//! | 0–19  | infohash                    | infohash                      |
//! | 20–23 | seeders of both families    | seeders of both families      |
//! | 24–31 | which, fill, completed      | which, completed              |
//! | 32–47 | two IPv4 peers              | IPv4 peers: place and number  |
//! | 48–63 | two IPv4 peers              | IPv6 peers: place and number  |

use super::mix::Keys;
use super::peer::{Peer, PeerV4, PeerV6};
use super::peers::Peers;
use crate::model::{Counts, InfoHash};

/// IPv4 peers that need no memory beside the slot.
pub(super) const FEW: usize = 4;

#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) infohash: InfoHash,
    pub(super) seeders: u32,
    body: Body,
}

enum Body {
    Few {
        len: u8,
        completed: u32,
        peers: [PeerV4; FEW],
    },
    Many {
        completed: u32,
        v4: Peers<PeerV4>,
        v6: Peers<PeerV6>,
    },
}

const _: () = assert!(size_of::<Slot>() == 64);

/// The peers of one family as they lie.
pub(super) enum View<'a, P: Peer> {
    Few(&'a [P]),
    Many(&'a Peers<P>),
}

impl<'a, P: Peer> View<'a, P> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(peers) => peers.len(),
            Self::Many(peers) => peers.len() as usize,
        }
    }

    /// Every peer, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = P> + use<'a, P> {
        let (few, many): (&'a [P], Option<&'a Peers<P>>) = match *self {
            Self::Few(peers) => (peers, None),
            Self::Many(peers) => (&[], Some(peers)),
        };
        few.iter()
            .copied()
            .chain(many.into_iter().flat_map(Peers::iter))
    }
}

/// A peer of a family that a slot knows where to keep.
///
/// A place is good for the same hash until the next peer comes or goes.
pub(super) trait Kept: Peer {
    fn view(slot: &Slot) -> View<'_, Self>;
    fn find(slot: &Slot, peer: Self, hash: u64) -> Option<usize>;
    fn place(slot: &Slot, place: usize, hash: u64) -> Self;
    fn place_mut(slot: &mut Slot, place: usize, hash: u64) -> &mut Self;
    /// Add a peer that is not in the slot and give its place.
    fn insert(slot: &mut Slot, peer: Self, hash: u64, keys: &Keys) -> usize;
    fn remove(slot: &mut Slot, place: usize, hash: u64) -> Self;
    /// The peers to sweep, unless they are few and lie in the slot.
    fn many_mut(slot: &mut Slot) -> Option<&mut Peers<Self>>;
}

impl Slot {
    pub(super) const EMPTY: Self = Self::new([0; 20]);

    pub(super) const fn new(infohash: InfoHash) -> Self {
        let body = Body::Few {
            len: 0,
            completed: 0,
            peers: [PeerV4::EMPTY; FEW],
        };
        Self {
            infohash,
            seeders: 0,
            body,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        match &self.body {
            Body::Few { len, .. } => u32::from(*len),
            Body::Many { v4, v6, .. } => v4.len() + v6.len(),
        }
    }

    /// Its numbers, without those that the shard keeps.
    #[inline]
    pub(super) fn counts(&self) -> Counts {
        Counts {
            complete: self.seeders,
            incomplete: self.len() - self.seeders,
            downloaded: self.completed(),
            partial: 0,
        }
    }

    #[inline]
    pub(super) fn completed(&self) -> u32 {
        match self.body {
            Body::Few { completed, .. } | Body::Many { completed, .. } => completed,
        }
    }

    #[inline]
    pub(super) fn completed_mut(&mut self) -> &mut u32 {
        match &mut self.body {
            Body::Few { completed, .. } | Body::Many { completed, .. } => completed,
        }
    }

    /// Bytes held beside the slot.
    pub(super) fn bytes(&self) -> usize {
        match &self.body {
            Body::Few { .. } => 0,
            Body::Many { v4, v6, .. } => v4.bytes() + v6.bytes(),
        }
    }

    /// The peers lying in the slot.
    pub(super) fn few_mut(&mut self) -> &mut [PeerV4] {
        match &mut self.body {
            Body::Few { len, peers, .. } => &mut peers[..usize::from(*len)],
            Body::Many { .. } => &mut [],
        }
    }

    /// Remove the peers lying in the slot that `goes` points out, telling each.
    pub(super) fn remove_few_where(&mut self, mut goes: impl FnMut(PeerV4) -> bool) {
        let Body::Few { len, peers, .. } = &mut self.body else {
            return;
        };
        let mut at = 0;
        while at < *len as usize {
            if goes(peers[at]) {
                *len -= 1;
                peers[at] = peers[*len as usize];
            } else {
                at += 1;
            }
        }
    }

    /// Take the peers into the slot if they are few again.
    pub(super) fn settle(&mut self) {
        let Body::Many { completed, v4, v6 } = &self.body else {
            return;
        };
        if v4.len() as usize > FEW || v6.len() > 0 {
            return;
        }
        let mut peers = [PeerV4::EMPTY; FEW];
        let mut len = 0;
        for (place, peer) in peers.iter_mut().zip(v4.iter()) {
            *place = peer;
            len += 1;
        }
        self.body = Body::Few {
            len,
            completed: *completed,
            peers,
        };
    }

    #[cold]
    fn spread(&mut self, keys: &Keys) -> (&mut Peers<PeerV4>, &mut Peers<PeerV6>) {
        if let Body::Few {
            len,
            completed,
            peers,
        } = self.body
        {
            let mut v4 = Peers::new();
            for peer in &peers[..len as usize] {
                v4.insert(*peer, peer.mix(keys), keys);
            }
            self.body = Body::Many {
                completed,
                v4,
                v6: Peers::new(),
            };
        }
        match &mut self.body {
            Body::Many { v4, v6, .. } => (v4, v6),
            Body::Few { .. } => unreachable!("the body was just made to hold many"),
        }
    }
}

impl Kept for PeerV4 {
    #[inline]
    fn view(slot: &Slot) -> View<'_, Self> {
        match &slot.body {
            Body::Few { len, peers, .. } => View::Few(&peers[..*len as usize]),
            Body::Many { v4, .. } => View::Many(v4),
        }
    }

    #[inline]
    fn find(slot: &Slot, peer: Self, hash: u64) -> Option<usize> {
        match &slot.body {
            Body::Few { len, peers, .. } => peers[..*len as usize]
                .iter()
                .position(|other| other.same(peer)),
            Body::Many { v4, .. } => v4.find(peer, hash),
        }
    }

    fn place(slot: &Slot, place: usize, hash: u64) -> Self {
        match &slot.body {
            Body::Few { peers, .. } => peers[place],
            Body::Many { v4, .. } => v4.place(place, hash),
        }
    }

    #[inline]
    fn place_mut(slot: &mut Slot, place: usize, hash: u64) -> &mut Self {
        match &mut slot.body {
            Body::Few { peers, .. } => &mut peers[place],
            Body::Many { v4, .. } => v4.place_mut(place, hash),
        }
    }

    #[inline]
    fn insert(slot: &mut Slot, peer: Self, hash: u64, keys: &Keys) -> usize {
        match &mut slot.body {
            Body::Few { len, peers, .. } if (*len as usize) < FEW => {
                peers[*len as usize] = peer;
                *len += 1;
                *len as usize - 1
            }
            Body::Few { .. } => slot.spread(keys).0.insert(peer, hash, keys),
            Body::Many { v4, .. } => v4.insert(peer, hash, keys),
        }
    }

    fn remove(slot: &mut Slot, place: usize, hash: u64) -> Self {
        match &mut slot.body {
            Body::Few { len, peers, .. } => {
                *len -= 1;
                peers.swap(place, *len as usize);
                peers[*len as usize]
            }
            Body::Many { v4, .. } => v4.remove(place, hash),
        }
    }

    fn many_mut(slot: &mut Slot) -> Option<&mut Peers<Self>> {
        match &mut slot.body {
            Body::Few { .. } => None,
            Body::Many { v4, .. } => Some(v4),
        }
    }
}

impl Kept for PeerV6 {
    #[inline]
    fn view(slot: &Slot) -> View<'_, Self> {
        match &slot.body {
            Body::Few { .. } => View::Few(&[]),
            Body::Many { v6, .. } => View::Many(v6),
        }
    }

    #[inline]
    fn find(slot: &Slot, peer: Self, hash: u64) -> Option<usize> {
        match &slot.body {
            Body::Few { .. } => None,
            Body::Many { v6, .. } => v6.find(peer, hash),
        }
    }

    fn place(slot: &Slot, place: usize, hash: u64) -> Self {
        match &slot.body {
            Body::Few { .. } => unreachable!("a place of IPv6 is in a slot of many"),
            Body::Many { v6, .. } => v6.place(place, hash),
        }
    }

    #[inline]
    fn place_mut(slot: &mut Slot, place: usize, hash: u64) -> &mut Self {
        match &mut slot.body {
            Body::Few { .. } => unreachable!("a place of IPv6 is in a slot of many"),
            Body::Many { v6, .. } => v6.place_mut(place, hash),
        }
    }

    #[inline]
    fn insert(slot: &mut Slot, peer: Self, hash: u64, keys: &Keys) -> usize {
        match &mut slot.body {
            Body::Few { .. } => slot.spread(keys).1.insert(peer, hash, keys),
            Body::Many { v6, .. } => v6.insert(peer, hash, keys),
        }
    }

    fn remove(slot: &mut Slot, place: usize, hash: u64) -> Self {
        match &mut slot.body {
            Body::Few { .. } => unreachable!("a place of IPv6 is in a slot of many"),
            Body::Many { v6, .. } => v6.remove(place, hash),
        }
    }

    fn many_mut(slot: &mut Slot) -> Option<&mut Peers<Self>> {
        match &mut slot.body {
            Body::Few { .. } => None,
            Body::Many { v6, .. } => Some(v6),
        }
    }
}
