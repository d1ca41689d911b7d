//! Decides who may ask for what, and under which address a peer is known.
//!
//! Python hands whole lists down; a worker reads them once a batch. Nothing here is kept a client.

mod address;
mod allowed;
mod connection_id;
mod infohash_set;
mod keys;
mod limits;
mod proxy;
mod ranges;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};

pub(crate) use address::Nearness;
pub(crate) use allowed::Lists;
pub use allowed::Notice;
pub(crate) use connection_id::ConnectionIds;
pub(crate) use infohash_set::InfoHashSet;
pub(crate) use keys::Keys;
pub(crate) use limits::RateLimit;
pub use proxy::{Network, NetworkError};
pub use ranges::Ranges;

use crate::model::InfoHash;
use crate::wire::{Cause, Refusal};

/// What a refused torrent has been answered since the first trackers; other software looks for it.
pub(crate) const UNLISTED: Refusal =
    Refusal::lasting("Requested download is not authorized for use with this tracker.")
        .because(Cause::Torrent);
pub(crate) const KEY_MISSING: Refusal =
    Refusal::lasting("this tracker needs a key: announce to /KEY/announce").because(Cause::Key);
pub(crate) const KEY_UNKNOWN: Refusal =
    Refusal::lasting("the key is not known to this tracker").because(Cause::Key);
pub(crate) const CLIENT_DENIED: Refusal =
    Refusal::lasting("your client is not allowed on this tracker").because(Cause::Client);
/// What `BitTornado` answered addresses that it did not serve.
pub(crate) const ADDRESS_DENIED: Refusal =
    Refusal::lasting("your IP is not allowed on this tracker").because(Cause::Address);
const IP_UNREADABLE: Refusal = Refusal::lasting("ip must be an IPv4 or IPv6 address");
pub(crate) const ADDRESS_UNUSABLE: Refusal =
    Refusal::lasting("no peer can be reached at this address");
pub(crate) const TOO_FAST: Refusal =
    Refusal::passing("too many requests from this address", 1).because(Cause::Rate);

pub(crate) struct Gate {
    pub(crate) connection_ids: ConnectionIds,
    lists: ArcSwap<Lists>,
    trusted_proxies: Vec<Network>,
    rate: RateLimit,
    serves_private_networks: bool,
    believes_every_ip: bool,
    path_prefix: Vec<u8>,
    /// The first that passed on the requests of others and is not trusted with it.
    forwarder: OnceLock<IpAddr>,
    /// The nearest class of address that ever announced, so that most answers need no filter.
    nearest: AtomicU8,
}

pub(crate) struct GateSettings {
    pub(crate) lists: Lists,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) rate: RateLimit,
    pub(crate) serves_private_networks: bool,
    pub(crate) believes_every_ip: bool,
    pub(crate) path_prefix: Vec<u8>,
}

impl Gate {
    pub(crate) fn new(connection_ids: ConnectionIds, settings: GateSettings) -> Self {
        Self {
            connection_ids,
            lists: ArcSwap::from_pointee(settings.lists),
            trusted_proxies: settings.trusted_proxies,
            rate: settings.rate,
            serves_private_networks: settings.serves_private_networks,
            believes_every_ip: settings.believes_every_ip,
            path_prefix: settings.path_prefix,
            forwarder: OnceLock::new(),
            nearest: AtomicU8::new(Nearness::Public as u8),
        }
    }

    pub(crate) fn lists(&self) -> Guard<Arc<Lists>> {
        self.lists.load()
    }

    /// Puts one of the lists in the place of its predecessor, the others kept.
    pub(crate) fn replace(&self, change: impl Fn(&Lists) -> Lists) {
        self.lists.rcu(|lists| change(lists));
    }

    pub(crate) fn is_slow_enough(&self, ip: IpAddr, now_ms: u64) -> bool {
        self.rate.admits(ip, now_ms)
    }

    pub(crate) fn set_rate(&self, per_s: u32, burst: u32) {
        self.rate.set(per_s, burst);
    }

    /// What may stand before the tracker's paths.
    pub(crate) fn path_prefix(&self) -> &[u8] {
        &self.path_prefix
    }

    /// Remembers who passes on the requests of others unasked.
    pub(crate) fn note_forwarder(&self, source: IpAddr) {
        if !proxy::any_contains(&self.trusted_proxies, source) {
            self.forwarder.get_or_init(|| source);
        }
    }

