//! The store as bytes that outlive the process, and back.
//!
//! All numbers are little-endian. Ages instead of times make a snapshot good in another process
//! and on another machine.
//!
//! | bytes | what                                                                |
//! | ----: | ------------------------------------------------------------------- |
//! | 8     | `outpour\0`                                                         |
//! | 4     | version, 1                                                          |
//! | 4     | seconds in a unit of age                                            |
//! | 32 +  | a torrent: infohash 20, completed 4, IPv4 peers 4, IPv6 peers 4      |
//! | 8 ×   | its IPv4 peers: address 4, port 2, flags and age 2                   |
//! | 20 ×  | its IPv6 peers: address 16, port 2, flags and age 2                  |
//! | 8     | the number of torrents                                              |
//! | 8     | checksum of all before it: SipHash-1-3 with a key of zeros           |

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::peer::{Coarse, Meta, PeerV4, PeerV6};
use super::shard::{Family, Shard, Turn};
use super::slot::Kept;
use crate::model::InfoHash;

const MAGIC: [u8; 8] = *b"outpour\0";
const VERSION: u32 = 1;
const HEAD: usize = 16;
const TORRENT: usize = 32;
const V4: usize = 8;
const V6: usize = 20;

/// Why a snapshot was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    NotASnapshot,
    /// It was written in a version that is not known here.
    Version(u32),
    /// It ends too early, goes on too long or its checksum is wrong.
    Damaged,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => write!(out, "not a swarm snapshot"),
            Self::Version(version) => {
                write!(
                    out,
                    "snapshot version {version} is not known, only {VERSION} is"
                )
            }
            Self::Damaged => write!(out, "the snapshot is damaged"),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// A snapshot in the making, part by part: a whole one is as large as the store.
pub struct Snapshot {
    pub(super) now: Coarse,
    /// The next shard to copy, from the first to one beyond the last.
    pub(super) shard: usize,
    is_open: bool,
    torrents: u64,
    hasher: SipHasher13,
}

impl Snapshot {
    pub(super) fn new(now: Coarse) -> Self {
        Self {
            now,
            shard: 0,
            is_open: false,
            torrents: 0,
            hasher: SipHasher13::new_with_keys(0, 0),
        }
    }

    /// Begin a part, the first one with the head.
    pub(super) fn open(&mut self, part: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.is_open, true) {
            part.extend_from_slice(&MAGIC);
            part.extend_from_slice(&VERSION.to_le_bytes());
            part.extend_from_slice(&Coarse::UNIT_S.to_le_bytes());
        }
    }

    /// Add to a part the torrents of one copied shard.
    pub(super) fn add(&mut self, part: &mut Vec<u8>, copy: &Copied) {
        let (start, now) = (part.len(), self.now);
        part.extend_from_slice(&copy.0);
        let mut rest = &mut part[start..];
        while let Some((head, body)) = rest.split_at_mut_checked(TORRENT) {
            let v4 = V4 * number(&head[24..]) as usize;
            let v6 = V6 * number(&head[28..]) as usize;
            let (peers, after) = body.split_at_mut(v4 + v6);
            let (v4, v6) = peers.split_at_mut(v4);
            for peer in v4.chunks_exact_mut(V4).chain(v6.chunks_exact_mut(V6)) {
                let at = peer.len() - 2;
                let meta = Meta(u16::from_le_bytes([peer[at], peer[at + 1]]));
                let aged = meta.with_age(meta.age(now));
                peer[at..].copy_from_slice(&aged.0.to_le_bytes());
            }
            self.torrents += 1;
            rest = after;
        }
    }

    /// End a part, which is then not to be changed.
    pub(super) fn close(&mut self, part: &[u8]) {
        self.hasher.write(part);
    }

    /// End the last part.
    pub(super) fn finish(&mut self, part: &mut Vec<u8>) {
        part.extend_from_slice(&self.torrents.to_le_bytes());
        self.close(part);
        part.extend_from_slice(&self.hasher.finish().to_le_bytes());
    }
}

/// The torrents of one shard as they lay, with times where a snapshot has ages.
#[derive(Default)]
pub(super) struct Copied(Vec<u8>);

impl Shard {
    /// Copy the torrents that have peers, as little as can be while the lock is held. The counters of
    /// the others are kept by their owner, who may have a million of them.
    pub(super) fn copy_to(&self, copy: &mut Copied) {
        let out = &mut copy.0;
        out.clear();
        let peers = self.tally.v4 as usize * V4 + self.tally.v6 as usize * V6;
        let busy = || self.torrents.iter().filter(|slot| slot.len() > 0);
        out.reserve(busy().count() * TORRENT + peers);
        for slot in busy() {
            let (v4, v6) = (PeerV4::view(slot), PeerV6::view(slot));
            out.extend_from_slice(&slot.infohash);
            out.extend_from_slice(&slot.completed().to_le_bytes());
            out.extend_from_slice(&(v4.len() as u32).to_le_bytes());
            out.extend_from_slice(&(v6.len() as u32).to_le_bytes());
            v4.iter()
                .for_each(|peer| out.extend_from_slice(&peer.to_bytes()));
            v6.iter()
                .for_each(|peer| out.extend_from_slice(&peer.to_bytes()));
        }
    }
}

