//! What kind of address it is: from how near it can be reached, and whether a peer can be there at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address can be reached, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    Public,
    Private,
    Loopback,
}

impl Nearness {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip.octets()),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(octets: [u8; 4]) -> Self {
        match octets {
            [127, ..] => Self::Loopback,
            // RFC 1918, 3927 (link-local) and 6598 (carriers).
            [10, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [169, 254, ..]
            | [100, 64..=127, ..] => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_unique_local() || ip.is_unicast_link_local() {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// Whether a peer can have this address: not one of no host, of many hosts, or reserved (RFC 6890).
pub(crate) fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !matches!(ip.octets(), [0 | 224..=255, ..]),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

pub(crate) fn keep_at_most<const N: usize>(peers: &mut [u8], nearness: Nearness) -> usize {
    let mut kept = 0;
    let (entries, _) = peers.as_chunks_mut::<N>();
    for at in 0..entries.len() {
        let entry = entries[at];
        let found = match entry.first_chunk::<16>() {
            Some(octets) => Nearness::of_v6(Ipv6Addr::from(*octets)),
            None => Nearness::of_v4(Ipv4Addr::new(entry[0], entry[1], entry[2], entry[3]).octets()),
        };
        if found <= nearness {
            entries[kept] = entry;
            kept += 1;
        }
    }
    kept * N
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requester_keeps_the_peers_of_its_own_nearness_and_wider() {
        let mut peers = *b"\x7f\0\0\x01\x1a\xe1\x0a\0\0\x01\x1a\xe1\xc0\0\x02\x01\x1a\xe1";
        assert_eq!(
            keep_at_most::<6>(&mut peers.clone(), Nearness::Loopback),
            18
        );
        assert_eq!(keep_at_most::<6>(&mut peers.clone(), Nearness::Private), 12);
        assert_eq!(keep_at_most::<6>(&mut peers, Nearness::Public), 6);
        assert_eq!(&peers[..6], b"\xc0\0\x02\x01\x1a\xe1");
    }

    #[test]
    fn addresses_of_no_host_and_of_many_hosts_are_unusable() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
        ] {
            assert!(!is_usable(text.parse().expect("an address")), "{text}");
        }
        for text in ["127.0.0.1", "192.0.2.1", "10.1.1.1", "::1", "2001:db8::1"] {
            assert!(is_usable(text.parse().expect("an address")), "{text}");
        }
    }
}
