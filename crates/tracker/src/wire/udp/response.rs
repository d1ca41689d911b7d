//! Answers become packets, written where they will be sent from.

use crate::model::Counts;

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;

/// | offset | connect        | announce        | scrape              | error          |
/// |-------:|----------------|-----------------|---------------------|----------------|
/// |      0 | action 0       | action 1        | action 2            | action 3       |
/// |      4 | transaction id | transaction id  | transaction id      | transaction id |
/// |      8 | connection id  | interval        | complete,           | text           |
/// |     12 |                | incomplete      | downloaded,         |                |
/// |     16 |                | complete        | incomplete          |                |
/// |     20 |                | peers: 6 or 18  | and again           |                |
const HEAD_BYTES: usize = 8;

fn head(out: &mut [u8], action: u32, transaction: [u8; 4]) {
    out[..4].copy_from_slice(&action.to_be_bytes());
    out[4..HEAD_BYTES].copy_from_slice(&transaction);
}

pub(crate) fn connect(out: &mut [u8], transaction: [u8; 4], connection_id: u64) -> usize {
    head(out, CONNECT, transaction);
    out[HEAD_BYTES..16].copy_from_slice(&connection_id.to_be_bytes());
    16
}

/// Where the peers of an announce answer begin.
pub(crate) const PEERS_AT: usize = 20;

/// Writes what comes before the peers of an announce answer.
pub(crate) fn announce(
    out: &mut [u8],
    transaction: [u8; 4],
    interval_s: u32,
    incomplete: u32,
    complete: u32,
) {
    head(out, ANNOUNCE, transaction);
    out[HEAD_BYTES..12].copy_from_slice(&interval_s.to_be_bytes());
    out[12..16].copy_from_slice(&incomplete.to_be_bytes());
    out[16..PEERS_AT].copy_from_slice(&complete.to_be_bytes());
}

pub(crate) fn scrape(
    out: &mut [u8],
    transaction: [u8; 4],
    counts: impl Iterator<Item = Counts>,
) -> usize {
    head(out, SCRAPE, transaction);
    let mut length = HEAD_BYTES;
    for (entry, torrent) in out[HEAD_BYTES..].chunks_exact_mut(12).zip(counts) {
        entry[..4].copy_from_slice(&torrent.complete.to_be_bytes());
        entry[4..8].copy_from_slice(&torrent.downloaded.to_be_bytes());
        entry[8..].copy_from_slice(&torrent.incomplete.to_be_bytes());
        length += entry.len();
    }
    length
}

/// Writes an error no longer than the request it answers, so that nobody is worth impersonating.
pub(crate) fn error(
    out: &mut [u8],
    transaction: [u8; 4],
    reason: &str,
    request_bytes: usize,
) -> usize {
    let room = request_bytes.min(out.len()).saturating_sub(HEAD_BYTES);
    let text = &reason.as_bytes()[..reason.len().min(room)];
    head(out, ERROR, transaction);
    out[HEAD_BYTES..HEAD_BYTES + text.len()].copy_from_slice(text);
    HEAD_BYTES + text.len()
}
