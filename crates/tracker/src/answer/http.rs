//! Answers to HTTP requests, in passes over those that wait: what the first asks memory for, the last finds there.

mod admit;

use std::net::IpAddr;

pub(crate) use self::admit::{Admitted, admit};
use self::admit::{Request, Task};
use super::announce::Admission;
use super::log::{HttpLine, Logged};
use super::{Context, UNWANTED};
use crate::counters::{Asked, Protocol};
use crate::model::{Counts, InfoHash};
use crate::wire::http::{self as wire, Action, Head, Method, Peers, Reply};
use crate::wire::{Cause, Refusal};

const FULL_SCRAPE_OFF: Refusal =
    Refusal::lasting("full scrape is off on this tracker: name torrents with info_hash")
        .because(Cause::FullScrape);

/// What became of the bytes at the front of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They are not a whole request yet.
    Partial,
    /// They are for the web application, all of them.
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
    /// Who asks has an address of IPv6.
    pub(crate) is_v6: bool,
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

/// Steps three and four, swarm and wire: appends the answer to `out`.
pub(crate) fn answer(
    context: &mut Context<'_>,
    admitted: Admitted<'_>,
    may_keep_alive: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Outcome {
    let Request {
        head,
        requester,
        task,
    } = match admitted {
        Admitted::Partial => return Outcome::Partial,
        Admitted::Elsewhere => return Outcome::Elsewhere,
        Admitted::Unanswerable(source, status, reason) => {
            context.refuse(
                Protocol::Http,
                source,
                Asked::Unclear,
                Cause::Malformed,
                || None,
            );
            wire::plain(out, status, reason);
            return Outcome::Broken;
        }
        Admitted::Request(request) => request,
    };
    scratch.body.clear();
    let responded = task.and_then(|task| respond(context, requester, &head, task, scratch));
    let mut refused = None;
    match responded {
        Ok(Body::Written) => {}
        Ok(Body::Unwanted) => {
            refused = Some(UNWANTED);
        }
        Ok(Body::AllTorrents) => {
            context.log(false, || row(requester, &head, 0));
            return Outcome::FullScrape(FullScrape {
                is_v6: requester.is_ipv6(),
                is_head: head.method == Method::Head,
                takes_gzip: wire::takes_gzip(head.fields),
            });
        }
        Err(refusal) => {
            refused = Some(refusal);
            count_refusal(context, requester, &head, refusal.cause);
            scratch.body.clear();
            wire::failure(&mut scratch.body, &refusal);
        }
    }
    let length = scratch.body.len();
    context.log(refused.is_some(), || {
        let row = row(requester, &head, length);
        match &refused {
            Some(refusal) => row.refused(refusal),
            None => row,
        }
    });
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

/// What the log keeps of a request.
fn row(requester: IpAddr, head: &Head<'_>, answer_bytes: usize) -> Logged {
    let read = match head.action {
        Action::Announce => wire::announce(head.query).ok(),
        Action::Scrape => None,
    };
    let announced = read.map(|query| query.announced);
    Logged {
        http: Some(HttpLine::of(head, answer_bytes)),
        ..Logged::now(requester, asked(head.action), announced)
    }
}

const fn asked(action: Action) -> Asked {
    match action {
        Action::Announce => Asked::Announce,
        Action::Scrape => Asked::Scrape,
    }
}

#[inline(never)]
fn count_refusal(context: &Context<'_>, requester: IpAddr, head: &Head<'_>, cause: Cause) {
    let asked = asked(head.action);
    let named = || {
        let announced = wire::announce(head.query).ok()?.announced;
        (asked == Asked::Announce).then_some((announced.infohash, announced.peer_id))
    };
    context.refuse(Protocol::Http, requester, asked, cause, named);
}

enum Body {
    Written,
    /// It says, in words of the operator, why the torrent is refused.
    Unwanted,
    AllTorrents,
}

fn respond(
    context: &mut Context<'_>,
    requester: IpAddr,
    head: &Head<'_>,
    task: Task<'_>,
    scratch: &mut Scratch,
) -> Result<Body, Refusal> {
    match task {
        Task::Announce(query, admission) => {
            announce(context, requester, head, &query, admission, scratch)
        }
        Task::Scrape => scrape(context, requester, head.query, scratch),
    }
}

fn announce(
    context: &mut Context<'_>,
    requester: IpAddr,
    head: &Head<'_>,
    query: &wire::Announce<'_>,
    mut admission: Admission,
    scratch: &mut Scratch,
) -> Result<Body, Refusal> {
    let infohash = query.announced.infohash;
    if let Some(reason) = context.lists.failure(&infohash) {
        let whose = || Some((infohash, query.announced.peer_id));
        context.refuse(
            Protocol::Http,
            requester,
            Asked::Announce,
            Cause::Torrent,
            whose,
        );
        wire::failure_text(&mut scratch.body, reason);
        return Ok(Body::Unwanted);
    }
    let is_stated = admission.announce.ip != requester;
    let facts = context.announce(
        &mut admission,
        is_stated,
        requester,
        &mut scratch.v4,
        &mut scratch.v6,
    )?;
    let agent = || Some(wire::field(head.fields, b"user-agent").unwrap_or_default());
    context.count_announce(Protocol::Http, requester, &query.announced.peer_id, agent);
    let reply = Reply {
        counts: Counts {
            complete: facts.complete,
            incomplete: facts.incomplete,
            downloaded: facts.downloaded,
            partial: 0,
        },
        external_ip: requester,
        interval_s: context.policy.interval_s(context.rng),
        min_interval_s: context.policy.min_interval_s(),
        peers: Peers {
            v4: &scratch.v4[..facts.v4_bytes],
            v6: &scratch.v6[..facts.v6_bytes],
            compact: query.compact,
        },
        tracker_id: query.tracker_id,
    };
    wire::reply(&mut scratch.body, &reply);
    if let Some(text) = context.lists.warning(&infohash) {
        wire::warning(&mut scratch.body, text);
    }
    Ok(Body::Written)
}

/// A scrape (BEP 48) of the torrents that are named, or of all.
fn scrape(
    context: &Context<'_>,
    requester: IpAddr,
    query: &[u8],
    scratch: &mut Scratch,
) -> Result<Body, Refusal> {
    wire::infohashes(query, &mut scratch.infohashes)?;
    if scratch.infohashes.is_empty() {
        return if context.policy.full_scrape {
            Ok(Body::AllTorrents)
        } else {
            Err(FULL_SCRAPE_OFF)
        };
    }
    context.count_scrape(Protocol::Http, requester);
    wire::open_scrape(&mut scratch.body);
    for infohash in &scratch.infohashes {
        if let Some(counts) = context.counts(infohash) {
            wire::scrape_entry(&mut scratch.body, infohash, counts);
        }
    }
    wire::close_scrape(&mut scratch.body);
    Ok(Body::Written)
}
