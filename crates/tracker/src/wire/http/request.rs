//! A query becomes an announce (BEP 3, BEP 21, BEP 23), or the infohashes of a scrape (BEP 48).

use super::query::{DecodeError, SHORT_BYTES_MAX, decode, number, pairs, short};
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
/// What cannot be read of a peer's numbers and its event is taken for left out, so that it costs no peer
/// its swarm; without a port that can be read, nobody can connect to it. Of a repeated parameter the last counts. `uploaded`, `key`, `no_peer_id` and unknown
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
    left: &'a [u8],
    event: &'a [u8],
    numwant: &'a [u8],
    compact: &'a [u8],
    ip: Option<&'a [u8]>,
    tracker_id: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    fn take(&mut self, name: &'a [u8], value: &'a [u8]) {
        if !self.take_named(name, value) {
            self.take_odd(name, value);
        }
    }

    /// Takes a parameter, and tells if it is one that matters.
    fn take_named(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        match name {
            b"info_hash" => self.infohash = Some(value),
            b"peer_id" => self.peer_id = Some(value),
            b"port" => self.port = Some(value),
            b"downloaded" => self.downloaded = value,
            b"left" => self.left = value,
            b"event" => self.event = value,
            b"numwant" => self.numwant = value,
            b"compact" => self.compact = value,
            b"ip" if !value.is_empty() => self.ip = Some(value),
            b"trackerid" | b"tracker id" | b"tracker+id" if !value.is_empty() => {
                self.tracker_id = Some(value);
            }
            _ => return false,
        }
        true
    }

    /// A parameter whose name is escaped, or that holds a query of its own.
    fn take_odd(&mut self, name: &'a [u8], value: &'a [u8]) {
        let mut text = [0; SHORT_BYTES_MAX];
        let is_escaped = name.contains(&b'%');
        let name = is_escaped.then(|| short(name, &mut text)).flatten();
        if !name.is_some_and(|name| self.take_named(name, value)) {
            self.take_second_query(value);
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
        Ok(Announce {
            announced: Announced {
                infohash: exactly_20(self.infohash, &INFOHASH)?,
                peer_id: exactly_20(self.peer_id, &PEER_ID)?,
                port: port(self.port)?,
                downloaded: number(self.downloaded),
                left: number(self.left).unwrap_or(u64::MAX),
                event: event(self.event),
            },
            numwant: number(self.numwant).map(|wanted| wanted.min(u64::from(u32::MAX)) as u32),
            compact: number(self.compact) != Some(0),
            ip: self.ip,
            tracker_id: self
                .tracker_id
                .filter(|id| id.len() <= TRACKER_ID_BYTES_MAX),
        })
    }
}

fn port(value: Option<&[u8]>) -> Result<u16, Refusal> {
    let value = value.ok_or(Refusal::lasting("port is missing"))?;
    let port = number(value).and_then(|port| u16::try_from(port).ok());
    Ok(port.unwrap_or(0))
}

fn event(value: &[u8]) -> Event {
    match value {
        b"" => Event::None,
        b"started" => Event::Started,
        b"completed" => Event::Completed,
        b"stopped" => Event::Stopped,
        _ => odd_event(value),
    }
}

/// An event as some programs write it: escaped, or in capitals.
#[cold]
fn odd_event(value: &[u8]) -> Event {
    const EVENTS: [(&[u8], Event); 4] = [
        (b"started", Event::Started),
        (b"completed", Event::Completed),
        (b"stopped", Event::Stopped),
        (b"paused", Event::Paused),
    ];
    let mut text = [0; SHORT_BYTES_MAX];
    let word = short(value, &mut text).unwrap_or_default();
    let mut events = EVENTS.into_iter();
    let found = events.find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map_or(Event::None, |(_, event)| event)
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
