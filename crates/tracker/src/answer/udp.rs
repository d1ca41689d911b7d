//! Answers to packets (BEP 15), in passes over a batch: what the first pass asks memory for, the last finds there.

use std::net::IpAddr;

use super::Context;
use super::log::{Announced, Log, Logged};
use crate::model::Announce;
use crate::rng::Rng;
use crate::store::Asker;
use crate::wire::Refusal;
use crate::wire::http::action;
use crate::wire::limits::URL_DATA_BYTES_MAX;
use crate::wire::udp::{self as wire, Request};

const ID_EXPIRED: &str = "connection id expired";

/// A packet after the first pass.
pub(crate) enum Admitted<'p> {
    /// To be left without an answer.
    Dropped,
    /// Answered already, in this many bytes.
    Answered(usize),
    Announce {
        transaction: [u8; 4],
        announce: Announce,
        peer_id: &'p [u8; 20],
        request_bytes: usize,
        /// Picks the peers, so that those to be picked are known before they are.
        rng: Rng,
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
    let mut fail = |reason: &str| {
        context.counters.errors_udp.one();
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
        return Admitted::Dropped;
    }
    if let Err(refusal) = context.lists.admit_address(source) {
        context.counters.refused.one();
        return fail(refusal.reason);
    }
    match request {
        Request::Announce(announce) => match admit_announce(context, &announce, source) {
            Ok(admitted) => {
                if let Some(log) = context.log {
                    write_down(context, log, source, &announce, None);
                }
                if let Some(reason) = context.lists.failure(&admitted.infohash) {
                    context.counters.refused.one();
                    return fail(reason);
                }
                context.store.swarms.prefetch(&admitted.infohash);
                Admitted::Announce {
                    transaction,
                    announce: admitted,
                    peer_id: announce.peer_id,
                    request_bytes: packet.len(),
                    rng: Rng::seeded(context.rng.next_u64()),
                }
            }
            Err(refusal) => {
                context.counters.refused.one();
                if let Some(log) = context.log {
                    write_down(context, log, source, &announce, Some(refusal.reason));
                }
                fail(refusal.reason)
            }
        },
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
    context: &Context<'_>,
    request: &wire::Announce<'_>,
    source: IpAddr,
) -> Result<Announce, Refusal> {
    if context.lists.keys.is_some() {
        let mut url = [0; URL_DATA_BYTES_MAX];
        context
            .lists
            .admit_key(key(wire::url_data(request.options, &mut url)))?;
    }
    context.lists.admit_torrent(&request.infohash)?;
    context.lists.admit_client(request.peer_id)?;
    context.gate.admit_peer(source, request.port)?;
    Ok(Announce {
        infohash: request.infohash,
        ip: source,
        port: request.port,
        left: request.left,
        event: request.event,
        numwant: context.policy.numwant(request.event, request.numwant),
    })
}

#[cold]
fn write_down(
    context: &Context<'_>,
    log: &Log,
    source: IpAddr,
    request: &wire::Announce<'_>,
    failure: Option<&'static str>,
) {
    let announced = Announced {
        infohash: request.infohash,
        peer_id: *request.peer_id,
        port: request.port,
        left: request.left,
        event: request.event,
    };
    let row = Logged::now(source, Some(announced));
    context.keep(log, Logged { failure, ..row });
}

/// The `KEY` in the `/KEY/announce` that BEP 41 carries.
fn key(url: &[u8]) -> Option<&[u8]> {
    let path = url.split(|byte| *byte == b'?').next()?;
    action(path, true)?.1
}

impl Admitted<'_> {
    /// Asks memory for the torrent, its index line having arrived meanwhile.
    pub(crate) fn prefetch(&self, context: &Context<'_>) {
        if let Self::Announce { announce, .. } = self {
            context.store.swarms.prefetch_torrent(&announce.infohash);
        }
    }

    /// Asks memory for the peers that the answer is made of, the torrent having arrived meanwhile.
    pub(crate) fn prefetch_peers(&self, context: &Context<'_>) {
        if let Self::Announce { announce, rng, .. } = self {
            context
                .store
                .swarms
                .prefetch_peers(announce, &mut rng.clone());
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
            announce,
            peer_id,
            request_bytes,
            mut rng,
        } => {
            // BEP 7 and BEP 15: the peers of an answer are of the family that it goes over.
            let (_, peers) = out.split_at_mut(wire::PEERS_AT);
            let (v4_out, v6_out) = match source {
                IpAddr::V4(_) => (peers, &mut [][..]),
                IpAddr::V6(_) => (&mut [][..], peers),
            };
            let asker = Asker {
                peer_id,
                is_stated: false,
            };
            match context.announce(&announce, asker, source, &mut rng, v4_out, v6_out) {
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
                    context.counters.refused.one();
                    context.counters.errors_udp.one();
                    wire::error(out, transaction, refusal.reason, request_bytes)
                }
            }
        }
        Admitted::Scrape(scrape) => {
            context.counters.scrapes_udp.one();
            let counts = scrape.infohashes.iter().map(|infohash| {
                let listed = context.lists.lists(infohash);
                let counts = listed.then(|| context.store.scrape(infohash));
                counts.flatten().unwrap_or_default()
            });
            wire::scrape(out, scrape.transaction, counts)
        }
    }
}
