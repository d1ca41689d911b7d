//! Packets by the batch: many received with one system call, and their answers sent with one.

#![allow(unsafe_code)] // recvmmsg and sendmmsg take arrays of pointers

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use libc::{c_int, iovec, mmsghdr, sa_family_t, sockaddr_in6, socklen_t};

use super::limits::{BATCH_PACKETS, PACKET_BYTES_MAX};
use super::sockets::check;
use crate::wire::limits::UDP_ANSWER_BYTES_MAX;

/// Buffers lie an odd number of cache lines apart, or their beginnings would share a few sets of the cache.
const LINE_BYTES: usize = 64;
const IN_BYTES: usize = odd_lines(PACKET_BYTES_MAX);
const OUT_BYTES: usize = odd_lines(UDP_ANSWER_BYTES_MAX);

const fn odd_lines(bytes: usize) -> usize {
    (bytes.div_ceil(LINE_BYTES) | 1) * LINE_BYTES
}

/// Room for where a packet was sent to: a header and the larger of the two kinds.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 40]);

/// Where a packet came from, as the kernel writes it:
///
/// | offset | size | IPv4    | IPv6    |
/// |-------:|-----:|---------|---------|
/// |      0 |    2 | family  | family  |
/// |      2 |    2 | port    | port    |
/// |      4 |    4 | address | flow    |
/// |      8 |   16 | unused  | address |
/// |     24 |    4 |         | scope   |
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Source([u8; size_of::<sockaddr_in6>()]);

impl Source {
    const NONE: Self = Self([0; size_of::<sockaddr_in6>()]);

    fn is_v4(&self) -> bool {
        let [low, high, ..] = self.0;
        c_int::from(sa_family_t::from_ne_bytes([low, high])) == libc::AF_INET
    }

    fn ip(&self) -> IpAddr {
        if self.is_v4() {
            Ipv4Addr::from(self.field::<4>(4)).into()
        } else {
            Ipv6Addr::from(self.field::<16>(8)).into()
        }
    }

    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut value = [0; N];
        value.copy_from_slice(&self.0[offset..offset + N]);
        value
    }
}

/// A batch of packets received.
pub(super) struct Requests {
    packets: Box<[[u8; IN_BYTES]; BATCH_PACKETS]>,
    sources: Box<[Source; BATCH_PACKETS]>,
    controls: Box<[Control; BATCH_PACKETS]>,
    heads: Box<[mmsghdr; BATCH_PACKETS]>,
    // The heads point into these boxes, which are not replaced after birth.
    _slices: Box<[iovec; BATCH_PACKETS]>,
    count: usize,
}

impl Requests {
    pub(super) fn new() -> Self {
        let mut packets = boxed([0; IN_BYTES]);
        let mut sources = boxed(Source::NONE);
        let mut controls = boxed(Control([0; 40]));
        let mut slices = boxed(no_slice());
        let mut heads = boxed(no_head());
        for at in 0..BATCH_PACKETS {
            slices[at] = iovec {
                iov_base: packets[at].as_mut_ptr().cast(),
                iov_len: IN_BYTES,
            };
            heads[at].msg_hdr.msg_iov = &raw mut slices[at];
            heads[at].msg_hdr.msg_iovlen = 1;
            heads[at].msg_hdr.msg_name = (&raw mut sources[at]).cast();
            heads[at].msg_hdr.msg_control = (&raw mut controls[at]).cast();
        }
        Self {
            packets,
            sources,
            controls,
            heads,
            _slices: slices,
            count: 0,
        }
    }

    /// Takes up to a batch of packets that wait at the socket, and says how many.
    pub(super) fn receive(&mut self, fd: &OwnedFd) -> io::Result<usize> {
        // The last batch left its own sizes behind.
        for head in &mut self.heads[..self.count] {
            head.msg_hdr.msg_namelen = size_of::<sockaddr_in6>() as socklen_t;
            head.msg_hdr.msg_controllen = size_of::<Control>() as _;
        }
        self.count = 0;
        // SAFETY: the heads point to buffers of this value, whose sizes they give, and which nothing
        // else refers to while it is borrowed exclusively.
        let count = check(unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.heads.as_mut_ptr(),
                BATCH_PACKETS as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        })?;
        self.count = count as usize;
        Ok(self.count)
    }

    pub(super) fn packet(&self, at: usize) -> &[u8] {
        &self.packets[at][..self.heads[at].msg_len as usize]
    }

    pub(super) fn source(&self, at: usize) -> IpAddr {
        self.sources[at].ip()
    }
}

