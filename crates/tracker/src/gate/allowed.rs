//! The lists that Python hands down: torrents, keys, addresses and clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::infohash_set::InfoHashSet;
use super::keys::Keys;
use super::ranges::Ranges;
use crate::folded::Folded;
use crate::model::InfoHash;

/// All lists of one moment; a change makes a new value.
#[derive(Clone, Default)]
pub(crate) struct Lists {
    /// None where every torrent is tracked.
    pub(crate) allowed: Option<InfoHashSet>,
    pub(crate) denied: InfoHashSet,
    /// None where no key is asked for.
    pub(crate) keys: Option<Arc<Keys>>,
    /// Addresses that are turned away.
    pub(crate) banned: Arc<Ranges>,
    /// The addresses that alone may ask; none where all may.
    pub(crate) admitted: Option<Arc<Ranges>>,
    /// Beginnings of the peer ids that are turned away.
    pub(crate) denied_clients: Arc<[Vec<u8>]>,
    /// What single torrents have to say to their peers.
    pub(crate) notices: Arc<HashMap<InfoHash, Notice, Folded>>,
}

/// What the operator wants the peers of one torrent to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Why its announces are refused; none where they are not.
    pub failure: Option<Box<str>>,
    /// What is told with every answer over HTTP.
    pub warning: Option<Box<str>>,
}

impl Lists {
    pub(crate) fn lists(&self, infohash: &InfoHash) -> bool {
        let allowed = self
            .allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(infohash));
        allowed && (self.denied.is_empty() || !self.denied.contains(infohash))
    }

    /// Why the operator has this torrent refused, if so.
    pub(crate) fn failure(&self, infohash: &InfoHash) -> Option<&str> {
        self.notice(infohash)?.failure.as_deref()
    }

    /// What the operator wants its peers to read, if anything.
    pub(crate) fn warning(&self, infohash: &InfoHash) -> Option<&str> {
        self.notice(infohash)?.warning.as_deref()
    }

    fn notice(&self, infohash: &InfoHash) -> Option<&Notice> {
        if self.notices.is_empty() {
            return None;
        }
        self.notices.get(infohash)
    }

    pub(super) fn admits(&self, ip: IpAddr) -> bool {
        let admitted = self
            .admitted
            .as_ref()
            .is_none_or(|admitted| admitted.contains(ip));
        admitted && (self.banned.is_empty() || !self.banned.contains(ip))
    }

    pub(super) fn admits_client(&self, peer_id: &[u8; 20]) -> bool {
        let mut denied = self.denied_clients.iter();
        !denied.any(|prefix| peer_id.starts_with(prefix))
    }
}
