//! Sockets with the options that a load needs: a chosen source, deep buffers, deferred accept.
#![allow(unsafe_code)] // socket options and addresses go to the kernel as raw pointers

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

const UDP_BUFFER_BYTES: i32 = 8 << 20;
const BACKLOG: i32 = 4096;

/// How long the kernel holds back a connection whose client has not sent its request.
const DEFER_S: i32 = 5;

pub(crate) fn udp_connected(source: IpAddr, target: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((source, 0))?;
    socket.connect(target)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, UDP_BUFFER_BYTES)?;
    Ok(socket)
}

pub(crate) fn udp_listening(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, UDP_BUFFER_BYTES)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUF, UDP_BUFFER_BYTES)?;
    Ok(socket)
}

pub(crate) fn tcp_listening(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    set_option(
        &listener,
        libc::IPPROTO_TCP,
        libc::TCP_DEFER_ACCEPT,
        DEFER_S,
    )?;
    listener.set_nonblocking(true)?;
    // SAFETY: the descriptor is that of a listening socket; a second call sets the backlog.
    check(unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) })?;
    Ok(listener)
}

/// Takes the next connection, non-blocking; `None` when no more wait.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: null pointers ask for no address; the descriptor is that of a listening socket.
    let fd = unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            ptr::null_mut(),
            ptr::null_mut(),
            flags,
        )
    };
    match check(fd) {
        // SAFETY: the kernel has just made this descriptor for us alone.
        Ok(fd) => Ok(Some(TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) }))),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR | libc::ECONNABORTED) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Opens a connection without waiting for it; the port is chosen by the kernel when connecting,
/// so that each source has a whole range of ports to the target.
pub(crate) fn tcp_connecting(source: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: plain numbers go in, a descriptor or -1 comes out.
    let fd = check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    set_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    let (name, length) = kernel_address(SocketAddr::new(source, 0));
    // SAFETY: `name` is a socket address of `length` bytes, alive during the call.
    check(unsafe { libc::bind(fd, ptr::from_ref(&name).cast(), length) })?;
    let (name, length) = kernel_address(target);
    // SAFETY: as above.
    match check(unsafe { libc::connect(fd, ptr::from_ref(&name).cast(), length) }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

fn kernel_address(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all-zero bytes are a valid socket address of no family.
    let mut storage: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let length = match address {
        SocketAddr::V4(v4) => {
            let name = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*v4.ip()).to_be(),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: `sockaddr_storage` is larger than and aligned for every socket address.
            unsafe { ptr::write(ptr::from_mut(&mut storage).cast(), name) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let name = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: 0,
            };
            // SAFETY: as above.
            unsafe { ptr::write(ptr::from_mut(&mut storage).cast(), name) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, length as libc::socklen_t)
}

fn set_option(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` is an integer of `length` bytes, alive during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            length,
        )
    };
    check(result).map(|_| ())
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::{accept, tcp_connecting, tcp_listening};
    use std::io::{Read, Write};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    #[test]
    fn a_connection_comes_from_its_source_with_its_request_already_there() {
        for (listen, source) in [
            ("127.0.0.1:0", IpAddr::V4(Ipv4Addr::new(127, 4, 5, 6))),
            ("[::1]:0", IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ] {
            let listener = tcp_listening(listen.parse().expect("valid")).expect("a free port");
            let target = listener.local_addr().expect("bound");
            let mut client = tcp_connecting(source, target).expect("loopback");
            client.write_all(b"GET").expect("connected at once");
            let mut served = accept(&listener).expect("no fault").expect("a connection");
            assert_eq!(served.peer_addr().expect("connected").ip(), source);
            let mut request = [0; 8];
            assert_eq!(
                served.read(&mut request).expect("deferred until it came"),
                3
            );
            assert!(accept(&listener).expect("no fault").is_none());
        }
    }
}
