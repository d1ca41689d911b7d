//! Requests become answers, in four steps: wire, gate, swarm, wire. Knows no socket.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod harness;
pub(crate) mod http;
pub(crate) mod log;
#[cfg(test)]
mod tests;
pub(crate) mod udp;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::Guard;

use self::log::{Log, Logged};
use crate::counters::Counters;
use crate::gate::{Gate, Lists};
use crate::model::{Announce, Event, Facts, Refused};
use crate::rng::Rng;
use crate::store::{Asker, Store};
use crate::wire::Refusal;

/// What answers say, and how much.
pub(crate) struct Policy {
    pub(crate) interval_s: u32,
    pub(crate) min_interval_s: u32,
    /// How far an interval strays, so that peers who came together do not come back together.
    pub(crate) jitter_percent: u32,
    pub(crate) peers_per_answer: usize,
    pub(crate) peers_per_answer_max: usize,
    pub(crate) full_scrape: bool,
}

impl Policy {
    fn interval_s(&self, rng: &mut Rng) -> u32 {
        let spread = u64::from(self.interval_s) * u64::from(self.jitter_percent) / 100;
        let spread = spread as u32;
        let interval_s = self.interval_s - spread + rng.below(2 * spread + 1);
        interval_s.max(self.min_interval_s)
    }

    /// How many peers to give to a client that wants `numwant`; who leaves needs none.
    fn numwant(&self, event: Event, numwant: Option<u32>) -> usize {
        if event == Event::Stopped {
            return 0;
        }
        numwant.map_or(self.peers_per_answer, |wanted| {
            (wanted as usize).min(self.peers_per_answer_max)
        })
    }
}

/// All that an answer is made from, put together once a batch.
pub(crate) struct Context<'a> {
    pub(crate) gate: &'a Gate,
    /// Those of the moment, see [`Context::refresh`].
    pub(crate) lists: Guard<Arc<Lists>>,
    pub(crate) store: &'a Store,
    pub(crate) policy: &'a Policy,
    pub(crate) counters: &'a Counters,
    /// None where nothing is logged.
    pub(crate) log: Option<&'a Log>,
    pub(crate) rng: &'a mut Rng,
    pub(crate) now_ms: u64,
}

impl Context<'_> {
    pub(crate) fn now_s(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    /// Take the lists of now. Whoever has heard of a change has its next request judged by it, so this
    /// is done whenever a request may have come in after the last time.
    pub(crate) fn refresh(&mut self) {
        self.lists = self.gate.lists();
    }

    /// Keeps a row for the owner, or counts that there was no room.
    fn keep(&self, log: &Log, row: Logged) {
        if !log.add(row) {
            self.counters.unlogged.one();
        }
    }

    /// The third step of an announce: into the swarm, and out of it the peers that help.
    fn announce(
        &self,
        announce: &Announce,
        asker: Asker<'_>,
        requester: IpAddr,
        rng: &mut Rng,
        v4_out: &mut [u8],
        v6_out: &mut [u8],
    ) -> Result<Facts, Refusal> {
        let now_s = self.now_s();
        let mut facts = self
            .store
            .announce(announce, asker, now_s, rng, v4_out, v6_out);
        if let Some(refused) = facts.refused {
            return Err(refusal(refused));
        }
        facts.v4_bytes = self
            .gate
            .keep_reachable::<6>(&mut v4_out[..facts.v4_bytes], requester);
        facts.v6_bytes = self
            .gate
            .keep_reachable::<18>(&mut v6_out[..facts.v6_bytes], requester);
        Ok(facts)
    }
}

/// What the client hears when the store has no room; it is to try again when some has expired.
fn refusal(refused: Refused) -> Refusal {
    const RETRY_IN_MIN: u32 = 15;
    match refused {
        Refused::Torrents => {
            Refusal::passing("the tracker holds all torrents it can", RETRY_IN_MIN)
        }
        Refused::Peers => Refusal::passing("the tracker holds all peers it can", RETRY_IN_MIN),
        Refused::PeersPerTorrent => {
            Refusal::passing("the swarm holds all peers it can", RETRY_IN_MIN)
        }
        Refused::PeersPerAddress => Refusal::passing(
            "too many peers of this torrent at your address",
            RETRY_IN_MIN,
        ),
        Refused::Port => crate::gate::PORT_ZERO,
    }
}
