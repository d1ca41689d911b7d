//! Many datagrams in one system call (`recvmmsg`, `sendmmsg`).
#![allow(unsafe_code)] // the calls take arrays of raw pointers

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;

/// The number of datagrams in a call: beyond 64 the cost of the call itself no longer shows.
pub(crate) const MESSAGES: usize = 64;

pub(crate) struct Batch {
    headers: Box<[libc::mmsghdr]>,
    /// Pointed to by `headers`, as are `buffers` and `names`: none of them may be reallocated.
    _vectors: Box<[libc::iovec]>,
    buffers: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    message_bytes: usize,
}

impl Batch {
    /// Room for `MESSAGES` datagrams of up to `message_bytes`, for a connected socket.
    pub(crate) fn connected(message_bytes: usize) -> Self {
        Self::new(message_bytes, 0)
    }

    /// As `connected`, with the address of the other side beside each datagram.
    pub(crate) fn addressed(message_bytes: usize) -> Self {
        Self::new(message_bytes, MESSAGES)
    }

    fn new(message_bytes: usize, names: usize) -> Self {
        let mut buffers = vec![0u8; MESSAGES * message_bytes].into_boxed_slice();
        // SAFETY: all-zero bytes are a valid socket address of no family.
        let no_name: libc::sockaddr_storage = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut names = vec![no_name; names].into_boxed_slice();
        let mut vectors: Box<[libc::iovec]> = buffers
            .chunks_mut(message_bytes)
            .map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: message_bytes,
            })
            .collect();
        let headers = (0..MESSAGES)
            .map(|index| {
                // SAFETY: all-zero bytes are a valid header without address, data and control.
                let mut header: libc::mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
                header.msg_hdr.msg_iov = ptr::from_mut(&mut vectors[index]);
                header.msg_hdr.msg_iovlen = 1;
                if let Some(name) = names.get_mut(index) {
                    header.msg_hdr.msg_name = ptr::from_mut(name).cast();
                    header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
                }
                header
            })
            .collect();
        Self {
            headers,
            _vectors: vectors,
            buffers,
            names,
            message_bytes,
        }
    }

    /// Takes what has arrived, without waiting; 0 when nothing has.
    pub(crate) fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        // SAFETY: each header points to one vector, its buffer and its name, all owned by `self`
        // and alive during the call; the lengths are theirs.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                MESSAGES as u32,
                libc::MSG_DONTWAIT as _, // signed in glibc, unsigned in musl
                ptr::null_mut(),
            )
        };
        none_when_blocked(count)
    }

    /// Hands the first `count` datagrams to the kernel; fewer are sent when it has no room.
    pub(crate) fn send(&mut self, socket: &impl AsRawFd, count: usize) -> io::Result<usize> {
        assert!(count <= MESSAGES);
        // SAFETY: as in `receive`; `set_length` keeps each vector within its buffer.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as u32,
                libc::MSG_DONTWAIT as _, // signed in glibc, unsigned in musl
            )
        };
        none_when_blocked(count)
    }

    pub(crate) fn received(&self, index: usize) -> &[u8] {
        let length = self.headers[index].msg_len as usize;
        let from = index * self.message_bytes;
        &self.buffers[from..from + length.min(self.message_bytes)]
    }

    pub(crate) fn buffer_mut(&mut self, index: usize) -> &mut [u8] {
        let from = index * self.message_bytes;
        &mut self.buffers[from..from + self.message_bytes]
    }

    pub(crate) fn set_length(&mut self, index: usize, length: usize) {
        assert!(length <= self.message_bytes);
        // SAFETY: `msg_iov` points to the vector of this index, owned by `self`.
        unsafe { (*self.headers[index].msg_hdr.msg_iov).iov_len = length };
    }

    /// Addresses a datagram to where that of another batch came from.
    pub(crate) fn reply_to(&mut self, index: usize, other: &Self, other_index: usize) {
        self.names[index] = other.names[other_index];
        self.headers[index].msg_hdr.msg_namelen = other.headers[other_index].msg_hdr.msg_namelen;
    }
}

fn none_when_blocked(count: libc::c_int) -> io::Result<usize> {
    if count >= 0 {
        return Ok(count as usize);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR | libc::ENOBUFS) => Ok(0),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, MESSAGES};
    use crate::sys::until;
    use std::net::UdpSocket;

    fn until_received(batch: &mut Batch, socket: &UdpSocket) -> usize {
        until("datagram", || {
            Some(batch.receive(socket).expect("datagrams")).filter(|count| *count > 0)
        })
    }

    #[test]
    fn what_one_batch_sends_another_receives_and_can_answer() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        client
            .connect(server.local_addr().expect("bound"))
            .expect("loopback");
        let (mut sent, mut received) = (Batch::connected(32), Batch::addressed(32));
        for index in 0..MESSAGES {
            sent.buffer_mut(index)[..2].copy_from_slice(&[index as u8, 7]);
            sent.set_length(index, 2);
        }
        assert_eq!(sent.send(&client, MESSAGES).expect("room"), MESSAGES);
        // Not all of it comes at once.
        let (mut all, mut last) = (0, 0);
        while all < MESSAGES {
            last = until_received(&mut received, &server) - 1;
            all += last + 1;
        }
        assert_eq!(all, MESSAGES);
        assert_eq!(received.received(last), [63, 7]);
        let mut reply = Batch::addressed(32);
        reply.buffer_mut(0)[0] = 9;
        reply.set_length(0, 1);
        reply.reply_to(0, &received, last);
        assert_eq!(reply.send(&server, 1).expect("room"), 1);
        assert_eq!(until_received(&mut sent, &client), 1);
        assert_eq!(sent.received(0), [9]);
        assert_eq!(sent.receive(&client).expect("nothing"), 0);
    }
}
