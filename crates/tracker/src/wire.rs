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
