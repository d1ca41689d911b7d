//! Answers to packets (BEP 15), in passes over a batch: what the first pass asks memory for, the last finds there.

use std::net::IpAddr;

use super::announce::Admission;
use super::log::Logged;
use super::{Context, UNWANTED};
use crate::counters::{Asked, Protocol};
use crate::gate::{KEY_MISSING, TOO_FAST};
use crate::model::Announced;
use crate::wire::http::{Paths, action};
use crate::wire::limits::URL_DATA_BYTES_MAX;
use crate::wire::udp::{self as wire, Request};
use crate::wire::{Cause, Refusal};

const ID_EXPIRED: &str = "connection id expired";

/// A packet after the first pass.
pub(crate) enum Admitted<'p> {
    /// To be left without an answer.
    Dropped,
    /// Answered already, in this many bytes.
    Answered(usize),
    Announce {
        transaction: [u8; 4],
        admission: Admission,
        request_bytes: usize,
    },
    Scrape(wire::Scrape<'p>),
}

/// Steps one and two, wire and gate. Nothing longer than the packet is written before its connection
/// id has proven that it comes from where it says.
pub(crate) fn admit<'p>(
    context: &mut Context<'_>,
    packet: &'p [u8],
    source: IpAddr,
    out: &mut [u8],
) -> Admitted<'p> {
    let requests = context.counters.requests(Protocol::Udp, source.is_ipv6());
    let Some(request) = wire::read(packet) else {
        requests.dropped.one();
        return Admitted::Dropped;
    };
    let (transaction, id, asked) = match &request {
        Request::Connect { transaction } => {
            requests.answer(Asked::Connect);
            let id = context.gate.connection_ids.issue(source, context.now_s());
            return Admitted::Answered(wire::connect(out, *transaction, id));
        }
        Request::Announce(announce) => (
            announce.transaction,
            announce.connection_id,
            Asked::Announce,
        ),
        Request::Scrape(scrape) => (scrape.transaction, scrape.connection_id, Asked::Scrape),
    };
    let mut fail =
        |reason: &str| Admitted::Answered(wire::error(out, transaction, reason, packet.len()));
    if !context
        .gate
        .connection_ids
        .proves(id, source, context.now_s())
    {
        // Whoever it was may be somebody else, so that nobody is made known.
        requests.refuse(asked, Cause::ConnectionId);
        return fail(ID_EXPIRED);
    }
    let announced = match &request {
        Request::Announce(request) => Some(&request.announced),
        _ => None,
    };
    if !context.gate.is_slow_enough(source, context.now_ms) {
        requests.dropped.one();
        refuse(context, source, asked, TOO_FAST, announced);
        return Admitted::Dropped;
    }
    if let Err(refusal) = context.lists.admit_address(source) {
        refuse(context, source, asked, refusal, announced);
        return fail(refusal.reason);
    }
    match request {
        Request::Announce(request) => {
            let announced = Some(&request.announced);
            let admission = match admit_announce(context, &request, source) {
                Ok(admission) => admission,
                Err(refusal) => {
                    refuse(context, source, asked, refusal, announced);
                    return fail(refusal.reason);
                }
            };
            if let Some(reason) = context.lists.failure(&request.announced.infohash) {
                refuse(context, source, asked, UNWANTED, announced);
                return fail(reason);
            }
            Admitted::Announce {
                transaction,
                admission,
                request_bytes: packet.len(),
            }
        }
        // A scrape has no room for a key (BEP 41 is of announces alone), and numbers are for members.
        Request::Scrape(_) if context.lists.keys.is_some() => {
            refuse(context, source, asked, KEY_MISSING, None);
            fail(KEY_MISSING.reason)
        }
        Request::Scrape(scrape) => {
            for infohash in scrape.infohashes {
                context.store.swarms.prefetch(infohash);
            }
            Admitted::Scrape(scrape)
        }
        Request::Connect { .. } => Admitted::Dropped,
    }
}

