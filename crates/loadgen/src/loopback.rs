//! Keeps the load on this machine: every address that is sent to or listened on passes here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads `HOST:PORT` or `[HOST]:PORT`. Names are refused: a resolver could lead elsewhere.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("`{text}`: not an address such as 127.0.0.1:6969"))?;
    if is_loopback(address.ip()) {
        Ok(address)
    } else {
        Err(format!(
            "`{text}`: outside of 127.0.0.0/8 and ::1; load is kept on this machine"
        ))
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 127,
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST,
    }
}

/// The source address number `index` for a target. IPv6 has a single loopback address.
pub(crate) fn source(target: SocketAddr, index: u32) -> IpAddr {
    match target {
        SocketAddr::V4(_) => {
            let [_, b, c, d] = (index + 1).to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(127, b, c, d))
        }
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, parse, source};

    #[test]
    fn loopback_targets_pass() {
        for text in ["127.0.0.1:6969", "127.255.255.254:1", "[::1]:6969"] {
            assert_eq!(
                parse(text).map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn every_other_target_is_refused() {
        let outside = [
            "0.0.0.0:6969",
            "10.0.0.1:6969",
            "128.0.0.1:6969",
            "126.255.255.255:6969",
            "[::]:6969",
            "[::2]:6969",
            "[::ffff:127.0.0.1]:6969",
            "[::ffff:10.0.0.1]:6969",
            "localhost:6969",
            "127.0.0.1",
            "127.1:6969",
            "",
        ];
        for text in outside {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn all_sources_are_distinct_and_on_loopback() {
        let target = parse("127.0.0.1:1").expect("loopback");
        let sources: std::collections::HashSet<_> =
            (0..70_000).map(|index| source(target, index)).collect();
        assert_eq!(sources.len(), 70_000);
        assert!(sources.iter().all(|&ip| is_loopback(ip)));
    }
}
