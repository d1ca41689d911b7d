//! A tracker on free ports of loopback, and plain clients for it.

#![allow(dead_code, unreachable_pub, unused_imports, unused_macros)] // each test file uses its part, and is a crate to the linter

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use outpour_tracker::{Config, Tracker};

#[path = "../../src/wire/vectors.rs"]
pub mod vectors;

/// For what takes milliseconds, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const INFOHASH: [u8; 20] = [b'a'; 20];

pub const V4: &str = "127.0.0.1:0";
pub const V6: &str = "[::1]:0";

pub fn config() -> Config {
    let addresses: Vec<SocketAddr> = [V4, V6].map(address).to_vec();
    Config {
        http: addresses.clone(),
        udp: addresses,
        workers: 2,
        interval_jitter_percent: 0,
        ..Config::default()
    }
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub fn serve(config: Config) -> Tracker {
    let tracker = Tracker::bind(config).expect("free ports");
    tracker.start().expect("threads");
    tracker
}

pub fn count(tracker: &Tracker, name: &str) -> u64 {
    tracker.counters()[name]
}

/// Waits until a counter has come to a value: a worker counts after it has answered.
pub fn counted(tracker: &Tracker, name: &str, value: u64) {
    until(&format!("`{name}` is {value}"), || {
        count(tracker, name) >= value
    });
    assert_eq!(count(tracker, name), value, "{name}");
}

/// The downloads completed since they were last taken.
pub fn drained(tracker: &Tracker) -> Vec<([u8; 20], u32)> {
    let mut drained = Vec::new();
    tracker.take_completed(|completed| drained.extend(completed.counts));
    drained
}

/// The sockets of this process that the tracker has accepted at an address of IPv4 and not closed yet.
///
/// Descriptors tell less: other tests of the same process open and close theirs meanwhile.
pub fn accepted(address: SocketAddr) -> usize {
    const LISTENING: &str = "0A";
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("a table");
    let port = format!(":{:04X}", address.port());
    table
        .lines()
        .skip(1)
        .filter(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            // Who is closed already has no inode any more, and who waits to be accepted none yet.
            fields[1].ends_with(&port) && fields[3] != LISTENING && fields[9] != "0"
        })
        .count()
}

