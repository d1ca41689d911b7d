//! Requests become answers, in four steps: wire, gate, swarm, wire. Knows no socket.

mod announce;
mod counting;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod harness;
pub(crate) mod http;
pub(crate) mod log;
mod pace;
#[cfg(test)]
mod tests;
pub(crate) mod udp;

use std::sync::Arc;

use arc_swap::Guard;
use parking_lot::Mutex;

use self::log::{Logged, Logs};
pub(crate) use self::pace::Pace;
use crate::counters::Counters;
use crate::gate::{Gate, Lists};
use crate::model::{Counts, Event, InfoHash};
use crate::rng::Rng;
use crate::store::Store;
use crate::usage::{Samplers, Samples};
use crate::wire::http::Paths;
use crate::wire::{Cause, Refusal};

/// Where the operator has words of his own for a torrent that is refused.
const UNWANTED: Refusal =
    Refusal::lasting("refused in the words of its .torrent file").because(Cause::Torrent);

/// What answers say, and how much.
pub(crate) struct Policy {
    pub(crate) pace: Pace,
    /// How far an interval strays, so that peers who came together do not come back together.
    pub(crate) jitter_percent: u32,
    pub(crate) peers_per_answer_max: usize,
    pub(crate) full_scrape: bool,
}

impl Policy {
    fn interval_s(&self, rng: &mut Rng) -> u32 {
        let interval_s = self.pace.interval_s();
        let spread = u64::from(interval_s) * u64::from(self.jitter_percent) / 100;
        let spread = spread as u32;
        let interval_s = interval_s - spread + rng.u32(..=2 * spread);
        interval_s.max(self.min_interval_s())
    }

    /// How long a peer has to wait, never longer than it is asked to.
    fn min_interval_s(&self) -> u32 {
        self.pace.min_interval_s().min(self.pace.interval_s())
    }

    /// How many peers to give to a client that wants `numwant`; who leaves needs none.
    fn numwant(&self, event: Event, numwant: Option<u32>) -> usize {
        if event == Event::Stopped {
            return 0;
        }
        let wanted = numwant.map_or(self.pace.peers_per_answer(), |wanted| wanted as usize);
        wanted.min(self.peers_per_answer_max)
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
    /// Chooses the requests that `samples` take.
    pub(crate) samplers: &'a Samplers,
    pub(crate) samples: &'a Mutex<Samples>,
    /// None where nothing is logged.
    pub(crate) logs: Option<&'a Logs>,
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

    fn paths(&self) -> Paths<'_> {
        Paths {
            prefix: self.gate.path_prefix(),
            keyed: self.lists.keys.is_some(),
        }
    }

    /// Writes down for the owner what was asked, where there is a log.
    #[inline]
    fn log(&self, is_refused: bool, row: impl Fn() -> Logged) {
        if let Some(logs) = self.logs {
            logs.add(is_refused, row, self.counters);
        }
    }

    /// The numbers of a torrent that is tracked here; it has them before its first announce.
    fn counts(&self, infohash: &InfoHash) -> Option<Counts> {
        if !self.lists.lists(infohash) {
            return None;
        }
        Some(self.store.scrape(infohash).unwrap_or_default())
    }
}
