//! What was asked and answered, for an owner who writes a log; nothing is kept unless there is one.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::model::Announced;
use crate::nat::Check;
use crate::wire::http::{self as wire, Head};

/// Bytes kept of each line that a client sent.
const LINE_BYTES_MAX: usize = 2048;

/// One request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub at: SystemTime,
    /// Whose request it was: behind a trusted proxy, the proxy's client.
    pub ip: IpAddr,
    /// None of a scrape, and of an announce that could not be read.
    pub announced: Option<Announced>,
    /// None over UDP.
    pub http: Option<HttpLine>,
    /// Of a NAT check, which is no request: whether the peer was reached.
    pub reached: Option<bool>,
    /// Why it was refused. Over UDP only what is known before the store is asked.
    pub failure: Option<&'static str>,
}

/// A request over HTTP as it came, each line cut at 2 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLine {
    /// Method, target and version.
    pub request: Box<[u8]>,
    pub referer: Option<Box<[u8]>>,
    pub user_agent: Option<Box<[u8]>>,
    /// Bytes of the answer's body.
    pub answer_bytes: usize,
}

/// The latest requests that nobody has taken yet.
pub(crate) struct Log {
    rows: Mutex<VecDeque<Logged>>,
    rows_max: usize,
}

impl Log {
    /// None where there is no room for a row: then nothing is logged.
    pub(crate) fn new(rows_max: usize) -> Option<Self> {
        (rows_max > 0).then(|| Self {
            rows: Mutex::default(),
            rows_max,
        })
    }

    /// Keeps a row, and says whether there was room for it.
    pub(crate) fn add(&self, row: Logged) -> bool {
        let mut rows = self.rows.lock();
        let fits = rows.len() < self.rows_max;
        if fits {
            rows.push_back(row);
        }
        fits
    }

    /// Takes up to `limit` rows, the oldest first.
    pub(crate) fn take(&self, limit: usize) -> Vec<Logged> {
        let mut rows = self.rows.lock();
        if rows.len() <= limit {
            return std::mem::take(&mut *rows).into();
        }
        rows.drain(..limit).collect()
    }
}

impl Logged {
    pub(super) fn now(ip: IpAddr, announced: Option<Announced>) -> Self {
        Self {
            at: SystemTime::now(),
            ip,
            announced,
            http: None,
            reached: None,
            failure: None,
        }
    }
}

impl Logged {
    /// A check of the peer that once announced this.
    pub(crate) fn nat_check(check: &Check, was_reached: bool) -> Self {
        let announce = &check.announce;
        let announced = Announced {
            infohash: announce.infohash,
            peer_id: announce.peer_id,
            port: announce.port,
            downloaded: None,
            left: announce.left,
            event: announce.event,
        };
        Self {
            reached: Some(was_reached),
            ..Self::now(announce.ip, Some(announced))
        }
    }
}

impl HttpLine {
    pub(super) fn of(head: &Head<'_>, answer_bytes: usize) -> Self {
        let cut = |line: &[u8]| Box::from(&line[..line.len().min(LINE_BYTES_MAX)]);
        Self {
            request: cut(head.line),
            referer: wire::field(head.fields, b"referer").map(cut),
            user_agent: wire::field(head.fields, b"user-agent").map(cut),
            answer_bytes,
        }
    }
}