/// Lets this process open so many descriptors, or as many as it may, and says how many these are.
#[allow(unsafe_code)] // there is no safe spelling of it
pub fn limit_descriptors(wanted: libc::rlim_t) -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are to `limit`, which outlives the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(wanted);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// One request on a connection of its own: head and body of the answer.
pub fn get(address: SocketAddr, target: &str) -> (String, Vec<u8>) {
    exchange(
        address,
        format!("GET {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

pub fn exchange(address: SocketAddr, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = connect(address);
    stream.write_all(request).expect("a request sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    split(&answer)
}

pub fn split(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("the end of a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("a head in ASCII");
    (head, answer[end + 4..].to_vec())
}

/// Reads one answer of a kept-alive connection.
pub fn read_answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a byte of the head");
        bytes.push(byte[0]);
    }
    let (head, _) = split(&bytes);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("the body");
    (head, body)
}

pub fn announce_target(parameters: &str) -> String {
    format!(
        "/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-XX0001-abcdefghijkl&port=6881{parameters}"
    )
}

/// The answer to an announce over HTTP.
pub fn announce(address: SocketAddr, parameters: &str) -> Reply {
    Reply::parse(&get(address, &announce_target(parameters)).1)
}

/// A bencoded dictionary of strings and numbers, as the answers to announces are.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub numbers: BTreeMap<String, i64>,
    pub strings: BTreeMap<String, Vec<u8>>,
}

impl Reply {
    pub fn parse(body: &[u8]) -> Self {
        let mut reply = Self {
            numbers: BTreeMap::new(),
            strings: BTreeMap::new(),
        };
        let mut rest = body.strip_prefix(b"d").expect("a dictionary");
        while rest[0] != b'e' {
            let key = String::from_utf8(string(&mut rest)).expect("a key in ASCII");
            if rest[0] == b'i' {
                let end = rest.iter().position(|byte| *byte == b'e').expect("an end");
                let digits = str::from_utf8(&rest[1..end]).expect("digits");
                reply.numbers.insert(key, digits.parse().expect("a number"));
                rest = &rest[end + 1..];
            } else {
                reply.strings.insert(key, string(&mut rest));
            }
        }
        assert_eq!(rest, b"e");
        reply
    }

    pub fn failure(&self) -> &str {
        let reason = self.strings.get("failure reason").expect("a failure");
        str::from_utf8(reason).expect("words")
    }

    /// Complete, incomplete and downloaded.
    pub fn counts(&self) -> (i64, i64, i64) {
        let number = |key| self.numbers[key];
        (
            number("complete"),
            number("incomplete"),
            number("downloaded"),
        )
    }

    pub fn peers(&self) -> Vec<SocketAddr> {
        let v4 = compact::<6, 4>(&self.strings["peers"]);
        let v6 = self
            .strings
            .get("peers6")
            .map(|peers| compact::<18, 16>(peers));
        v4.into_iter().chain(v6.into_iter().flatten()).collect()
    }
}

fn string(rest: &mut &[u8]) -> Vec<u8> {
    let colon = rest
        .iter()
        .position(|byte| *byte == b':')
        .expect("a string");
    let length: usize = str::from_utf8(&rest[..colon])
        .expect("digits")
        .parse()
        .expect("a length");
    let (value, after) = rest[colon + 1..].split_at(length);
    *rest = after;
    value.to_vec()
}

/// Compact peers, sorted.
pub fn compact<const N: usize, const A: usize>(bytes: &[u8]) -> Vec<SocketAddr> {
    let (peers, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty());
    let mut peers: Vec<_> = peers
        .iter()
        .map(|peer| {
            let port = u16::from_be_bytes([peer[A], peer[A + 1]]);
            match <[u8; 16]>::try_from(&peer[..A]) {
                Ok(octets) => SocketAddr::from((octets, port)),
                Err(_) => SocketAddr::from(([peer[0], peer[1], peer[2], peer[3]], port)),
            }
        })
        .collect();
    peers.sort();
    peers
}

/// A UDP client with a connection id of its own.
pub struct UdpClient {
    pub socket: UdpSocket,
    pub id: u64,
}

pub const TRANSACTION: u32 = 0xcafe_babe;

impl UdpClient {
    pub fn connect(tracker: SocketAddr) -> Self {
        let own = if tracker.is_ipv4() { V4 } else { V6 };
        Self::connect_from(tracker, own)
    }

    pub fn connect_from(tracker: SocketAddr, own: &str) -> Self {
        let socket = UdpSocket::bind(own).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.connect(tracker).expect("a route");
        let mut client = Self { socket, id: 0 };
        let answer = client.ask(&packet(0x417_2710_1980, 0, &[]));
        assert_eq!(answer.len(), 16);
        assert_eq!(answer[..8], [[0; 4], TRANSACTION.to_be_bytes()].concat());
        client.id = u64::from_be_bytes(answer[8..].try_into().expect("8 bytes"));
        client
    }

    pub fn ask(&self, request: &[u8]) -> Vec<u8> {
        self.socket.send(request).expect("a packet sent");
        let mut answer = [0; 4096];
        let length = self.socket.recv(&mut answer).expect("an answer");
        answer[..length].to_vec()
    }

    pub fn announce(&self, announce: &UdpAnnounce) -> Vec<u8> {
        self.ask(&packet(self.id, 1, &announce.bytes()))
    }

    pub fn scrape(&self, infohashes: &[[u8; 20]]) -> Vec<u8> {
        self.ask(&packet(self.id, 2, infohashes.as_flattened()))
    }
}

pub fn packet(id: u64, action: u32, rest: &[u8]) -> Vec<u8> {
    let head = [action.to_be_bytes(), TRANSACTION.to_be_bytes()].concat();
    [&id.to_be_bytes(), head.as_slice(), rest].concat()
}

#[derive(Clone)]
pub struct UdpAnnounce {
    pub infohash: [u8; 20],
    pub peer_id: [u8; 20],
    pub downloaded: u64,
    pub left: u64,
    pub event: u32,
    pub ip: [u8; 4],
    pub numwant: i32,
    pub port: u16,
    pub options: Vec<u8>,
}

impl Default for UdpAnnounce {
    fn default() -> Self {
        Self {
            infohash: INFOHASH,
            peer_id: *b"-XX0001-abcdefghijkl",
            downloaded: 0,
            left: 1,
            event: 0,
            ip: [0; 4],
            numwant: -1,
            port: 6881,
            options: Vec::new(),
        }
    }
}

impl UdpAnnounce {
    fn bytes(&self) -> Vec<u8> {
        [
            self.infohash.as_slice(),
            &self.peer_id,
            &self.downloaded.to_be_bytes(),
            &self.left.to_be_bytes(),
            &[0; 8],
            &self.event.to_be_bytes(),
            &self.ip,
            &[0; 4],
            &self.numwant.to_be_bytes(),
            &self.port.to_be_bytes(),
            &self.options,
        ]
        .concat()
    }
}

/// The words of an error over UDP.
pub fn text_of_error(answer: &[u8]) -> &str {
    assert_eq!(
        answer[..8],
        [[0, 0, 0, 3], TRANSACTION.to_be_bytes()].concat()
    );
    str::from_utf8(&answer[8..]).expect("words")
}

/// A value of the shared vectors: its kind, file and name.
macro_rules! vector {
    ($kind:ident, $file:literal, $name:literal) => {
        $crate::common::vectors::$kind(
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/vectors/tracker/",
                $file
            )),
            $name,
        )
    };
}
pub(crate) use vector;
