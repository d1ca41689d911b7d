//! What one node tells the others at once, as bytes.
//!
//! All numbers are little-endian but ports, which are in network order as everywhere.
//!
//! | bytes | what                                                                       |
//! | ----: | -------------------------------------------------------------------------- |
//! | 4     | `opev`                                                                     |
//! | 1     | version, 1                                                                 |
//! | 1     | 1 if the marks are of all nodes, 0 if of this one                          |
//! | 2     | zeros                                                                      |
//! | 8     | the node                                                                   |
//! | 8     | the node's run, another one after each start                               |
//! | 8     | the clock that it goes by                                                  |
//! | 4     | that clock when the blob was made, in units of 8 s                         |
//! | 4     | the number of marks                                                        |
//! | 8 ×   | marks of downloads that were counted, see `swarm/counted`                  |
//! | 21 +  | a torrent: infohash 20; bit 7 whether IPv6, bits 0–6 peers less one: 1      |
//! | 8 ×   | its IPv4 peers: address 4, port 2, word 2, see `cluster/stamp`             |
//! | 20 ×  | or its IPv6 peers: address 16, port 2, word 2                              |
//! | 8     | checksum of all before it: SipHash-1-3 with a key of zeros                 |
//!
//! A peer of IPv4 alone of its torrent is 29 bytes, one more of the same torrent 8.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::outbox::Taken;
use super::stamp;
use crate::model::InfoHash;

const MAGIC: [u8; 4] = *b"opev";
const VERSION: u8 = 1;
const HEAD: usize = 40;
const CHECKSUM: usize = 8;
const TORRENT: usize = 21;
const V4: usize = 8;
const V6: usize = 20;
const IS_V6: u8 = 1 << 7;

/// Peers of one family after one infohash; the rest follow after the same infohash again.
const GROUP_MAX: usize = 128;

/// Why what another node tells is refused, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobError {
    /// It does not begin as it should.
    NotABlob,
    /// It is of a version that is not known here.
    Version(u8),
    /// It ends too early, goes on too long or its checksum is wrong.
    Damaged,
}

impl fmt::Display for BlobError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABlob => write!(out, "not swarm events of a tracker"),
            Self::Version(version) => write!(
                out,
                "swarm events of version {version} are not known, only {VERSION} is"
            ),
            Self::Damaged => write!(out, "the swarm events are damaged"),
        }
    }
}

impl std::error::Error for BlobError {}

/// Who tells something, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) node: u64,
    pub(crate) run: u64,
    pub(crate) clock: u64,
    pub(crate) clock_units: u32,
    /// Whose downloads the marks are of: all that the node knows of, or those that it counted.
    pub(crate) is_of_all: bool,
}

/// Events as they were read, checked as a whole.
pub(crate) struct Blob<'a> {
    pub(crate) head: Head,
    marks: &'a [u8],
    groups: &'a [u8],
}

