//! Turns bytes from the network into requests, and answers into bytes.
//!
//! Knows the formats of the BEPs and nothing else: no socket, no gate, no swarm.

pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod udp;
#[cfg(test)]
pub(crate) mod vectors;

/// A value of the shared vectors: its kind, file and name.
#[cfg(test)]
macro_rules! vector {
    ($kind:ident, $file:literal, $name:literal) => {
        crate::wire::vectors::$kind(
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/vectors/tracker/",
                $file
            )),
            $name,
        )
    };
}
#[cfg(test)]
pub(crate) use vector;

/// What stood against a request, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Malformed,
    Torrent,
    Key,
    Client,
    Address,
    Rate,
    Full,
    /// A connection id (BEP 15) that is not, or no longer, good.
    ConnectionId,
    /// All torrents are asked for.
    FullScrape,
}

impl Cause {
    pub(crate) const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Torrent,
        Self::Key,
        Self::Client,
        Self::Address,
        Self::Rate,
        Self::Full,
        Self::ConnectionId,
        Self::FullScrape,
    ];

    /// As it is told.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Torrent => "torrent",
            Self::Key => "key",
            Self::Client => "client",
            Self::Address => "address",
            Self::Rate => "rate",
            Self::Full => "full",
            Self::ConnectionId => "connection_id",
            Self::FullScrape => "full_scrape",
        }
    }

    /// The name of its sum.
    pub(crate) const fn counted_as(self) -> &'static str {
        match self {
            Self::Malformed => "refused_malformed",
            Self::Torrent => "refused_torrent",
            Self::Key => "refused_key",
            Self::Client => "refused_client",
            Self::Address => "refused_address",
            Self::Rate => "refused_rate",
            Self::Full => "refused_full",
            Self::ConnectionId => "refused_connection_id",
            Self::FullScrape => "refused_full_scrape",
        }
    }
}

/// Why a request is answered with an error, in words that reach the user of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) cause: Cause,
    /// Minutes after which asking again makes sense (BEP 31); none where it never will.
    pub(crate) retry_in_min: Option<u32>,
}

impl Refusal {
    pub(crate) const fn lasting(reason: &'static str) -> Self {
        Self {
            reason,
            cause: Cause::Malformed,
            retry_in_min: None,
        }
    }

    pub(crate) const fn passing(reason: &'static str, retry_in_min: u32) -> Self {
        Self {
            reason,
            cause: Cause::Full,
            retry_in_min: Some(retry_in_min),
        }
    }

    pub(crate) const fn because(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }
}
