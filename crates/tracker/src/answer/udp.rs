//! Answers to packets (BEP 15), in passes over a batch: what the first pass asks memory for, the last finds there.

use std::net::IpAddr;

use super::Context;
use super::announce::Admission;
use super::log::Logged;
use crate::gate::KEY_MISSING;
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
    let Some(request) = wire::read(packet) else {
        context.counters.dropped_udp.one();
        return Admitted::Dropped;
    };
    let (transaction, id) = match &request {
        Request::Connect { transaction } => {
            context.counters.connects_udp.one();
            let id = context.gate.connection_ids.issue(source, context.now_s());
            return Admitted::Answered(wire::connect(out, *transaction, id));
        }
        Request::Announce(announce) => (announce.transaction, announce.connection_id),
        Request::Scrape(scrape) => (scrape.transaction, scrape.connection_id),
    };
    let counters = context.counters;
    let mut fail = |reason: &str| {
        counters.errors_udp.one();
        Admitted::Answered(wire::error(out, transaction, reason, packet.len()))
    };
    if !context
        .gate
        .connection_ids
        .proves(id, source, context.now_s())
    {
        return fail(ID_EXPIRED);
    }
    if !context.gate.is_slow_enough(source, context.now_ms) {
        context.counters.dropped_udp.one();
        counters.refuse(Cause::Rate);
        return Admitted::Dropped;
    }
    if let Err(refusal) = context.lists.admit_address(source) {
        counters.refuse(refusal.cause);
        return fail(refusal.reason);
    }
    match request {
        Request::Announce(request) => {
            let admission = admit_announce(context, &request, source);
            context.log(|| Logged {
                failure: admission.as_ref().err().map(|refusal| refusal.reason),
                ..Logged::now(source, Some(request.announced))
            });
            let admission = match admission {
                Ok(admission) => admission,
                Err(refusal) => {
                    counters.refuse(refusal.cause);
                    return fail(refusal.reason);
                }
            };
            if let Some(reason) = context.lists.failure(&request.announced.infohash) {
                counters.refuse(Cause::Torrent);
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
            counters.refuse(Cause::Key);
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

fn admit_announce(
    context: &mut Context<'_>,
    request: &wire::Announce<'_>,
    source: IpAddr,
) -> Result<Admission, Refusal> {
    if context.lists.keys.is_some() {
        let mut url = [0; URL_DATA_BYTES_MAX];
        let key = key(wire::url_data(request.options, &mut url), context.paths());
        context.lists.admit_key(key)?;
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
                    context.counters.announces_udp.one();
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
                    context.counters.refuse(refusal.cause);
                    context.counters.errors_udp.one();
                    wire::error(out, transaction, refusal.reason, request_bytes)
                }
            }
        }
        Admitted::Scrape(scrape) => {
            context.counters.scrapes_udp.one();
            let counts = scrape.infohashes.iter();
            let counts = counts.map(|infohash| context.counts(infohash).unwrap_or_default());
            wire::scrape(out, scrape.transaction, counts)
        }
    }
}