/// Peers of one torrent and one family.
pub(crate) enum Group<'a> {
    V4(InfoHash, &'a [[u8; V4]]),
    V6(InfoHash, &'a [[u8; V6]]),
}

/// A blob in the making, whose words are shifted to the clock of its head.
pub(crate) struct Writer {
    out: Vec<u8>,
    by: u16,
}

impl Writer {
    /// Begin with words here that show `by` units less than those of the head's clock.
    pub(crate) fn new(head: &Head, by: u16, marks: &[u64]) -> Self {
        let mut out = Vec::with_capacity(HEAD + marks.len() * 8 + CHECKSUM);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, head.is_of_all.into(), 0, 0]);
        out.extend_from_slice(&head.node.to_le_bytes());
        out.extend_from_slice(&head.run.to_le_bytes());
        out.extend_from_slice(&head.clock.to_le_bytes());
        out.extend_from_slice(&head.clock_units.to_le_bytes());
        out.extend_from_slice(&(marks.len() as u32).to_le_bytes());
        for mark in marks {
            out.extend_from_slice(&mark.to_le_bytes());
        }
        Self { out, by }
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Add peers of one family of a torrent, any number of them.
    pub(crate) fn add<const N: usize>(
        &mut self,
        infohash: &InfoHash,
        mut peers: impl ExactSizeIterator<Item = [u8; N]>,
    ) {
        let family = if N == V6 { IS_V6 } else { 0 };
        while peers.len() > 0 {
            let number = peers.len().min(GROUP_MAX);
            self.out.extend_from_slice(infohash);
            self.out.push(family | (number - 1) as u8);
            for peer in peers.by_ref().take(number) {
                self.out.extend_from_slice(&peer[..N - 2]);
                let word = u16::from_le_bytes([peer[N - 2], peer[N - 1]]);
                let word = stamp::shifted(word, self.by);
                self.out.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    fn add_events<const N: usize>(&mut self, events: &[(InfoHash, [u8; N])]) {
        self.out.reserve(events.len() * (TORRENT + N) + CHECKSUM);
        // The first bytes are as random as all, and much quicker to put in order. Where two torrents have
        // the same, one of them may come twice.
        let mut order: Vec<(u64, u32)> = (0..).zip(events).map(ordered).collect();
        order.sort_unstable();
        let mut rest = &order[..];
        while let Some((_, first)) = rest.first() {
            let infohash = &events[*first as usize].0;
            let of_torrent = |(_, at): &&(u64, u32)| events[*at as usize].0 == *infohash;
            let number = rest.iter().take_while(of_torrent).count();
            let peers = rest[..number].iter();
            self.add(infohash, peers.map(|(_, at)| events[*at as usize].1));
            rest = &rest[number..];
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let sum = checksum(&self.out);
        self.out.extend_from_slice(&sum.to_le_bytes());
        self.out
    }
}

fn ordered<const N: usize>((at, (infohash, _)): (u32, &(InfoHash, [u8; N]))) -> (u64, u32) {
    let first = infohash.first_chunk().copied().unwrap_or_default();
    (u64::from_be_bytes(first), at)
}

/// Put together what is told.
pub(super) fn write(head: &Head, by: u16, taken: &Taken) -> Vec<u8> {
    let mut writer = Writer::new(head, by, &taken.marks);
    writer.add_events(&taken.v4);
    writer.add_events(&taken.v6);
    writer.finish()
}

/// Check a blob as a whole.
pub(crate) fn read(bytes: &[u8]) -> Result<Blob<'_>, BlobError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(BlobError::NotABlob);
    };
    if *magic != MAGIC {
        return Err(BlobError::NotABlob);
    }
    match rest.first() {
        None => return Err(BlobError::Damaged),
        Some(version) if *version != VERSION => return Err(BlobError::Version(*version)),
        Some(_) => {}
    }
    let (summed, sum) = bytes
        .split_last_chunk::<CHECKSUM>()
        .ok_or(BlobError::Damaged)?;
    if checksum(summed) != u64::from_le_bytes(*sum) {
        return Err(BlobError::Damaged);
    }
    body(summed).ok_or(BlobError::Damaged)
}

fn body(summed: &[u8]) -> Option<Blob<'_>> {
    let (head, rest) = summed.split_at_checked(HEAD)?;
    let word = |at: usize| {
        head[at..]
            .first_chunk()
            .map(|word| u64::from_le_bytes(*word))
    };
    let half = |at: usize| {
        head[at..]
            .first_chunk()
            .map(|word| u32::from_le_bytes(*word))
    };
    let (marks, groups) = rest.split_at_checked(8_usize.checked_mul(half(36)? as usize)?)?;
    let blob = Blob {
        head: Head {
            node: word(8)?,
            run: word(16)?,
            clock: word(24)?,
            clock_units: half(32)?,
            is_of_all: head[5] != 0,
        },
        marks,
        groups,
    };
    let mut rest = groups;
    while !rest.is_empty() {
        (_, rest) = group(rest)?;
    }
    Some(blob)
}

fn group(bytes: &[u8]) -> Option<(Group<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(TORRENT)?;
    let infohash = *head.first_chunk()?;
    let kind = head[TORRENT - 1];
    let number = usize::from(kind & !IS_V6) + 1;
    if kind & IS_V6 == 0 {
        let (peers, rest) = rest.split_at_checked(number * V4)?;
        Some((Group::V4(infohash, peers.as_chunks().0), rest))
    } else {
        let (peers, rest) = rest.split_at_checked(number * V6)?;
        Some((Group::V6(infohash, peers.as_chunks().0), rest))
    }
}

impl<'a> Blob<'a> {
    pub(crate) fn marks(&self) -> impl Iterator<Item = u64> {
        let marks = self.marks.as_chunks().0;
        marks.iter().map(|mark| u64::from_le_bytes(*mark))
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = Group<'a>> + use<'a> {
        let mut rest = self.groups;
        std::iter::from_fn(move || {
            let (group, after) = group(rest)?;
            rest = after;
            Some(group)
        })
    }
}

impl Group<'_> {
    pub(crate) fn infohash(&self) -> &InfoHash {
        match self {
            Self::V4(infohash, _) | Self::V6(infohash, _) => infohash,
        }
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    hasher.finish()
}

/// A blob with this body and a checksum that is right, whatever it says.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = [&MAGIC[..], &[VERSION], body].concat();
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD_OF_ONE: Head = Head {
        node: 0x0102_0304_0506_0708,
        run: 2,
        clock: 3,
        clock_units: 1000,
        is_of_all: false,
    };

    fn taken() -> impl Strategy<Value = Taken> {
        // Few torrents, so that many have several peers.
        let v4 = prop::collection::vec((0..9_u8, any::<[u8; 8]>()), 0..300);
        let v6 = prop::collection::vec((0..9_u8, any::<[u8; 20]>()), 0..300);
        let marks = prop::collection::vec(any::<u64>(), 0..9);
        (v4, v6, marks).prop_map(|(v4, v6, marks)| Taken {
            v4: v4.into_iter().map(|(of, peer)| ([of; 20], peer)).collect(),
            v6: v6.into_iter().map(|(of, peer)| ([of; 20], peer)).collect(),
            marks,
        })
    }

    fn read_back(bytes: &[u8]) -> Taken {
        let blob = read(bytes).expect("what was written");
        assert_eq!(blob.head, HEAD_OF_ONE);
        let mut taken = Taken {
            marks: blob.marks().collect(),
            ..Taken::default()
        };
        for group in blob.groups() {
            match group {
                Group::V4(infohash, peers) => {
                    taken.v4.extend(peers.iter().map(|peer| (infohash, *peer)));
                }
                Group::V6(infohash, peers) => {
                    taken.v6.extend(peers.iter().map(|peer| (infohash, *peer)));
                }
            }
        }
        taken
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(taken in taken()) {
            let bytes = write(&HEAD_OF_ONE, 0, &taken);
            let alone = taken.v4.len() * 29 + taken.v6.len() * 41;
            prop_assert!(bytes.len() <= HEAD + CHECKSUM + taken.marks.len() * 8 + alone);
            let [mut read, mut expected] = [read_back(&bytes), taken];
            for taken in [&mut read, &mut expected] {
                taken.v4.sort_unstable();
                taken.v6.sort_unstable();
            }
            prop_assert_eq!(read.v4, expected.v4);
            prop_assert_eq!(read.v6, expected.v6);
            prop_assert_eq!(read.marks, expected.marks);
        }

        #[test]
        fn a_changed_or_cut_blob_is_refused(taken in taken(), at: prop::sample::Index, bit in 0..8_u32) {
            let bytes = write(&HEAD_OF_ONE, 0, &taken);
            let at = at.index(bytes.len());
            prop_assert!(read(&bytes[..at]).is_err());
            let mut changed = bytes;
            changed[at] ^= 1 << bit;
            prop_assert!(read(&changed).is_err());
        }

        #[test]
        fn whatever_is_sealed_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(blob) = read(&sealed(&body)) {
                prop_assert!(blob.groups().count() <= body.len() / TORRENT);
            }
        }
    }

    #[test]
    fn all_short_lengths_are_refused() {
        for length in 0..HEAD + CHECKSUM {
            for filler in [0, 1, 0x80, 0xff] {
                assert!(read(&vec![filler; length]).is_err());
            }
            if length < HEAD - 5 {
                assert_eq!(
                    read(&sealed(&vec![0; length])).err(),
                    Some(BlobError::Damaged)
                );
            }
        }
        assert_eq!(read(b"").err(), Some(BlobError::NotABlob));
        assert_eq!(read(b"opev").err(), Some(BlobError::Damaged));
        assert_eq!(read(b"opev\x02").err(), Some(BlobError::Version(2)));
    }

    /// Other versions have to read it: written down by hand from the table.
    #[test]
    fn a_blob_lies_as_the_table_says() {
        let taken = Taken {
            v4: vec![([0xaa; 20], [192, 0, 2, 1, 0x1a, 0xe1, 0x05, 0x40])],
            v6: Vec::new(),
            marks: vec![0x1122],
        };
        let bytes = write(&HEAD_OF_ONE, 2, &taken);
        let expected = [
            &b"opev\x01\0\0\0"[..],
            b"\x08\x07\x06\x05\x04\x03\x02\x01",
            b"\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0",
            b"\xe8\x03\0\0\x01\0\0\0",
            b"\x22\x11\0\0\0\0\0\0",
            &[0xaa; 20],
            b"\x00\xc0\x00\x02\x01\x1a\xe1\x07\x40",
        ]
        .concat();
        assert_eq!(bytes[..bytes.len() - CHECKSUM], expected);
        assert_eq!(
            bytes[bytes.len() - CHECKSUM..],
            checksum(&expected).to_le_bytes()
        );
    }
}