/// The answers to a batch.
pub(super) struct Answers {
    packets: Box<[[u8; OUT_BYTES]; BATCH_PACKETS]>,
    slices: Box<[iovec; BATCH_PACKETS]>,
    heads: Box<[mmsghdr; BATCH_PACKETS]>,
    count: usize,
}

/// What became of a batch of answers.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) unsent: u64,
}

impl Answers {
    pub(super) fn new() -> Self {
        let mut packets = boxed([0; OUT_BYTES]);
        let mut slices = boxed(no_slice());
        let mut heads = boxed(no_head());
        for at in 0..BATCH_PACKETS {
            slices[at].iov_base = packets[at].as_mut_ptr().cast();
            heads[at].msg_hdr.msg_iovlen = 1;
        }
        Self {
            packets,
            slices,
            heads,
            count: 0,
        }
    }

    /// Where the answer to packet `at` is written.
    pub(super) fn answer(&mut self, at: usize) -> &mut [u8] {
        &mut self.packets[at][..UDP_ANSWER_BYTES_MAX]
    }

    /// Queues the answer to packet `at`, of `length` bytes, to go where that came from.
    ///
    /// Its control message goes back as it came: the address that a packet was sent to and the
    /// address that its answer comes from have the same form.
    pub(super) fn queue(&mut self, requests: &Requests, at: usize, length: usize) {
        let request = &requests.heads[at].msg_hdr;
        self.slices[at].iov_len = length.min(UDP_ANSWER_BYTES_MAX);
        let head = &mut self.heads[self.count].msg_hdr;
        head.msg_iov = &raw mut self.slices[at];
        head.msg_name = request.msg_name;
        head.msg_namelen = request.msg_namelen;
        head.msg_controllen = request.msg_controllen;
        head.msg_control = if request.msg_controllen == 0 {
            ptr::null_mut()
        } else {
            request.msg_control
        };
        self.count += 1;
    }

    /// Sends what is queued; the requests that it answers are still those it was queued from.
    pub(super) fn send(&mut self, fd: &OwnedFd, requests: &mut Requests) -> Sent {
        if self.heads[..self.count]
            .iter()
            .any(|head| head.msg_hdr.msg_controllen > 0)
        {
            requests.free_of_interfaces();
        }
        let mut sent = Sent::default();
        let mut done = 0;
        while done < self.count {
            let rest = &mut self.heads[done..self.count];
            // SAFETY: the heads point to answers of this value and to addresses and control messages
            // of the requests, which is borrowed exclusively, all with their sizes.
            let result = check(unsafe {
                libc::sendmmsg(
                    fd.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            });
            match result {
                Ok(count) => {
                    let count = count as usize;
                    sent.bytes += rest[..count]
                        .iter()
                        .map(|head| u64::from(head.msg_len))
                        .sum::<u64>();
                    done += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sent.unsent += rest.len() as u64;
                    break;
                }
                // One that cannot be sent, to a network that is gone say, does not hold up the rest.
                Err(_) => {
                    sent.unsent += 1;
                    done += 1;
                }
            }
        }
        self.count = 0;
        sent
    }
}

impl Requests {
    /// Lets the routes choose the interface of the answers; only their source address is to stay.
    fn free_of_interfaces(&mut self) {
        const HEADER_BYTES: usize = 16;
        const V6_INTERFACE_AT: usize = HEADER_BYTES + 16;
        for at in 0..self.count {
            let control = &mut self.controls[at].0;
            if self.sources[at].is_v4() {
                control[HEADER_BYTES..HEADER_BYTES + 4].fill(0);
            } else if !is_link_local(&control[HEADER_BYTES..]) {
                control[V6_INTERFACE_AT..V6_INTERFACE_AT + 4].fill(0);
            }
        }
    }
}

/// A link-local address means nothing without its interface.
fn is_link_local(address: &[u8]) -> bool {
    matches!(address, [0xfe, 0x80..=0xbf, ..])
}

fn boxed<T: Copy>(value: T) -> Box<[T; BATCH_PACKETS]> {
    match vec![value; BATCH_PACKETS].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the slice has the length of the array"),
    }
}

fn no_slice() -> iovec {
    iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    }
}

fn no_head() -> mmsghdr {
    // SAFETY: null pointers and zero sizes are valid values of all its fields.
    let mut head: mmsghdr = unsafe { mem::zeroed() };
    head.msg_hdr.msg_namelen = size_of::<sockaddr_in6>() as socklen_t;
    head.msg_hdr.msg_controllen = size_of::<Control>() as _;
    head
}

// SAFETY: the pointers are into boxes that move along with the value; nothing is tied to a thread.
unsafe impl Send for Requests {}
// SAFETY: as above; pointers into requests are used only in a call that is given them.
unsafe impl Send for Answers {}
