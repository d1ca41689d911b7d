//! Counters as they are saved: pages of infohashes with their downloads.
//!
//! | offset | bytes | what                                                                        |
//! | ------ | ----- | --------------------------------------------------------------------------- |
//! | 0      | 20    | infohash                                                                    |
//! | 20     | 4     | downloads, little-endian; 0 where the counter was forgotten                 |
//! | 24     | 4     | CRC-32 of the number of the page (8 bytes) and of the 24 before, both little-endian |
//!
//! and the next entry from 28 on. Pages are numbered in the order in which they are written, and of
//! several values of a torrent the last one counts. A changed bit costs one entry, and is seen.

use flate2::Crc;

use crate::model::InfoHash;

const ENTRY_BYTES: usize = 28;
const SUMMED_BYTES: usize = 24;

/// Entries of a page: what `SQLite` keeps on one page of its own, so that the loss of a page costs no other.
pub const ENTRIES_MAX: usize = 144;

/// Write a page of up to [`ENTRIES_MAX`] entries.
pub fn write(number: i64, entries: &[(InfoHash, u32)]) -> Vec<u8> {
    let mut page = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for (infohash, count) in entries {
        let begin = page.len();
        page.extend_from_slice(infohash);
        page.extend_from_slice(&count.to_le_bytes());
        let sum = sum_of(number, &page[begin..]);
        page.extend_from_slice(&sum.to_le_bytes());
    }
    page
}

/// Give the entries of a page that are as they were written, and return how many are not.
pub fn read(number: i64, page: &[u8], mut give: impl FnMut(&InfoHash, u32)) -> usize {
    let mut damaged = 0;
    for entry in page.chunks(ENTRY_BYTES) {
        match parts(number, entry) {
            Some((infohash, count)) => give(infohash, count),
            None => damaged += 1,
        }
    }
    damaged
}

fn parts(number: i64, entry: &[u8]) -> Option<(&InfoHash, u32)> {
    let (summed, sum) = entry.split_at_checked(SUMMED_BYTES)?;
    let (infohash, count) = summed.split_first_chunk()?;
    let is_sound = u32::from_le_bytes(sum.try_into().ok()?) == sum_of(number, summed);
    is_sound.then_some((infohash, u32::from_le_bytes(count.try_into().ok()?)))
}

fn sum_of(number: i64, summed: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&number.to_le_bytes());
    crc.update(summed);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ENTRY_BYTES, read, write};
    use crate::model::InfoHash;

    fn entries(number: i64, page: &[u8]) -> (Vec<(InfoHash, u32)>, usize) {
        let mut found = Vec::new();
        let damaged = read(number, page, |infohash, count| {
            found.push((*infohash, count));
        });
        (found, damaged)
    }

    #[test]
    fn a_page_is_laid_out_as_the_table_says() {
        let page = write(1, &[([0x61; 20], 3)]);
        let mut expected = vec![0x61; 20];
        expected.extend([3, 0, 0, 0]);
        // By another program: zlib.crc32(bytes([1] + [0] * 7) + b"a" * 20 + bytes([3, 0, 0, 0])).
        expected.extend(SUM.to_le_bytes());
        assert_eq!(page, expected);
    }

    const SUM: u32 = 863_663_380;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            number in 1..i64::MAX,
            counts in prop::collection::vec((any::<InfoHash>(), any::<u32>()), 0..200),
        ) {
            prop_assert_eq!(entries(number, &write(number, &counts)), (counts, 0));
        }

        #[test]
        fn a_changed_bit_costs_one_entry_and_is_seen(
            counts in prop::collection::vec((any::<InfoHash>(), any::<u32>()), 1..20),
            place: prop::sample::Index,
        ) {
            let mut page = write(7, &counts);
            let bit = place.index(page.len() * 8);
            page[bit / 8] ^= 1 << (bit % 8);
            let mut rest = counts;
            rest.remove(bit / 8 / ENTRY_BYTES);
            prop_assert_eq!(entries(7, &page), (rest, 1));
        }

        #[test]
        fn under_another_number_nothing_of_it_counts(number in 1..i64::MAX, bit in 0..63) {
            let page = write(number, &[([5; 20], 9), ([6; 20], 1)]);
            prop_assert_eq!(entries(number ^ (1_i64 << bit), &page), (vec![], 2));
        }
    }

    #[test]
    fn no_bytes_make_it_fail() {
        for length in 0..200 {
            let (found, damaged) = entries(1, &vec![0xA5; length]);
            assert_eq!((found.len(), damaged), (0, length.div_ceil(ENTRY_BYTES)));
        }
    }
}
