//! What was asked and what became of it, for one protocol and one family of addresses.

use super::Counter;
use crate::wire::Cause;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Udp,
}

impl Protocol {
    pub(super) const ALL: [Self; 2] = [Self::Http, Self::Udp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Udp => "udp",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Announce,
    Scrape,
    /// A connection id (BEP 15).
    Connect,
    /// It cannot be told.
    Unclear,
}

impl Asked {
    const ALL: [Self; 4] = [Self::Announce, Self::Scrape, Self::Connect, Self::Unclear];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Scrape => "scrape",
            Self::Connect => "connect",
            Self::Unclear => "unclear",
        }
    }

    const fn can_be_answered(self, protocol: Protocol) -> bool {
        match self {
            Self::Announce | Self::Scrape => true,
            Self::Connect => matches!(protocol, Protocol::Udp),
            Self::Unclear => false,
        }
    }

    const fn can_be_refused(self, protocol: Protocol, cause: Cause) -> bool {
        let is_udp = matches!(protocol, Protocol::Udp);
        match (self, cause) {
            (Self::Connect, _) => false,
            (Self::Unclear, cause) => matches!(cause, Cause::Malformed) && !is_udp,
            (_, Cause::ConnectionId) => is_udp,
            (Self::Announce, cause) => !matches!(cause, Cause::FullScrape),
            (Self::Scrape, Cause::FullScrape | Cause::Malformed) => !is_udp,
            (Self::Scrape, cause) => matches!(cause, Cause::Key | Cause::Address | Cause::Rate),
        }
    }
}

/// One number of the table of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCount {
    /// `http` or `udp`.
    pub protocol: &'static str,
    /// `ipv4` or `ipv6`, of the address that asks.
    pub family: &'static str,
    /// `announce`, `scrape`, `connect`, or `unclear` where it cannot be told.
    pub asked: &'static str,
    /// What stood against it; none where it was answered.
    pub cause: Option<&'static str>,
    pub count: u64,
}

#[derive(Default)]
pub(crate) struct Requests {
    answered: [Counter; Asked::ALL.len()],
    refused: [[Counter; Cause::ALL.len()]; Asked::ALL.len()],
    /// Packets that got no answer: not of the protocol, or too many from one address.
    pub(crate) dropped: Counter,
}

impl Requests {
    /// Counts a request that is answered, and tells how many there were.
    #[inline]
    pub(crate) fn answer(&self, asked: Asked) -> u64 {
        self.answered[asked as usize].one()
    }

    /// Counts a request that is refused, and tells how many there were.
    #[inline]
    pub(crate) fn refuse(&self, asked: Asked, cause: Cause) -> u64 {
        self.refused[asked as usize][cause as usize].one()
    }

    fn answered(&self, asked: Asked) -> u64 {
        self.answered[asked as usize].get()
    }

    fn refused(&self, cause: Cause) -> u64 {
        self.refused
            .iter()
            .map(|row| row[cause as usize].get())
            .sum()
    }

    /// Requests by protocol, refusals by cause, and errors: all refusals, less those that are dropped.
    pub(super) fn sums<'a, I: Iterator<Item = &'a Self>>(
        of: impl Fn(Protocol) -> I,
    ) -> Vec<(&'static str, u64)> {
        let answered = |protocol, asked| of(protocol).map(|one| one.answered(asked)).sum();
        let refused = |protocol, cause| of(protocol).map(|one| one.refused(cause)).sum::<u64>();
        let all = |protocol| {
            Cause::ALL
                .map(|cause| refused(protocol, cause))
                .iter()
                .sum::<u64>()
        };
        let mut sums = vec![
            ("announces_http", answered(Protocol::Http, Asked::Announce)),
            ("announces_udp", answered(Protocol::Udp, Asked::Announce)),
            ("scrapes_http", answered(Protocol::Http, Asked::Scrape)),
            ("scrapes_udp", answered(Protocol::Udp, Asked::Scrape)),
            ("connects_udp", answered(Protocol::Udp, Asked::Connect)),
            ("errors_http", all(Protocol::Http)),
            (
                "errors_udp",
                all(Protocol::Udp).saturating_sub(refused(Protocol::Udp, Cause::Rate)),
            ),
            (
                "dropped_udp",
                of(Protocol::Udp).map(|one| one.dropped.get()).sum(),
            ),
        ];
        let by_cause = Cause::ALL.map(|cause| {
            let count = refused(Protocol::Http, cause) + refused(Protocol::Udp, cause);
            (cause.counted_as(), count)
        });
        sums.extend(by_cause);
        sums
    }

    /// All that can have been asked, with what can have become of it.
    pub(super) fn table<'a>(
        protocol: Protocol,
        family: &'static str,
        workers: &(impl Iterator<Item = &'a Self> + Clone),
    ) -> Vec<RequestCount> {
        let row = |asked: Asked, cause: Option<Cause>, count| RequestCount {
            protocol: protocol.name(),
            family,
            asked: asked.name(),
            cause: cause.map(Cause::name),
            count,
        };
        let mut rows = Vec::new();
        for asked in Asked::ALL {
            if asked.can_be_answered(protocol) {
                let count = workers.clone().map(|one| one.answered(asked)).sum();
                rows.push(row(asked, None, count));
            }
            let causes = Cause::ALL.into_iter();
            for cause in causes.filter(|cause| asked.can_be_refused(protocol, *cause)) {
                let counts = workers.clone().map(|one| &one.refused[asked as usize]);
                let count = counts.map(|row| row[cause as usize].get()).sum();
                rows.push(row(asked, Some(cause), count));
            }
        }
        rows
    }
}
