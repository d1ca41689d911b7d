//! Answers to HTTP requests, appended to the buffer they are sent from.

use std::net::IpAddr;

use super::Desk;
use super::log::{Announced, HttpLine, Log, Logged};
use crate::gate;
use crate::model::{Announce, Counts, Event, InfoHash};
use crate::rng::Rng;
use crate::store::Asker;
use crate::wire::Refusal;
use crate::wire::http::{self as wire, Action, Head, Method, Peers, Read, Reply, Status};

/// What became of the bytes at the front of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They are not a whole request yet.
    Partial,
    /// They are for the other room, all of them.
    Elsewhere,
    /// So many of them were a request, and its answer is written.
    Answered { taken: usize, keep_alive: bool },
    /// The answer is written, and what follows cannot be understood.
    Broken,
    /// All torrents are asked for, which takes a while.
    FullScrape(FullScrape),
}

/// How all torrents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FullScrape {
    pub(crate) is_head: bool,
    pub(crate) takes_gzip: bool,
}

/// Room to put an answer together, kept by its worker.
pub(crate) struct Scratch {
    body: Vec<u8>,
    v4: Box<[u8]>,
    v6: Box<[u8]>,
    infohashes: Vec<InfoHash>,
}

impl Scratch {
    pub(crate) fn new(peers_per_answer_max: usize) -> Self {
        Self {
            body: Vec::new(),
            v4: vec![0; peers_per_answer_max * crate::model::COMPACT_V4].into_boxed_slice(),
            v6: vec![0; peers_per_answer_max * crate::model::COMPACT_V6].into_boxed_slice(),
            infohashes: Vec::new(),
        }
    }
}

