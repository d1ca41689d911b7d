//! Whose request a proxy passes on: `X-Forwarded-For`, read only as far as it can be believed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::wire::http::{decode, values_from_the_last};

const FORWARDED_FOR: &[u8] = b"x-forwarded-for";

/// A network in CIDR notation; a bare address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// What [`Network`] says of text that is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}`: not an address or a network such as 10.0.0.0/8",
            self.0
        )
    }
}

impl std::error::Error for NetworkError {}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => bits,
        };
        if prefix > bits {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl Network {
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let differing = own.to_bits() ^ ip.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let differing = own.to_bits() ^ ip.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

pub(crate) fn any_contains(networks: &[Network], ip: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(ip))
}

pub(crate) struct Requester {
    pub(crate) address: IpAddr,
    /// Whether all that the proxies added was believed.
    pub(crate) is_whole: bool,
}

/// Walks the chain from the last hop to the first while the hop that speaks is trusted.
///
/// Only the rightmost entries were written by proxies; what lies left of them the client made up.
pub(crate) fn requester(trusted: &[Network], source: IpAddr, fields: &[u8]) -> Requester {
    let mut address = source;
    for value in values_from_the_last(fields, FORWARDED_FOR) {
        let hop = any_contains(trusted, address).then(|| parse_hop(value));
        match hop.flatten() {
            Some(next) => address = next,
            None => {
                return Requester {
                    address,
                    is_whole: false,
                };
            }
        }
    }
    Requester {
        address,
        is_whole: true,
    }
}

/// Whether a proxy says for whom it asks.
pub(crate) fn is_forwarded(fields: &[u8]) -> bool {
    values_from_the_last(fields, FORWARDED_FOR).next().is_some()
}

fn parse_hop(value: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(value).ok()?.trim_matches('"');
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = bare.unwrap_or(text).parse();
    let ip = ip.or_else(|_| text.parse().map(|hop: SocketAddr| hop.ip()));
    Some(ip.ok()?.to_canonical())
}

/// The value of `ip=`, percent-encoded or not.
pub(crate) fn parse_stated(value: &[u8]) -> Option<IpAddr> {
    const IP_TEXT_BYTES_MAX: usize = 45;
    let mut text = [0; IP_TEXT_BYTES_MAX];
    let length = decode(value, &mut text).ok()?;
    let ip: IpAddr = str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts
            .iter()
            .map(|text| text.parse().expect("a network"))
            .collect()
    }

    fn walk(fields: &str) -> String {
        let trusted = networks(&["10.0.0.0/8", "fd00::/8"]);
        let source = IpAddr::from([10, 0, 0, 1]);
        requester(&trusted, source, fields.as_bytes())
            .address
            .to_string()
    }

    #[test]
    fn the_chain_is_believed_from_the_right_up_to_the_first_stranger() {
        assert_eq!(walk("X-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9");
        assert_eq!(
            walk("x-forwarded-for: 6.6.6.6, 203.0.113.9, 10.2.3.4\r\n"),
            "203.0.113.9"
        );
        assert_eq!(
            walk("X-Forwarded-For: 6.6.6.6\r\nHost: a\r\nX-FORWARDED-FOR: 203.0.113.9\r\n"),
            "203.0.113.9"
        );
        assert_eq!(walk("X-Forwarded-For: 203.0.113.9:4711\r\n"), "203.0.113.9");
        assert_eq!(
            walk("X-Forwarded-For: [2001:db8::1]:4711\r\n"),
            "2001:db8::1"
        );
        assert_eq!(
            walk("X-Forwarded-For: ::ffff:203.0.113.9\r\n"),
            "203.0.113.9"
        );
    }

    #[test]
    fn a_chain_that_is_missing_or_garbled_leaves_the_last_hop_that_was_understood() {
        assert_eq!(walk("Host: a\r\n"), "10.0.0.1");
        assert_eq!(walk("X-Forwarded-For: unknown\r\n"), "10.0.0.1");
        assert_eq!(
            walk("X-Forwarded-For: 203.0.113.9, , 10.9.9.9\r\n"),
            "10.9.9.9"
        );
        assert_eq!(walk("X-Forwarded-For: \r\n"), "10.0.0.1");
    }

    #[test]
    fn a_stranger_cannot_forward() {
        let stranger = IpAddr::from([203, 0, 113, 1]);
        let seen = requester(
            &networks(&["10.0.0.0/8"]),
            stranger,
            b"X-Forwarded-For: 10.0.0.5\r\n",
        );
        assert_eq!(seen.address, stranger);
        assert!(!seen.is_whole);
    }

    #[test]
    fn networks_are_read_with_and_without_a_prefix() {
        let [one, all, six] = networks(&["192.0.2.7", "0.0.0.0/0", "2001:db8::/32"])[..] else {
            panic!("three networks");
        };
        assert!(one.contains(IpAddr::from([192, 0, 2, 7])));
        assert!(!one.contains(IpAddr::from([192, 0, 2, 8])));
        assert!(all.contains(IpAddr::from([8, 8, 8, 8])));
        assert!(six.contains("2001:db8:1::1".parse().expect("an address")));
        assert!(!six.contains(IpAddr::from([192, 0, 2, 7])));
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "ten",
            "10.0.0.0/8/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
