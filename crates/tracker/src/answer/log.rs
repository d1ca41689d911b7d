//! What was asked and answered, for an owner who writes a log; nothing is kept unless there is one.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::counters::{Asked, Counters};
use crate::model::{Announce, Announced};
use crate::nat::Check;
use crate::wire::Refusal;
use crate::wire::http::{self as wire, Head};

/// Bytes kept of each line that a client sent.
const LINE_BYTES_MAX: usize = 2048;

/// One request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub at: SystemTime,
    /// Whose request it was: behind a trusted proxy, the proxy's client.
    pub ip: IpAddr,
    /// `announce` or `scrape`.
    pub asked: &'static str,
    /// None of a scrape, and of an announce that could not be read.
    pub announced: Option<Announced>,
    /// None over UDP.
    pub http: Option<HttpLine>,
    /// Of a NAT check, which is no request: whether the peer was reached.
    pub reached: Option<bool>,
    /// What stood against it, as it is counted, and in words; none where it was answered.
    pub refused: Option<(&'static str, &'static str)>,
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

/// The logs there are: of all requests, and once more of those that were refused, which would be lost
/// among the others.
pub(crate) struct Logs {
    pub(crate) all: Option<Log>,
    pub(crate) refused: Option<Log>,
}

impl Logs {
    /// None where nothing is logged.
    pub(crate) fn new(all: Option<Log>, refused: Option<Log>) -> Option<Self> {
        (all.is_some() || refused.is_some()).then_some(Self { all, refused })
    }

    /// Keeps a request, or counts that there was no room for it.
    #[cold]
    pub(crate) fn add(&self, is_refused: bool, row: impl Fn() -> Logged, counters: &Counters) {
        if let Some(all) = &self.all
            && !all.add(&row)
        {
            counters.unlogged.one();
        }
        if let Some(refused) = &self.refused
            && is_refused
            && !refused.add(&row)
        {
            counters.unlogged_refusals.one();
        }
    }
}

/// The latest requests that nobody has taken yet, one in so many.
pub(crate) struct Log {
    rows: Mutex<VecDeque<Logged>>,
    rows_max: usize,
    one_in: u32,
    turn: AtomicU32,
}

impl Log {
    /// None where there is no room for a row: then nothing is logged.
    pub(crate) fn new(rows_max: usize, one_in: u32) -> Option<Self> {
        (rows_max > 0).then(|| Self {
            rows: Mutex::default(),
            rows_max,
            one_in: one_in.max(1),
            turn: AtomicU32::new(0),
        })
    }

    /// Keeps a row if it is its turn, and says whether there was room for it.
    fn add(&self, row: impl Fn() -> Logged) -> bool {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !turn.is_multiple_of(self.one_in) {
            return true;
        }
        // A flood that finds no room is to cost little.
        let mut rows = self.rows.lock();
        let fits = rows.len() < self.rows_max;
        if fits {
            rows.push_back(row());
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
    pub(super) fn now(ip: IpAddr, asked: Asked, announced: Option<Announced>) -> Self {
        Self {
            at: SystemTime::now(),
            ip,
            asked: asked.name(),
            announced,
            http: None,
            reached: None,
            refused: None,
        }
    }

    pub(super) fn refused(self, refusal: &Refusal) -> Self {
        Self {
            refused: Some((refusal.cause.name(), refusal.reason)),
            ..self
        }
    }

    /// A check of the peer that once announced this.
    pub(crate) fn nat_check(check: &Check, was_reached: bool) -> Self {
        let announce = &check.announce;
        Self {
            reached: Some(was_reached),
            ..Self::now(announce.ip, Asked::Announce, Some(announce.into()))
        }
    }
}

impl From<&Announce> for Announced {
    /// What it said, as far as that is still known.
    fn from(announce: &Announce) -> Self {
        Self {
            infohash: announce.infohash,
            peer_id: announce.peer_id,
            port: announce.port,
            downloaded: announce.has_nothing.then_some(0),
            left: announce.left,
            event: announce.event,
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