    /// The first that passed on the requests of others and is not trusted with it, if there was one.
    pub(crate) fn forwarder(&self) -> Option<IpAddr> {
        self.forwarder.get().copied()
    }

    /// Whose request this is: the source itself, or what its chain of trusted proxies says.
    pub(crate) fn requester(&self, source: IpAddr, fields: &[u8]) -> IpAddr {
        if self.trusted_proxies.is_empty() {
            return source;
        }
        proxy::requester(&self.trusted_proxies, source, fields).address
    }

    /// The address a peer is known under: its own, or the one it states if it may.
    ///
    /// It may where a trusted proxy says that the request is of another one that is trusted and, where
    /// private networks are served, from one of these; but not through a proxy that is not trusted, or
    /// that does not say for whom it asks: behind such a one everyone looks like the proxy.
    pub(crate) fn peer_address(
        &self,
        source: IpAddr,
        requester: IpAddr,
        stated: Option<&[u8]>,
        fields: &[u8],
    ) -> Result<IpAddr, Refusal> {
        let Some(stated) = stated else {
            return Ok(requester);
        };
        if self.believes_every_ip {
            return proxy::parse_stated(stated).ok_or(IP_UNREADABLE);
        }
        let is_near = self.serves_private_networks && Nearness::of(requester) != Nearness::Public;
        let is_trusted = proxy::any_contains(&self.trusted_proxies, requester);
        let may = if is_trusted {
            proxy::is_forwarded(fields)
        } else {
            is_near
        };
        if !may || !proxy::requester(&self.trusted_proxies, source, fields).is_whole {
            return Ok(requester);
        }
        proxy::parse_stated(stated).ok_or(IP_UNREADABLE)
    }

    /// Checks that a peer can exist there, and remembers how near it is.
    pub(crate) fn admit_peer(&self, ip: IpAddr) -> Result<(), Refusal> {
        if !address::is_usable(ip) {
            return Err(ADDRESS_UNUSABLE);
        }
        let nearness = Nearness::of(ip) as u8;
        if self.nearest.load(Ordering::Relaxed) < nearness {
            self.nearest.fetch_max(nearness, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Notes that restored peers may be of any kind.
    pub(crate) fn expect_any_peer(&self) {
        self.nearest
            .fetch_max(Nearness::Loopback as u8, Ordering::Relaxed);
    }

    /// Takes out of compact `peers` (address, then port: `N` bytes each) those that the requester
    /// cannot reach, and says how many bytes are left.
    ///
    /// A private address means something only inside its network, so it is given only to those who
    /// ask from a private one, and a loopback address only to those who ask from loopback.
    pub(crate) fn keep_reachable<const N: usize>(
        &self,
        peers: &mut [u8],
        requester: IpAddr,
    ) -> usize {
        let nearest = self.nearest.load(Ordering::Relaxed);
        if self.serves_private_networks || nearest == Nearness::Public as u8 {
            return peers.len();
        }
        let requester = Nearness::of(requester);
        if nearest <= requester as u8 {
            return peers.len();
        }
        address::keep_at_most::<N>(peers, requester)
    }
}

impl Lists {
    /// Whether the torrent is tracked here.
    pub(crate) fn admit_torrent(&self, infohash: &InfoHash) -> Result<(), Refusal> {
        if self.lists(infohash) {
            Ok(())
        } else {
            Err(UNLISTED)
        }
    }

    /// Whether who asks from this address, or is to be found there, is served.
    pub(crate) fn admit_address(&self, ip: IpAddr) -> Result<(), Refusal> {
        if self.admits(ip) {
            Ok(())
        } else {
            Err(ADDRESS_DENIED)
        }
    }

    /// Whether the client, by the beginning of its peer id (BEP 20), is served.
    pub(crate) fn admit_client(&self, peer_id: &[u8; 20]) -> Result<(), Refusal> {
        if self.admits_client(peer_id) {
            Ok(())
        } else {
            Err(CLIENT_DENIED)
        }
    }

    /// Whether the key of a request, or its absence, is in order; of an announce with when it comes.
    pub(crate) fn admit_key(
        &self,
        key: Option<&[u8]>,
        announced_at_s: Option<u32>,
    ) -> Result<(), Refusal> {
        match (&self.keys, key) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(KEY_MISSING),
            (Some(keys), Some(key)) if keys.admit(key, announced_at_s) => Ok(()),
            (Some(_), Some(_)) => Err(KEY_UNKNOWN),
        }
    }
}
