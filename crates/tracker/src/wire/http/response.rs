//! Answers become bencoded bodies and HTTP heads, appended to the buffer they will be sent from.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::query::decode;
use crate::model::{Counts, InfoHash};
use crate::wire::Refusal;
use crate::wire::limits::TRACKER_ID_BYTES_MAX;

/// The answer to an announce.
pub(crate) struct Reply<'a> {
    pub(crate) counts: Counts,
    pub(crate) external_ip: IpAddr,
    pub(crate) interval_s: u32,
    pub(crate) min_interval_s: u32,
    pub(crate) peers: Peers<'a>,
    pub(crate) tracker_id: Option<&'a [u8]>,
}

/// Peers as the wire has them: 6 bytes each in `v4`, 18 in `v6`.
pub(crate) struct Peers<'a> {
    pub(crate) v4: &'a [u8],
    pub(crate) v6: &'a [u8],
    pub(crate) compact: bool,
}

/// Appends the body of an announce answer (BEP 3), its keys in the order bencoding wants: compact
/// peers (BEP 23) of both families (BEP 7), and the address that the client is seen at (BEP 24).
pub(crate) fn reply(body: &mut Vec<u8>, reply: &Reply<'_>) {
    body.extend_from_slice(b"d8:completei");
    decimal(body, u64::from(reply.counts.complete));
    body.extend_from_slice(b"e10:downloadedi");
    decimal(body, u64::from(reply.counts.downloaded));
    match reply.external_ip {
        IpAddr::V4(ip) => {
            body.extend_from_slice(b"e11:external ip4:");
            body.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            body.extend_from_slice(b"e11:external ip16:");
            body.extend_from_slice(&ip.octets());
        }
    }
    body.extend_from_slice(b"10:incompletei");
    decimal(body, u64::from(reply.counts.incomplete));
    body.extend_from_slice(b"e8:intervali");
    decimal(body, u64::from(reply.interval_s));
    body.extend_from_slice(b"e12:min intervali");
    decimal(body, u64::from(reply.min_interval_s));
    body.extend_from_slice(b"e5:peers");
    if reply.peers.compact {
        string(body, reply.peers.v4);
        if !reply.peers.v6.is_empty() {
            body.extend_from_slice(b"6:peers6");
            string(body, reply.peers.v6);
        }
    } else {
        dictionaries(body, &reply.peers);
    }
    if let Some(encoded) = reply.tracker_id {
        let mut decoded = [0; TRACKER_ID_BYTES_MAX];
        if let Ok(length) = decode(encoded, &mut decoded) {
            body.extend_from_slice(b"10:tracker id");
            string(body, &decoded[..length]);
        }
    }
    body.push(b'e');
}

/// The form before BEP 23: a dictionary a peer. No peer ids are kept, so none are given.
fn dictionaries(body: &mut Vec<u8>, peers: &Peers<'_>) {
    body.push(b'l');
    for peer in peers.v4.as_chunks::<6>().0 {
        let [a, b, c, d, port @ ..] = *peer;
        dictionary(body, IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port);
    }
    for peer in peers.v6.as_chunks::<18>().0 {
        if let Some((ip, port)) = peer.split_first_chunk::<16>() {
            let ip = IpAddr::V6(Ipv6Addr::from(*ip));
            dictionary(body, ip, [port[0], port[1]]);
        }
    }
    body.push(b'e');
}

fn dictionary(body: &mut Vec<u8>, ip: IpAddr, port: [u8; 2]) {
    const IP_TEXT_BYTES_MAX: usize = 45;
    let mut text = [0; IP_TEXT_BYTES_MAX];
    let mut free = &mut text[..];
    let room = free.len();
    let length = match write!(free, "{ip}") {
        Ok(()) => room - free.len(),
        Err(_) => 0,
    };
    body.extend_from_slice(b"d2:ip");
    string(body, &text[..length]);
    body.extend_from_slice(b"4:porti");
    decimal(body, u64::from(u16::from_be_bytes(port)));
    body.extend_from_slice(b"ee");
}

