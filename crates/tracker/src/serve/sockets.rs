//! Sockets with the options that the standard library has no words for.

#![allow(unsafe_code)] // three options that have no safe spelling

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, c_void, socklen_t};
use rustix::event::{self, EventfdFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, getrlimit};

use super::limits::{BACKLOG, DEFER_ACCEPT_S, UDP_RECEIVE_BUFFER_BYTES, UDP_SEND_BUFFER_BYTES};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// Binds without sharing, so that a port in use is found out, and says where.
pub(super) fn probe(
    address: SocketAddr,
    transport: Transport,
) -> io::Result<(OwnedFd, SocketAddr)> {
    let fd = socket(address, transport)?;
    if transport == Transport::Tcp {
        // Connections of an earlier run that are still closing do not hold the port.
        sockopt::set_socket_reuseaddr(&fd, true)?;
    }
    net::bind(&fd, &address)?;
    let address = net::getsockname(&fd)?.try_into()?;
    Ok((fd, address))
}

/// A listener of one worker among several on the same port.
///
/// Accepted sockets inherit the options, which saves setting them on each.
pub(super) fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address, Transport::Tcp)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    sockopt::set_tcp_nodelay(&fd, true)?;
    set(
        &fd,
        libc::IPPROTO_TCP,
        libc::TCP_DEFER_ACCEPT,
        DEFER_ACCEPT_S,
    )?;
    net::bind(&fd, &address)?;
    net::listen(&fd, BACKLOG)?;
    Ok(fd)
}

/// A packet socket of one worker among several on the same port.
///
/// On a wildcard address each packet says where it was sent to, so that the answer comes from there.
pub(super) fn packets(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address, Transport::Udp)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    sockopt::set_socket_recv_buffer_size(&fd, UDP_RECEIVE_BUFFER_BYTES)?;
    sockopt::set_socket_send_buffer_size(&fd, UDP_SEND_BUFFER_BYTES)?;
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => set(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
            SocketAddr::V6(_) => set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
        }
    }
    net::bind(&fd, &address)?;
    Ok(fd)
}

fn socket(address: SocketAddr, transport: Transport) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match transport {
        Transport::Tcp => SocketType::STREAM,
        Transport::Udp => SocketType::DGRAM,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = net::socket_with(family, kind, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, true)?;
    }
    Ok(fd)
}

/// Sets an option that `sockopt` does not know.
fn set(fd: &OwnedFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer is to `value`, which outlives the call, with its size.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw const value).cast::<c_void>(),
            size_of_val(&value) as socklen_t,
        )
    })?;
    Ok(())
}

/// The next connection of a listener, not blocking, and from where it comes.
pub(super) fn accept(listener: &OwnedFd) -> Result<(TcpStream, IpAddr), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (fd, source) = net::acceptfrom_with(listener, flags)?;
    let source = source.ok_or(Errno::AFNOSUPPORT)?;
    Ok((TcpStream::from(fd), SocketAddr::try_from(source)?.ip()))
}

/// A connection that is being made: it can be written to once it is there, or has failed.
pub(super) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let fd = socket(address, Transport::Tcp)?;
    match net::connect(&fd, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(fd)),
        Err(error) => Err(error.into()),
    }
}

/// A descriptor that is readable once it was written to.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    Ok(event::eventfd(
        0,
        EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
    )?)
}

/// How many descriptors the process may have open.
pub(crate) fn descriptors_max() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    // None is no limit.
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// The system's own error where a call says that there is one.
pub(super) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
