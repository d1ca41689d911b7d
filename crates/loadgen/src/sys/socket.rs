//! Sockets with the options that a load needs: a chosen source, deep buffers, deferred accept.
#![allow(unsafe_code)] // two options go to the kernel as raw pointers

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

const UDP_BUFFER_BYTES: usize = 8 << 20;
const BACKLOG: i32 = 4096;

/// How long the kernel holds back a connection whose client has not sent its request.
const DEFER_S: i32 = 5;

const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

pub(crate) fn udp_connected(source: IpAddr, target: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((source, 0))?;
    socket.connect(target)?;
    sockopt::set_socket_recv_buffer_size(&socket, UDP_BUFFER_BYTES)?;
    Ok(socket)
}

pub(crate) fn udp_listening(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    sockopt::set_socket_recv_buffer_size(&socket, UDP_BUFFER_BYTES)?;
    sockopt::set_socket_send_buffer_size(&socket, UDP_BUFFER_BYTES)?;
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
    net::listen(&listener, BACKLOG)?; // once more: the first time was without the backlog
    Ok(listener)
}

/// Takes the next connection, non-blocking; `None` when no more wait.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match net::accept_with(listener, FLAGS) {
        Ok(socket) => Ok(Some(socket.into())),
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a connection without waiting for it; the port is chosen by the kernel when connecting,
/// so that each source has a whole range of ports to the target.
pub(crate) fn tcp_connecting(source: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = net::socket_with(family, SocketType::STREAM, FLAGS, None)?;
    set_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    net::bind(&socket, &SocketAddr::new(source, 0))?;
    match net::connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}

/// For options that rustix does not name.
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
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{accept, tcp_connecting, tcp_listening};
    use crate::sys::until;
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
            let mut served = until("connection", || accept(&listener).expect("no fault"));
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
