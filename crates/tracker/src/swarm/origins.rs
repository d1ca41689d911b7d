//! The publisher's own seeds, given first to everyone who wants data.

use std::net::{IpAddr, SocketAddr};

use super::peer::{Coarse, Meta, PeerV4, PeerV6};

#[derive(Default)]
pub(super) struct Origins {
    pub(super) v4: Vec<PeerV4>,
    pub(super) v6: Vec<PeerV6>,
}

impl Origins {
    pub(super) fn new(addresses: &[SocketAddr]) -> Self {
        let meta = Meta::new(Coarse::of(0), true, false);
        let mut origins = Self::default();
        for address in addresses.iter().filter(|address| address.port() != 0) {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => origins.v4.push(PeerV4::new(ip, address.port(), meta)),
                IpAddr::V6(ip) => origins.v6.push(PeerV6::new(ip, address.port(), meta)),
            }
        }
        origins
    }
}
