//! Addresses, ranges and networks, which are text and numbers in Python.

use std::net::{IpAddr, SocketAddr};

use outpour_tracker::{Network, NetworkError, Ranges};

use crate::error::{Error, Result};

fn ip(host: &str) -> Result<IpAddr> {
    host.parse()
        .map_err(|_| Error::value(format!("`{host}`: not an IP address")))
}

pub(super) fn all_ranges(pairs: &[(String, String)]) -> Result<Ranges> {
    let pairs = pairs
        .iter()
        .map(|(first, last)| Ok((ip(first)?, ip(last)?)))
        .collect::<Result<Vec<_>>>()?;
    Ranges::new(pairs).map_err(|(first, last)| {
        Error::value(format!("`{first}-{last}`: not a range of addresses"))
    })
}

pub(super) fn address(host: &str, port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(ip(host)?, port))
}

pub(super) fn addresses(pairs: &[(String, u16)]) -> Result<Vec<SocketAddr>> {
    let pairs = pairs.iter();
    pairs.map(|(host, port)| address(host, *port)).collect()
}

pub(super) fn pairs(addresses: &[SocketAddr]) -> Vec<(String, u16)> {
    let pair = |address: &SocketAddr| (address.ip().to_string(), address.port());
    addresses.iter().map(pair).collect()
}

pub(super) fn network((host, prefix): &(String, u8)) -> Result<Network> {
    let parsed = format!("{host}/{prefix}").parse();
    parsed.map_err(|error: NetworkError| Error::value(error.to_string()))
}
