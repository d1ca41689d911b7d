//! Claims the ports of the tracker: each worker gets a socket on every address.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::limits::ANY_PORT_ATTEMPTS;
use super::sockets::{Transport, listen, packets, probe};

/// Which address could not be had, and why.
#[derive(Debug)]
pub struct BindError {
    pub address: SocketAddr,
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.address, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The sockets of one worker.
pub(crate) struct WorkerSockets {
    pub(crate) listeners: Vec<OwnedFd>,
    pub(crate) packets: Vec<OwnedFd>,
}

pub(crate) struct Ports {
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) workers: Vec<WorkerSockets>,
}

impl Ports {
    /// An address to name in an error that concerns none in particular.
    pub(crate) fn first(&self) -> SocketAddr {
        let mut addresses = self.http.iter().chain(&self.udp);
        addresses
            .next()
            .copied()
            .unwrap_or(SocketAddr::from(([0; 4], 0)))
    }
}

/// Opens all sockets, or none. Every port given as 0 becomes one and the same free number.
pub(crate) fn claim(
    http: &[SocketAddr],
    udp: &[SocketAddr],
    workers: usize,
) -> Result<Ports, BindError> {
    let mut attempts = ANY_PORT_ATTEMPTS;
    loop {
        attempts -= 1;
        match claim_once(http, udp, workers) {
            // The number that was free for the first socket may be taken for another.
            Err(error)
                if attempts > 0
                    && error.source.kind() == io::ErrorKind::AddrInUse
                    && is_any(http, udp, error.address) => {}
            result => return result,
        }
    }
}

fn is_any(http: &[SocketAddr], udp: &[SocketAddr], failed: SocketAddr) -> bool {
    let mut asked = http.iter().chain(udp);
    asked.any(|address| address.port() == 0 && address.ip() == failed.ip())
        && !http.iter().chain(udp).any(|address| *address == failed)
}

fn claim_once(http: &[SocketAddr], udp: &[SocketAddr], workers: usize) -> Result<Ports, BindError> {
    let mut any = None;
    let mut held = Vec::new();
    let mut find = |addresses: &[SocketAddr], transport| {
        let mut found = Vec::new();
        for address in addresses {
            let mut wanted = *address;
            if let (0, Some(port)) = (wanted.port(), any) {
                wanted.set_port(port);
            }
            let (fd, bound) = probe(wanted, transport).map_err(|source| BindError {
                address: wanted,
                source,
            })?;
            held.push(fd);
            if address.port() == 0 {
                any = Some(bound.port());
            }
            found.push(bound);
        }
        Ok(found)
    };
    let http = find(http, Transport::Tcp)?;
    let udp = find(udp, Transport::Udp)?;
    drop(held);
    let open = |address: &SocketAddr, open: fn(SocketAddr) -> io::Result<OwnedFd>| {
        open(*address).map_err(|source| BindError {
            address: *address,
            source,
        })
    };
    let workers = (0..workers)
        .map(|_| {
            Ok(WorkerSockets {
                listeners: http
                    .iter()
                    .map(|address| open(address, listen))
                    .collect::<Result<_, _>>()?,
                packets: udp
                    .iter()
                    .map(|address| open(address, packets))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect::<Result<_, BindError>>()?;
    Ok(Ports { http, udp, workers })
}
