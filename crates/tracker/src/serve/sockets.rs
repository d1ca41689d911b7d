//! Sockets with the options that the standard library has no words for.

#![allow(unsafe_code)] // options between socket() and bind(), accept4 flags, eventfd

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

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
        set(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    }
    bind(&fd, address)?;
    let address = local_address(&fd)?;
    Ok((fd, address))
}

/// A listener of one worker among several on the same port.
///
/// Accepted sockets inherit the options, which saves setting them on each.
pub(super) fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address, Transport::Tcp)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    set(&fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    set(
        &fd,
        libc::IPPROTO_TCP,
        libc::TCP_DEFER_ACCEPT,
        DEFER_ACCEPT_S,
    )?;
    bind(&fd, address)?;
    // SAFETY: `fd` is an open socket.
    check(unsafe { libc::listen(fd.as_raw_fd(), BACKLOG) })?;
    Ok(fd)
}

/// A packet socket of one worker among several on the same port.
///
/// On a wildcard address each packet says where it was sent to, so that the answer comes from there.
pub(super) fn packets(address: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(address, Transport::Udp)?;
    set(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    set(
        &fd,
        libc::SOL_SOCKET,
        libc::SO_RCVBUF,
        UDP_RECEIVE_BUFFER_BYTES,
    )?;
    set(
        &fd,
        libc::SOL_SOCKET,
        libc::SO_SNDBUF,
        UDP_SEND_BUFFER_BYTES,
    )?;
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => set(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
            SocketAddr::V6(_) => set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
        }
    }
    bind(&fd, address)?;
    Ok(fd)
}

fn socket(address: SocketAddr, transport: Transport) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let kind = match transport {
        Transport::Tcp => libc::SOCK_STREAM,
        Transport::Udp => libc::SOCK_DGRAM,
    };
    // SAFETY: socket() takes no pointers.
    let fd =
        check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) })?;
    // SAFETY: the descriptor is new and owned by nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if address.is_ipv6() {
        set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    Ok(fd)
}

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

fn bind(fd: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let result = with_raw(address, |raw, size| {
        // SAFETY: the pointer is to an address of this size, which outlives the call.
        unsafe { libc::bind(fd.as_raw_fd(), raw, size) }
    });
    check(result)?;
    Ok(())
}

/// Calls with an address as the kernel reads it.
fn with_raw(address: SocketAddr, call: impl Fn(*const sockaddr, socklen_t) -> c_int) -> c_int {
    match address {
        SocketAddr::V4(address) => {
            let raw = sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(address.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            call((&raw const raw).cast(), size_of_val(&raw) as socklen_t)
        }
        SocketAddr::V6(address) => {
            let raw = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: address.ip().octets(),
                },
                sin6_scope_id: address.scope_id(),
            };
            call((&raw const raw).cast(), size_of_val(&raw) as socklen_t)
        }
    }
}

/// Room for an address of either family.
pub(super) fn no_address() -> sockaddr_in6 {
    // SAFETY: a socket address of zeros is a valid value of all its fields.
    unsafe { mem::zeroed() }
}

/// Reads an address that the kernel wrote.
pub(super) fn address_of(raw: &sockaddr_in6) -> SocketAddr {
    if c_int::from(raw.sin6_family) == libc::AF_INET6 {
        let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
        let port = u16::from_be(raw.sin6_port);
        return SocketAddr::V6(SocketAddrV6::new(ip, port, 0, raw.sin6_scope_id));
    }
    // SAFETY: both structs begin with the family and port, and the IPv4 one is the smaller.
    let raw = unsafe { &*(&raw const *raw).cast::<sockaddr_in>() };
    let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
    SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)))
}

fn local_address(fd: &OwnedFd) -> io::Result<SocketAddr> {
    let mut raw = no_address();
    let mut size = size_of_val(&raw) as socklen_t;
    // SAFETY: the pointers are to `raw` and its size, which outlive the call.
    check(unsafe {
        libc::getsockname(
            fd.as_raw_fd(),
            (&raw mut raw).cast::<sockaddr>(),
            &raw mut size,
        )
    })?;
    Ok(address_of(&raw))
}

/// The next connection of a listener, not blocking, and from where it comes.
pub(super) fn accept(listener: &OwnedFd) -> io::Result<(TcpStream, IpAddr)> {
    let mut raw = no_address();
    let mut size = size_of_val(&raw) as socklen_t;
    // SAFETY: the pointers are to `raw` and its size, which outlive the call.
    let fd = check(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            (&raw mut raw).cast::<sockaddr>(),
            &raw mut size,
            libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
        )
    })?;
    // SAFETY: the descriptor is new and owned by nobody else.
    let stream = TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((stream, address_of(&raw).ip()))
}

/// A connection that is being made: it can be written to once it is there, or has failed.
pub(super) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let fd = socket(address, Transport::Tcp)?;
    let result = with_raw(address, |raw, size| {
        // SAFETY: the pointer is to an address of this size, which outlives the call.
        unsafe { libc::connect(fd.as_raw_fd(), raw, size) }
    });
    match check(result) {
        Ok(_) => Ok(TcpStream::from(fd)),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(TcpStream::from(fd)),
        Err(error) => Err(error),
    }
}

/// A descriptor that is readable once it was written to.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd() takes no pointers.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the descriptor is new and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// How many descriptors the process may have open.
pub(crate) fn descriptors_max() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to `limit`, which outlives the call.
    match check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }) {
        Ok(_) => usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX),
        Err(_) => 1024,
    }
}

pub(super) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
