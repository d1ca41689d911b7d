//! The publisher's own seeds, given first to everyone who wants data.

use std::net::{IpAddr, SocketAddr};

use super::peer::{Coarse, Meta, Peer, PeerV4, PeerV6};

#[derive(Default)]
pub(super) struct Origins {
    pub(super) v4: Vec<PeerV4>,
    pub(super) v6: Vec<PeerV6>,
}

impl Origins {
    /// Take each address once, and none that nobody can connect to.
    pub(super) fn new(addresses: &[SocketAddr]) -> Self {
        let meta = Meta::new(Coarse::of(0), true, false);
        let mut origins = Self::default();
        for address in addresses.iter().filter(|address| address.port() != 0) {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => add(&mut origins.v4, PeerV4::new(ip, address.port(), meta)),
                IpAddr::V6(ip) => add(&mut origins.v6, PeerV6::new(ip, address.port(), meta)),
            }
        }
        origins
    }
}

fn add<P: Peer>(origins: &mut Vec<P>, origin: P) {
    if !origins.iter().any(|other| other.same(origin)) {
        origins.push(origin);
    }
}