impl Copied {
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (record, after) = record(rest)?;
            rest = after;
            Some(record)
        })
    }
}

/// One torrent of a snapshot.
pub(super) struct Record<'a> {
    pub(super) infohash: InfoHash,
    completed: u32,
    v4: &'a [u8],
    v6: &'a [u8],
}

impl Record<'_> {
    pub(super) fn v4_peers(&self) -> &[[u8; V4]] {
        self.v4.as_chunks().0
    }

    pub(super) fn v6_peers(&self) -> &[[u8; V6]] {
        self.v6.as_chunks().0
    }
}

/// Check a snapshot as a whole and give its torrents.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record<'_>>, SnapshotError> {
    let magic = bytes.get(..8).ok_or(SnapshotError::NotASnapshot)?;
    if magic != MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let version = bytes.get(8..12).map(number).ok_or(SnapshotError::Damaged)?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let (summed, sum) = bytes
        .split_last_chunk::<8>()
        .ok_or(SnapshotError::Damaged)?;
    if summed.len() < HEAD + 8
        || checksum(summed) != u64::from_le_bytes(*sum)
        || number(&bytes[12..]) != Coarse::UNIT_S
    {
        return Err(SnapshotError::Damaged);
    }
    let (mut body, torrents) = summed
        .split_last_chunk::<8>()
        .ok_or(SnapshotError::Damaged)?;
    body = &body[HEAD..];
    let mut records = Vec::new();
    while !body.is_empty() {
        let (record, rest) = record(body).ok_or(SnapshotError::Damaged)?;
        records.push(record);
        body = rest;
    }
    if records.len() as u64 != u64::from_le_bytes(*torrents) {
        return Err(SnapshotError::Damaged);
    }
    Ok(records)
}

fn record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (head, body) = bytes.split_at_checked(TORRENT)?;
    let (v4, body) = body.split_at_checked(V4.checked_mul(number(&head[24..]) as usize)?)?;
    let (v6, rest) = body.split_at_checked(V6.checked_mul(number(&head[28..]) as usize)?)?;
    let infohash = *head.first_chunk()?;
    Some((
        Record {
            infohash,
            completed: number(&head[20..]),
            v4,
            v6,
        },
        rest,
    ))
}

/// A snapshot of the whole torrents that `body` begins with, whatever they say of their peers.
#[cfg(feature = "fuzzing")]
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let mut snapshot = Snapshot::new(Coarse::of(0));
    let mut bytes = Vec::new();
    snapshot.open(&mut bytes);
    let mut rest = body;
    while let Some((_, after)) = record(rest) {
        snapshot.torrents += 1;
        rest = after;
    }
    let whole = body.len() - rest.len();
    bytes.extend_from_slice(&body[..whole]);
    snapshot.finish(&mut bytes);
    bytes
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    hasher.finish()
}

/// How a snapshot's ages become times.
pub(super) struct Aging {
    /// Units since the snapshot was made.
    pub(super) since: u32,
    pub(super) timeout: u16,
}

impl Shard {
    /// Take in one torrent of a snapshot, keeping what is known already, and tell the peers added.
    pub(super) fn restore(
        &mut self,
        turn: &Turn<'_>,
        record: &Record<'_>,
        hash: u64,
        aging: &Aging,
    ) -> usize {
        let Some(number) = self.find_or_open(turn, &record.infohash, hash) else {
            return 0;
        };
        let completed = self.torrents.slot_mut(number).completed_mut();
        *completed = record.completed.max(*completed);
        let mut added = 0;
        for peer in record.v4_peers() {
            added += self.rejoin(turn, number, PeerV4::from_bytes(*peer), aging);
        }
        for peer in record.v6_peers() {
            added += self.rejoin(turn, number, PeerV6::from_bytes(*peer), aging);
        }
        self.close_if_useless(turn, number);
        added
    }

    fn rejoin<P: Family>(&mut self, turn: &Turn<'_>, number: u32, peer: P, aging: &Aging) -> usize {
        let age = u32::from(peer.meta().units()).saturating_add(aging.since);
        let hash = peer.mix(turn.keys);
        let slot = self.torrents.slot(number);
        let fits = age <= u32::from(aging.timeout)
            && peer.meta().is_sound()
            && peer.address().port() != 0
            && (slot.len() as usize) < turn.limits.peers_per_torrent_max
            && P::find(slot, peer, hash).is_none()
            && turn.load.peers.admit(turn.limits.peers_max);
        if fits {
            let seen = turn.now.earlier(age as u16);
            self.join(turn, number, peer.with_meta(peer.meta().at(seen)), hash);
        }
        usize::from(fits)
    }
}
