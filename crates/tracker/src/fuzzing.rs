//! What the fuzzer calls: bytes to anything a stranger can reach, with what must hold for all of
//! them. Each panics where it does not, and does the same for the same bytes.

mod bencode;
mod cluster;
mod http;
mod snapshot;
mod store;
mod udp;

pub use self::cluster::cluster;
pub use self::http::http;
pub use self::snapshot::snapshot;
pub use self::store::store;
pub use self::udp::udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Somebody of either family.
fn source(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).into()
    } else {
        Ipv4Addr::new(192, 0, 2, 9).into()
    }
}
