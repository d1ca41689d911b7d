//! Turns a list of files and a piece length into one stream of bytes cut into pieces.

use std::{path::PathBuf, sync::Arc};

use crate::{Fault, memory::Memory, merkle::LEAF};

/// A piece is addressed with 32 bits on the wire; 1 GiB is far above what clients accept.
const PIECE_LENGTH_MAX: u64 = 1 << 30;

/// One entry of the stream.
#[derive(Clone)]
pub struct Source {
    pub place: Place,
    pub length: u64,
}

/// Where the bytes of an entry are.
#[derive(Clone)]
pub enum Place {
    /// Nowhere: padding is zeros (BEP 47).
    Padding,
    File(PathBuf),
    /// In memory already, from a byte of it on.
    Memory(Arc<Memory>, usize),
}

impl Source {
    pub(crate) fn is_padding(&self) -> bool {
        matches!(self.place, Place::Padding)
    }
}

/// Where the entries lie in the stream.
pub(crate) struct Plan {
    pub(crate) sources: Vec<Source>,
    pub(crate) starts: Vec<u64>,
    pub(crate) piece_length: u64,
    pub(crate) length: u64,
    pub(crate) v1: bool,
    pub(crate) v2: bool,
}

/// A stretch of the stream that comes from one place.
pub(crate) struct Span {
    /// None for zeros.
    pub(crate) file: Option<(usize, u64)>,
    pub(crate) length: u64,
}

impl Plan {
    /// Lay the sources end to end; for v2 alone, each file begins a new piece.
    pub(crate) fn new(
        sources: Vec<Source>,
        piece_length: u64,
        v1: bool,
        v2: bool,
    ) -> Result<Self, Fault> {
        if !(1..=PIECE_LENGTH_MAX).contains(&piece_length) {
            return Err(Fault::Plan("the piece length must be from 1 byte to 1 GiB"));
        }
        if v2 && (piece_length < LEAF as u64 || !piece_length.is_power_of_two()) {
            return Err(Fault::Plan(
                "a v2 piece length is a power of two of at least 16 KiB",
            ));
        }
        let mut starts = Vec::with_capacity(sources.len());
        let (mut at, mut length) = (0_u64, 0_u64);
        for source in &sources {
            if v2 && !v1 {
                at = at.next_multiple_of(piece_length);
            } else if v2
                && !source.is_padding()
                && source.length > 0
                && !at.is_multiple_of(piece_length)
            {
                return Err(Fault::Plan(
                    "a file of a hybrid torrent must begin at a piece",
                ));
            }
            if let Place::Memory(memory, from) = &source.place
                && source.length > memory.length().saturating_sub(*from) as u64
            {
                return Err(Fault::Plan("an entry is longer than its memory"));
            }
            starts.push(at);
            at = at
                .checked_add(source.length)
                .filter(|&end| i64::try_from(end).is_ok())
                .ok_or(Fault::Plan("the total length does not fit 63 bits"))?;
            if source.length > 0 {
                length = at;
            }
        }
        Ok(Self {
            sources,
            starts,
            piece_length,
            length,
            v1,
            v2,
        })
    }

    /// The bytes of an entry that is in memory.
    pub(crate) fn in_memory(&self, index: usize) -> Option<&[u8]> {
        match &self.sources[index].place {
            Place::Memory(memory, from) => Some(&memory.bytes()[*from..]),
            Place::File(_) | Place::Padding => None,
        }
    }

    /// Whether there is no file to be read.
    pub(crate) fn is_in_memory(&self) -> bool {
        let mut places = self.sources.iter().map(|source| &source.place);
        places.all(|place| !matches!(place, Place::File(_)))
    }

    pub(crate) fn piece_count(&self) -> u64 {
        self.length.div_ceil(self.piece_length)
    }

    /// What lies at a position before the stream's end, up to the next border.
    pub(crate) fn span(&self, at: u64) -> Span {
        let mut index = self.starts.partition_point(|&start| start <= at) - 1;
        // An empty file shares its start with what follows, or trails the file that covers `at`.
        while self.sources[index].length == 0 && index > 0 {
            index -= 1;
        }
        let offset = at - self.starts[index];
        let source = &self.sources[index];
        if offset < source.length {
            let file = (!source.is_padding()).then_some((index, offset));
            return Span {
                file,
                length: source.length - offset,
            };
        }
        let next = self.starts.partition_point(|&start| start <= at);
        let end = self.starts.get(next).copied().unwrap_or(self.length);
        Span {
            file: None,
            length: end - at,
        }
    }

    /// Whether a piece is a whole file or the last piece of a large one, in 16 KiB leaves: how many
    /// its merkle tree is padded to.
    pub(crate) fn tree_leaves(&self, piece_at: u64) -> u64 {
        let span = self.span(piece_at);
        let length = span.file.map_or(0, |(index, _)| self.sources[index].length);
        length
            .min(self.piece_length)
            .div_ceil(LEAF as u64)
            .next_power_of_two()
    }

    /// Where the content of a piece ends that begins a file or lies in one; what follows up to the
    /// piece's end is a gap or padding.
    pub(crate) fn content_end(&self, piece_at: u64) -> u64 {
        let span = self.span(piece_at);
        let length = span.file.map_or(0, |_| span.length.min(self.piece_length));
        piece_at + length
    }

    /// The pieces of one source, for v2.
    pub(crate) fn pieces_of(&self, index: usize) -> std::ops::Range<usize> {
        let first = self.starts[index] / self.piece_length;
        let count = self.sources[index].length.div_ceil(self.piece_length);
        first as usize..(first + count) as usize
    }
}
