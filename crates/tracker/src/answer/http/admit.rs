//! Steps one and two of a request: wire and gate.

use std::net::IpAddr;

use crate::answer::Context;
use crate::gate;
use crate::model::Announce;
use crate::rng::Rng;
use crate::wire::Refusal;
use crate::wire::http::{self as wire, Action, Head, Method, Read, Status};

/// The front of a connection's bytes after the first pass.
#[allow(clippy::large_enum_variant)] // a box would cost each request an allocation
pub(crate) enum Admitted<'b> {
    Partial,
    Elsewhere,
    /// It is no request that can be answered, and what follows cannot be understood.
    Unanswerable(Status, &'static str),
    Request(Request<'b>),
}

pub(crate) struct Request<'b> {
    pub(super) head: Head<'b>,
    pub(super) requester: IpAddr,
    pub(super) task: Result<Task<'b>, Refusal>,
}

pub(super) enum Task<'b> {
    Announce {
        query: wire::Announce<'b>,
        announce: Announce,
        /// Picks the peers, so that those to be picked are known before they are.
        rng: Rng,
    },
    Scrape,
}

/// Admits the request at the front of `buffer`.
pub(crate) fn admit<'b>(
    context: &mut Context<'_>,
    source: IpAddr,
    buffer: &'b [u8],
) -> Admitted<'b> {
    let head = match wire::read(buffer, context.lists.keys.is_some()) {
        Read::Partial => return Admitted::Partial,
        Read::Elsewhere => return Admitted::Elsewhere,
        Read::Malformed(reason) => return Admitted::Unanswerable(Status::BadRequest, reason),
        Read::Whole(head) => head,
    };
    if head.method == Method::Other {
        let reason = "announce and scrape are asked for with GET";
        return Admitted::Unanswerable(Status::MethodNotAllowed, reason);
    }
    let requester = context.gate.requester(source, head.fields);
    let task = admit_request(context, source, requester, &head);
    Admitted::Request(Request {
        head,
        requester,
        task,
    })
}

fn admit_request<'b>(
    context: &mut Context<'_>,
    source: IpAddr,
    requester: IpAddr,
    head: &Head<'b>,
) -> Result<Task<'b>, Refusal> {
    if !context.gate.is_slow_enough(requester, context.now_ms) {
        return Err(gate::TOO_FAST);
    }
    context
        .lists
        .admit_address(requester)
        .and_then(|()| context.lists.admit_key(head.key))
        .inspect_err(|_| context.counters.refused.one())?;
    if head.action == Action::Scrape {
        return Ok(Task::Scrape);
    }
    let query = wire::announce(head.query)?;
    let announce = admit_announce(context, source, requester, head, &query)
        .inspect_err(|_| context.counters.refused.one())?;
    context.store.swarms.prefetch(&announce.infohash);
    Ok(Task::Announce {
        query,
        announce,
        rng: Rng::seeded(context.rng.next_u64()),
    })
}

impl Admitted<'_> {
    /// Asks memory for the torrent, its index line having arrived meanwhile.
    pub(crate) fn prefetch(&self, context: &Context<'_>) {
        if let Some((announce, _)) = self.announced() {
            context.store.swarms.prefetch_torrent(&announce.infohash);
        }
    }

    /// Asks memory for the peers that the answer is made of, the torrent having arrived meanwhile.
    pub(crate) fn prefetch_peers(&self, context: &Context<'_>) {
        if let Some((announce, rng)) = self.announced() {
            context
                .store
                .swarms
                .prefetch_peers(announce, &mut rng.clone());
        }
    }

    fn announced(&self) -> Option<(&Announce, &Rng)> {
        match self {
            Self::Request(Request {
                task: Ok(Task::Announce { announce, rng, .. }),
                ..
            }) => Some((announce, rng)),
            _ => None,
        }
    }
}

fn admit_announce(
    context: &Context<'_>,
    source: IpAddr,
    requester: IpAddr,
    head: &Head<'_>,
    request: &wire::Announce<'_>,
) -> Result<Announce, Refusal> {
    context.lists.admit_torrent(&request.infohash)?;
    context.lists.admit_client(&request.peer_id)?;
    let ip = context
        .gate
        .peer_address(source, requester, request.ip, head.fields)?;
    if ip != requester {
        context.lists.admit_address(ip)?;
    }
    context.gate.admit_peer(ip, request.port)?;
    Ok(Announce {
        infohash: request.infohash,
        ip,
        port: request.port,
        left: request.left,
        event: request.event,
        numwant: context.policy.numwant(request.event, request.numwant),
    })
}
