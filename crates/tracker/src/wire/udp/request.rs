//! A packet becomes a request, or nothing: what is too short or has no known action gets no answer.

use crate::model::{Announced, Event};
use crate::wire::limits::{UDP_SCRAPE_INFOHASHES_MAX, URL_DATA_BYTES_MAX};

/// The number a connect request has where others have their connection id.
const PROTOCOL_ID: u64 = 0x417_2710_1980;

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;

/// | offset | size | connect            | announce       | scrape          |
/// |-------:|-----:|--------------------|----------------|-----------------|
/// |      0 |    8 | protocol id        | connection id  | connection id   |
/// |      8 |    4 | action 0           | action 1       | action 2        |
/// |     12 |    4 | transaction id     | transaction id | transaction id  |
/// |     16 |   20 |                    | infohash       | infohash, again |
/// |     36 |   20 |                    | peer id        | and again       |
/// |     56 |    8 |                    | downloaded     |                 |
/// |     64 |    8 |                    | left           |                 |
/// |     72 |    8 |                    | uploaded       |                 |
/// |     80 |    4 |                    | event          |                 |
/// |     84 |    4 |                    | address        |                 |
/// |     88 |    4 |                    | key            |                 |
/// |     92 |    4 |                    | numwant        |                 |
/// |     96 |    2 |                    | port           |                 |
/// |     98 |      |                    | options        |                 |
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    Connect { transaction: [u8; 4] },
    Announce(Announce<'a>),
    Scrape(Scrape<'a>),
}

const HEAD_BYTES: usize = 16;
const ANNOUNCE_BYTES: usize = 98;
const INFOHASH_BYTES: usize = 20;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announce<'a> {
    pub(crate) connection_id: u64,
    pub(crate) transaction: [u8; 4],
    pub(crate) announced: Announced,
    /// None where the client leaves the number to the tracker.
    pub(crate) numwant: Option<u32>,
    /// Unread BEP 41 options.
    pub(crate) options: &'a [u8],
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scrape<'a> {
    pub(crate) connection_id: u64,
    pub(crate) transaction: [u8; 4],
    pub(crate) infohashes: &'a [[u8; INFOHASH_BYTES]],
}

pub(crate) fn read(packet: &[u8]) -> Option<Request<'_>> {
    let head: &[u8; HEAD_BYTES] = packet.first_chunk()?;
    let first = u64::from_be_bytes(*head.first_chunk()?);
    let action = u32::from_be_bytes(field(head, 8));
    let transaction = field(head, 12);
    match action {
        CONNECT if first == PROTOCOL_ID => Some(Request::Connect { transaction }),
        ANNOUNCE => announce(packet, first, transaction),
        SCRAPE => {
            let (infohashes, _) = packet[HEAD_BYTES..].as_chunks();
            let count = infohashes.len().min(UDP_SCRAPE_INFOHASHES_MAX);
            (count > 0).then(|| {
                Request::Scrape(Scrape {
                    connection_id: first,
                    transaction,
                    infohashes: &infohashes[..count],
                })
            })
        }
        _ => None,
    }
}

fn announce(packet: &[u8], connection_id: u64, transaction: [u8; 4]) -> Option<Request<'_>> {
    let (fixed, options) = packet.split_first_chunk::<ANNOUNCE_BYTES>()?;
    let numwant = i32::from_be_bytes(field(fixed, 92));
    Some(Request::Announce(Announce {
        connection_id,
        transaction,
        announced: Announced {
            infohash: field(fixed, 16),
            peer_id: field(fixed, 36),
            port: u16::from_be_bytes(field(fixed, 96)),
            downloaded: Some(u64::from_be_bytes(field(fixed, 56))),
            left: u64::from_be_bytes(field(fixed, 64)),
            event: match u32::from_be_bytes(field(fixed, 80)) {
                1 => Event::Completed,
                2 => Event::Started,
                3 => Event::Stopped,
                // libtorrent sends BEP 21's event under this number, which BEP 15 does not know.
                4 => Event::Paused,
                _ => Event::None,
            },
        },
        numwant: u32::try_from(numwant).ok(),
        options,
    }))
}

fn field<const N: usize, const S: usize>(bytes: &[u8; S], offset: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[offset..offset + N]);
    value
}

/// Joins the BEP 41 `URLData` options: the path and query of the announce URL, cut at the limit.
pub(crate) fn url_data<'o>(options: &[u8], out: &'o mut [u8; URL_DATA_BYTES_MAX]) -> &'o [u8] {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const URL_DATA: u8 = 2;
    let mut rest = options;
    let mut length = 0;
    loop {
        match rest {
            [] | [END, ..] => break,
            [NOTHING, tail @ ..] => rest = tail,
            [kind, size, tail @ ..] if tail.len() >= usize::from(*size) => {
                let (value, after) = tail.split_at(usize::from(*size));
                if *kind == URL_DATA {
                    let count = value.len().min(out.len() - length);
                    out[length..length + count].copy_from_slice(&value[..count]);
                    length += count;
                }
                rest = after;
            }
            _ => break,
        }
    }
    &out[..length]
}