/// Appends the body of a refused request (BEP 3, and BEP 31 where asking again will help).
pub(crate) fn failure(body: &mut Vec<u8>, refusal: &Refusal) {
    body.extend_from_slice(b"d14:failure reason");
    string(body, refusal.reason.as_bytes());
    if let Some(minutes) = refusal.retry_in_min {
        body.extend_from_slice(b"8:retry ini");
        decimal(body, u64::from(minutes));
        body.push(b'e');
    }
    body.push(b'e');
}

/// Appends the body of a request that is refused in the operator's own words.
pub(crate) fn failure_text(body: &mut Vec<u8>, reason: &str) {
    body.extend_from_slice(b"d14:failure reason");
    string(body, reason.as_bytes());
    body.push(b'e');
}

/// Adds a warning to the body of an answer; its key is the last in the order of keys.
pub(crate) fn warning(body: &mut Vec<u8>, text: &str) {
    body.pop();
    body.extend_from_slice(b"15:warning message");
    string(body, text.as_bytes());
    body.push(b'e');
}

/// Appends what comes before the torrents of a scrape answer (BEP 48).
pub(crate) fn open_scrape(body: &mut Vec<u8>) {
    body.extend_from_slice(b"d5:filesd");
}

/// Appends what comes after the torrents of a scrape answer.
pub(crate) fn close_scrape(body: &mut Vec<u8>) {
    body.extend_from_slice(b"ee");
}

/// Appends one torrent of a scrape answer (BEP 48, BEP 21); they come sorted, as the keys of a dictionary do.
pub(crate) fn scrape_entry(body: &mut Vec<u8>, infohash: &InfoHash, counts: Counts) {
    body.extend_from_slice(b"20:");
    body.extend_from_slice(infohash);
    body.extend_from_slice(b"d8:completei");
    decimal(body, u64::from(counts.complete));
    body.extend_from_slice(b"e10:downloadedi");
    decimal(body, u64::from(counts.downloaded));
    if counts.partial > 0 {
        // BEP 21: the incomplete that are no partial seeds. Where there are none it would say what
        // `incomplete` says.
        body.extend_from_slice(b"e11:downloadersi");
        decimal(
            body,
            u64::from(counts.incomplete.saturating_sub(counts.partial)),
        );
    }
    body.extend_from_slice(b"e10:incompletei");
    decimal(body, u64::from(counts.incomplete));
    body.extend_from_slice(b"ee");
}

/// Appends the head of a 200 answer whose body has `length` bytes.
pub(crate) fn head(out: &mut Vec<u8>, length: usize, is_http_1_0: bool, keep_alive: bool) {
    out.extend_from_slice(match (is_http_1_0, keep_alive) {
        (false, true) => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ",
        (false, false) => {
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: "
        }
        (true, true) => {
            b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: "
        }
        (true, false) => b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ".as_slice(),
    });
    decimal(out, length as u64);
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends the head of a 200 answer that ends with its connection.
pub(crate) fn open_ended_head(out: &mut Vec<u8>, is_gzip: bool) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n");
    if is_gzip {
        out.extend_from_slice(b"Content-Encoding: gzip\r\n");
    }
    out.extend_from_slice(b"Vary: Accept-Encoding\r\nConnection: close\r\n\r\n");
}

/// The answers that are HTTP's own and not the tracker's; each ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    BadRequest,
    MethodNotAllowed,
    Unavailable,
}

/// Appends a whole answer of HTTP's own, with a line of text.
pub(crate) fn plain(out: &mut Vec<u8>, status: Status, text: &str) {
    out.extend_from_slice(match status {
        Status::BadRequest => b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
        Status::MethodNotAllowed => b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n",
        Status::Unavailable => b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n",
    });
    out.extend_from_slice(b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: ");
    decimal(out, text.len() as u64 + 1);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    decimal(out, bytes.len() as u64);
    out.push(b':');
    out.extend_from_slice(bytes);
}

fn decimal(out: &mut Vec<u8>, mut value: u64) {
    const DIGITS_MAX: usize = 20;
    let mut digits = [0; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