/// Counts and logs a request that is refused.
#[inline(never)]
fn refuse(
    context: &Context<'_>,
    source: IpAddr,
    asked: Asked,
    refusal: Refusal,
    announced: Option<&Announced>,
) {
    let named = || announced.map(|announced| (announced.infohash, announced.peer_id));
    context.refuse(Protocol::Udp, source, asked, refusal.cause, named);
    context.log(true, || {
        Logged::now(source, asked, announced.copied()).refused(&refusal)
    });
}

fn admit_announce(
    context: &mut Context<'_>,
    request: &wire::Announce<'_>,
    source: IpAddr,
) -> Result<Admission, Refusal> {
    if context.lists.keys.is_some() {
        let mut url = [0; URL_DATA_BYTES_MAX];
        let key = key(wire::url_data(request.options, &mut url), context.paths());
        context.lists.admit_key(key, Some(context.now_s()))?;
    }
    context.admit_announced(&request.announced)?;
    context.admit_peer(&request.announced, source, request.numwant)
}

/// The `KEY` in the `/KEY/announce` that BEP 41 carries.
fn key<'u>(url: &'u [u8], paths: Paths<'_>) -> Option<&'u [u8]> {
    let path = url.split(|byte| *byte == b'?').next()?;
    action(path, paths)?.1
}

impl Admitted<'_> {
    /// As [`Admission::prefetch`].
    pub(crate) fn prefetch(&self, context: &Context<'_>) {
        if let Self::Announce { admission, .. } = self {
            admission.prefetch(context);
        }
    }

    /// As [`Admission::prefetch_peers`].
    pub(crate) fn prefetch_peers(&self, context: &Context<'_>) {
        if let Self::Announce { admission, .. } = self {
            admission.prefetch_peers(context);
        }
    }
}

/// Steps three and four, swarm and wire: how many bytes of `out` are to be sent.
pub(crate) fn answer(
    context: &mut Context<'_>,
    admitted: Admitted<'_>,
    source: IpAddr,
    out: &mut [u8],
) -> usize {
    match admitted {
        Admitted::Dropped => 0,
        Admitted::Answered(length) => length,
        Admitted::Announce {
            transaction,
            mut admission,
            request_bytes,
        } => {
            // BEP 7 and BEP 15: the peers of an answer are of the family that it goes over.
            let (_, peers) = out.split_at_mut(wire::PEERS_AT);
            let (v4_out, v6_out) = match source {
                IpAddr::V4(_) => (peers, &mut [][..]),
                IpAddr::V6(_) => (&mut [][..], peers),
            };
            match context.announce(&mut admission, false, source, v4_out, v6_out) {
                Ok(facts) => {
                    let peer_id = &admission.announce.peer_id;
                    context.count_announce(Protocol::Udp, source, peer_id, || None);
                    let announced = || Some((&admission.announce).into());
                    context.log(false, || Logged::now(source, Asked::Announce, announced()));
                    let interval_s = context.policy.interval_s(context.rng);
                    wire::announce(
                        out,
                        transaction,
                        interval_s,
                        facts.incomplete,
                        facts.complete,
                    );
                    wire::PEERS_AT + facts.v4_bytes + facts.v6_bytes
                }
                Err(refusal) => {
                    let announced = Announced::from(&admission.announce);
                    refuse(context, source, Asked::Announce, refusal, Some(&announced));
                    wire::error(out, transaction, refusal.reason, request_bytes)
                }
            }
        }
        Admitted::Scrape(scrape) => {
            context.count_scrape(Protocol::Udp, source);
            context.log(false, || Logged::now(source, Asked::Scrape, None));
            let counts = scrape.infohashes.iter();
            let counts = counts.map(|infohash| context.counts(infohash).unwrap_or_default());
            wire::scrape(out, scrape.transaction, counts)
        }
    }
}
