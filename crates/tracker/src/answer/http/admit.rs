//! Steps one and two of a request: wire and gate.

use std::net::IpAddr;

use crate::answer::Context;
use crate::answer::announce::Admission;
use crate::gate;
use crate::wire::Refusal;
use crate::wire::http::{self as wire, Action, Head, Method, Read, Status};

/// The front of a connection's bytes after the first pass.
#[allow(clippy::large_enum_variant)] // a box would cost each request an allocation
pub(crate) enum Admitted<'b> {
    Partial,
    Elsewhere,
    /// It is no request that can be answered, and what follows cannot be understood.
    Unanswerable(IpAddr, Status, &'static str),
    Request(Request<'b>),
}

pub(crate) struct Request<'b> {
    pub(super) head: Head<'b>,
    pub(super) requester: IpAddr,
    pub(super) task: Result<Task<'b>, Refusal>,
}

#[allow(clippy::large_enum_variant)] // a box would cost each request an allocation
pub(super) enum Task<'b> {
    Announce(wire::Announce<'b>, Admission),
    Scrape,
}

/// Admits the request at the front of `buffer`.
pub(crate) fn admit<'b>(
    context: &mut Context<'_>,
    source: IpAddr,
    buffer: &'b [u8],
) -> Admitted<'b> {
    let head = match wire::read(buffer, context.paths()) {
        Read::Partial => return Admitted::Partial,
        Read::Elsewhere => return Admitted::Elsewhere,
        Read::Malformed(reason) => {
            return Admitted::Unanswerable(source, Status::BadRequest, reason);
        }
        Read::Whole(head) => head,
    };
    if head.method == Method::Other {
        let reason = "announce and scrape are asked for with GET";
        return Admitted::Unanswerable(source, Status::MethodNotAllowed, reason);
    }
    if head.is_forwarded {
        context.gate.note_forwarder(source);
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
    let announced_at_s = (head.action == Action::Announce).then(|| context.now_s());
    context
        .lists
        .admit_address(requester)
        .and_then(|()| context.lists.admit_key(head.key, announced_at_s))?;
    if head.action == Action::Scrape {
        return Ok(Task::Scrape);
    }
    let query = wire::announce(head.query)?;
    let admission = admit_announce(context, source, requester, head, &query)?;
    Ok(Task::Announce(query, admission))
}

impl Admitted<'_> {
    /// As [`Admission::prefetch`].
    pub(crate) fn prefetch(&self, context: &Context<'_>) {
        if let Some(admission) = self.admission() {
            admission.prefetch(context);
        }
    }

    /// As [`Admission::prefetch_peers`].
    pub(crate) fn prefetch_peers(&self, context: &Context<'_>) {
        if let Some(admission) = self.admission() {
            admission.prefetch_peers(context);
        }
    }

    fn admission(&self) -> Option<&Admission> {
        match self {
            Self::Request(Request {
                task: Ok(Task::Announce(_, admission)),
                ..
            }) => Some(admission),
            _ => None,
        }
    }
}

fn admit_announce(
    context: &mut Context<'_>,
    source: IpAddr,
    requester: IpAddr,
    head: &Head<'_>,
    query: &wire::Announce<'_>,
) -> Result<Admission, Refusal> {
    context.admit_announced(&query.announced)?;
    let ip = context
        .gate
        .peer_address(source, requester, query.ip, head.fields)?;
    if ip != requester {
        context.lists.admit_address(ip)?;
    }
    context.admit_peer(&query.announced, ip, query.numwant)
}
