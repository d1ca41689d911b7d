//! A query becomes an announce (BEP 3, BEP 21, BEP 23), or the infohashes of a scrape (BEP 48).

use super::query::{DecodeError, decode, number, pairs};
use crate::model::{Announced, Event, InfoHash};
use crate::wire::Refusal;
use crate::wire::limits::{HTTP_SCRAPE_INFOHASHES_MAX, TRACKER_ID_BYTES_MAX};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Announce<'a> {
    pub(crate) announced: Announced,
    /// None where the client leaves the number to the tracker.
    pub(crate) numwant: Option<u32>,
    pub(crate) compact: bool,
    /// What the client says its address is, still encoded; whether it counts is the gate's business.
    pub(crate) ip: Option<&'a [u8]>,
    /// What the tracker is to give back, still encoded.
    pub(crate) tracker_id: Option<&'a [u8]>,
}

/// Reads the parameters of an announce.
///
/// Of a repeated parameter the last counts. `uploaded`, `key`, `no_peer_id` and unknown
/// ones are stepped over, and so are the `ipv4` and `ipv6` of BEP 7, with which anyone could name a victim.
pub(crate) fn announce(query: &[u8]) -> Result<Announce<'_>, Refusal> {
    let mut found = Found::default();
    for (name, value) in pairs(query) {
        found.take(name, value);
    }
    found.announce()
}

#[derive(Default)]
struct Found<'a> {
    infohash: Option<&'a [u8]>,
    peer_id: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    downloaded: &'a [u8],
    left: Option<&'a [u8]>,
    event: &'a [u8],
    numwant: &'a [u8],
    compact: &'a [u8],
    ip: Option<&'a [u8]>,
    tracker_id: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn take(&mut self, name: &'a [u8], value: &'a [u8]) {
        match name {
            b"info_hash" => self.infohash = Some(value),
            b"peer_id" => self.peer_id = Some(value),
            b"port" => self.port = Some(value),
            b"downloaded" => self.downloaded = value,
            b"left" => self.left = Some(value),
            b"event" => self.event = value,
            b"numwant" => self.numwant = value,
            b"compact" => self.compact = value,
            b"ip" if !value.is_empty() => self.ip = Some(value),
            b"trackerid" | b"tracker%20id" | b"tracker+id" if !value.is_empty() => {
                self.tracker_id = Some(value);
            }
            _ => self.take_second_query(value),
        }
    }

    /// Old clients put `?info_hash=` after an announce URL that has a query already.
    fn take_second_query(&mut self, value: &'a [u8]) {
        let name = b"?info_hash=";
        if let Some(at) = value.windows(name.len()).position(|found| found == name) {
            self.infohash = Some(&value[at + name.len()..]);
        }
    }

    fn announce(self) -> Result<Announce<'a>, Refusal> {
        let numwant = match self.numwant {
            [] | [b'-', ..] => None,
            value => Some(
                number(value)
                    .ok_or(Refusal::lasting("numwant must be a whole number"))?
                    .min(u64::from(u32::MAX)) as u32,
            ),
        };
        Ok(Announce {
            announced: Announced {
                infohash: exactly_20(self.infohash, &INFOHASH)?,
                peer_id: exactly_20(self.peer_id, &PEER_ID)?,
                port: port(self.port)?,
                downloaded: number(self.downloaded),
                left: left(self.left)?,
                event: match self.event {
                    b"started" => Event::Started,
                    b"completed" => Event::Completed,
                    b"stopped" => Event::Stopped,
                    b"paused" => Event::Paused,
                    _ => Event::None,
                },
            },
            numwant,
            compact: self.compact != b"0",
            ip: self.ip,
            tracker_id: self
                .tracker_id
                .filter(|id| id.len() <= TRACKER_ID_BYTES_MAX),
        })
    }
}

struct Wrong {
    missing: &'static str,
    escape: &'static str,
    length: &'static str,
}

const INFOHASH: Wrong = Wrong {
    missing: "info_hash is missing",
    escape: "info_hash has a broken percent escape",
    length: "info_hash must be 20 bytes",
};

const PEER_ID: Wrong = Wrong {
    missing: "peer_id is missing",
    escape: "peer_id has a broken percent escape",
    length: "peer_id must be 20 bytes",
};

fn exactly_20(value: Option<&[u8]>, wrong: &Wrong) -> Result<[u8; 20], Refusal> {
    let value = value.ok_or(Refusal::lasting(wrong.missing))?;
    let mut bytes = [0; 20];
    match decode(value, &mut bytes) {
        Ok(20) => Ok(bytes),
        Ok(_) | Err(DecodeError::TooLong) => Err(Refusal::lasting(wrong.length)),
        Err(DecodeError::BrokenEscape) => Err(Refusal::lasting(wrong.escape)),
    }
}

fn port(value: Option<&[u8]>) -> Result<u16, Refusal> {
    let value = value.ok_or(Refusal::lasting("port is missing"))?;
    number(value)
        .and_then(|port| u16::try_from(port).ok())
        .ok_or(Refusal::lasting("port must be a number from 1 to 65535"))
}

fn left(value: Option<&[u8]>) -> Result<u64, Refusal> {
    match value {
        None | Some([]) => Ok(u64::MAX),
        Some(value) => number(value).ok_or(Refusal::lasting("left must be a whole number")),
    }
}

/// The infohashes of a scrape into `out`, sorted and each once, as the answer needs them.
pub(crate) fn infohashes(query: &[u8], out: &mut Vec<InfoHash>) -> Result<(), Refusal> {
    out.clear();
    for (name, value) in pairs(query) {
        if name == b"info_hash" {
            if out.len() == HTTP_SCRAPE_INFOHASHES_MAX {
                return Err(Refusal::lasting("too many infohashes in one scrape"));
            }
            out.push(exactly_20(Some(value), &INFOHASH)?);
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(())
}