/// Takes one request from the front of `buffer` and appends its answer to `out`.
pub(crate) fn answer(
    desk: &mut Desk<'_>,
    source: IpAddr,
    buffer: &[u8],
    may_keep_alive: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Outcome {
    let head = match wire::read(buffer, desk.lists.keys.is_some()) {
        Read::Partial => return Outcome::Partial,
        Read::Elsewhere => return Outcome::Elsewhere,
        Read::Malformed(reason) => {
            desk.counters.errors_http.one();
            wire::plain(out, Status::BadRequest, reason);
            return Outcome::Broken;
        }
        Read::Whole(head) => head,
    };
    if head.method == Method::Other {
        desk.counters.errors_http.one();
        wire::plain(
            out,
            Status::MethodNotAllowed,
            "announce and scrape are asked for with GET",
        );
        return Outcome::Broken;
    }
    scratch.body.clear();
    let responded = respond(desk, source, &head, scratch);
    let failure = responded.as_ref().err().map(|refusal| refusal.reason);
    match responded {
        Ok(Body::Written) => {}
        Ok(Body::AllTorrents) => {
            if let Some(log) = desk.log {
                write_down(desk, log, source, &head, 0, None);
            }
            return Outcome::FullScrape(FullScrape {
                is_head: head.method == Method::Head,
                takes_gzip: wire::takes_gzip(head.fields),
            });
        }
        Err(refusal) => {
            desk.counters.errors_http.one();
            scratch.body.clear();
            wire::failure(&mut scratch.body, &refusal);
        }
    }
    if let Some(log) = desk.log {
        write_down(desk, log, source, &head, scratch.body.len(), failure);
    }
    let keep_alive = head.keep_alive && may_keep_alive;
    wire::answer_head(out, scratch.body.len(), head.is_http_1_0, keep_alive);
    if head.method == Method::Get {
        out.extend_from_slice(&scratch.body);
    }
    if head.has_body {
        return Outcome::Broken;
    }
    Outcome::Answered {
        taken: head.length,
        keep_alive,
    }
}

#[cold]
fn write_down(
    desk: &Desk<'_>,
    log: &Log,
    source: IpAddr,
    head: &Head<'_>,
    answer_bytes: usize,
    failure: Option<&'static str>,
) {
    let read = match head.action {
        Action::Announce => wire::announce(head.query).ok(),
        Action::Scrape => None,
    };
    let announced = read.map(|request| Announced {
        infohash: request.infohash,
        peer_id: request.peer_id,
        port: request.port,
        left: request.left,
        event: request.event,
    });
    let row = Logged::now(desk.gate.requester(source, head.fields), announced);
    desk.keep(
        log,
        Logged {
            http: Some(HttpLine::of(head, answer_bytes)),
            failure,
            ..row
        },
    );
}

enum Body {
    Written,
    AllTorrents,
}

fn respond(
    desk: &mut Desk<'_>,
    source: IpAddr,
    head: &Head<'_>,
    scratch: &mut Scratch,
) -> Result<Body, Refusal> {
    let requester = desk.gate.requester(source, head.fields);
    if !desk.gate.is_slow_enough(requester, desk.now_ms) {
        return Err(gate::TOO_FAST);
    }
    desk.lists
        .admit_address(requester)
        .and_then(|()| desk.lists.admit_key(head.key))
        .inspect_err(|_| desk.counters.refused.one())?;
    match head.action {
        Action::Announce => {
            announce(desk, source, requester, head, scratch).map(|()| Body::Written)
        }
        Action::Scrape => scrape(desk, head.query, scratch),
    }
}

/// An announce in its four steps: wire, gate, swarm, wire.
fn announce(
    desk: &mut Desk<'_>,
    source: IpAddr,
    requester: IpAddr,
    head: &Head<'_>,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    let request = wire::announce(head.query)?;
    let announce = admit(desk, source, requester, head, &request)
        .inspect_err(|_| desk.counters.refused.one())?;
    if let Some(reason) = desk.lists.failure(&request.infohash) {
        desk.counters.refused.one();
        desk.counters.errors_http.one();
        wire::failure_text(&mut scratch.body, reason);
        return Ok(());
    }
    let asker = Asker {
        peer_id: &request.peer_id,
        is_stated: announce.ip != requester,
    };
    let mut rng = Rng::seeded(desk.rng.next_u64());
    let facts = desk
        .announce(
            &announce,
            asker,
            requester,
            &mut rng,
            &mut scratch.v4,
            &mut scratch.v6,
        )
        .inspect_err(|_| desk.counters.refused.one())?;
    desk.counters.announces_http.one();
    let reply = Reply {
        counts: Counts {
            complete: facts.complete,
            incomplete: facts.incomplete,
            downloaded: facts.downloaded,
            partial: 0,
        },
        external_ip: requester,
        interval_s: desk.manners.interval_s(desk.rng),
        min_interval_s: desk.manners.min_interval_s,
        peers: Peers {
            v4: &scratch.v4[..facts.v4_bytes],
            v6: &scratch.v6[..facts.v6_bytes],
            compact: request.compact,
        },
        tracker_id: request.tracker_id,
    };
    wire::reply(&mut scratch.body, &reply);
    if let Some(text) = desk.lists.warning(&request.infohash) {
        wire::warning(&mut scratch.body, text);
    }
    Ok(())
}

fn admit(
    desk: &Desk<'_>,
    source: IpAddr,
    requester: IpAddr,
    head: &Head<'_>,
    request: &wire::Announce<'_>,
) -> Result<Announce, Refusal> {
    desk.lists.admit_torrent(&request.infohash)?;
    desk.lists.admit_client(&request.peer_id)?;
    let ip = desk
        .gate
        .peer_address(source, requester, request.ip, head.fields)?;
    if ip != requester {
        desk.lists.admit_address(ip)?;
    }
    desk.gate.admit_peer(ip, request.port)?;
    Ok(Announce {
        infohash: request.infohash,
        ip,
        port: request.port,
        left: request.left,
        event: request.event,
        numwant: match request.event {
            Event::Stopped => 0,
            _ => desk.manners.numwant(request.numwant),
        },
    })
}

/// A scrape (BEP 48) of the torrents that are named, or of all.
fn scrape(desk: &Desk<'_>, query: &[u8], scratch: &mut Scratch) -> Result<Body, Refusal> {
    wire::infohashes(query, &mut scratch.infohashes)?;
    if scratch.infohashes.is_empty() {
        return if desk.manners.full_scrape {
            Ok(Body::AllTorrents)
        } else {
            Err(Refusal::lasting(
                "full scrape is off on this tracker: name torrents with info_hash",
            ))
        };
    }
    desk.counters.scrapes_http.one();
    wire::open_scrape(&mut scratch.body);
    for infohash in &scratch.infohashes {
        if let Some(counts) = counts(desk, infohash) {
            wire::scrape_entry(&mut scratch.body, infohash, counts);
        }
    }
    wire::close_scrape(&mut scratch.body);
    Ok(Body::Written)
}

/// The numbers of a torrent; one that is listed by name has them before its first announce.
fn counts(desk: &Desk<'_>, infohash: &InfoHash) -> Option<Counts> {
    if !desk.lists.lists(infohash) {
        return None;
    }
    let unknown = desk.lists.allowed.is_some().then(Counts::default);
    desk.store.scrape(infohash).or(unknown)
}
