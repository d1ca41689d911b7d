//! Requests are counted, and some of them looked at more closely.

use std::net::IpAddr;

use super::Context;
use crate::counters::{Asked, Protocol};
use crate::model::{InfoHash, PeerId};
use crate::wire::Cause;

impl Context<'_> {
    /// Counts an announce that is answered; `agent` is what its client calls itself over HTTP.
    #[inline]
    pub(super) fn count_announce<'r>(
        &self,
        protocol: Protocol,
        ip: IpAddr,
        peer_id: &PeerId,
        agent: impl FnOnce() -> Option<&'r [u8]>,
    ) {
        let count = self
            .counters
            .requests(protocol, ip.is_ipv6())
            .answer(Asked::Announce);
        if self.samplers.announces.takes(count) {
            self.sample_announce(peer_id, agent());
        }
    }

    #[cold]
    fn sample_announce(&self, peer_id: &PeerId, agent: Option<&[u8]>) {
        let weight = self.samplers.announces.take();
        self.samples.lock().announced(peer_id, agent, weight);
    }

    /// Counts a scrape that is answered.
    pub(crate) fn count_scrape(&self, protocol: Protocol, ip: IpAddr) {
        self.counters
            .requests(protocol, ip.is_ipv6())
            .answer(Asked::Scrape);
    }

    /// Counts a request that is refused; `announced` is what it was about, where that can be read.
    #[inline]
    pub(crate) fn refuse(
        &self,
        protocol: Protocol,
        ip: IpAddr,
        asked: Asked,
        cause: Cause,
        announced: impl FnOnce() -> Option<(InfoHash, PeerId)>,
    ) {
        let count = self
            .counters
            .requests(protocol, ip.is_ipv6())
            .refuse(asked, cause);
        if self.samplers.refusals.takes(count) {
            self.sample_refusal(ip, cause, announced());
        }
    }

    #[cold]
    fn sample_refusal(&self, ip: IpAddr, cause: Cause, announced: Option<(InfoHash, PeerId)>) {
        let weight = self.samplers.refusals.take();
        let mut samples = self.samples.lock();
        samples.refused(cause, ip, announced, weight);
    }
}
