use std::net::IpAddr;
use std::sync::Arc;

use super::{bencode, source};
use crate::answer::harness::Harness;
use crate::answer::http::Outcome;
use crate::gate::{Keys, Lists};
use crate::wire::http::{Paths, Read, read};
use crate::wire::limits::HTTP_HEAD_BYTES_MAX;

const ANNOUNCE: &[u8] =
    b"GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-XX0001-abcdefghijkl&port=6881";

/// The bytes of a connection: a byte of flags, then all of it or what follows a good beginning.
pub fn http(data: &[u8]) {
    let Some((flags, rest)) = data.split_first() else {
        return;
    };
    let [is_v6, is_keyed, has_full_scrape] = [16, 32, 64].map(|bit| flags & bit != 0);
    let buffer = match flags & 7 {
        0 => [ANNOUNCE, b"&", rest, b" HTTP/1.1\r\nHost: t\r\n\r\n"].concat(),
        1 => [ANNOUNCE, b" HTTP/1.1\r\nHost: t\r\n", rest, b"\r\n\r\n"].concat(),
        2 => [b"GET /scrape?info_hash=", rest, b" HTTP/1.0\r\n\r\n"].concat(),
        3 => [ANNOUNCE, b" HTTP/1.1\r\nHost: t\r\n\r\n", rest].concat(),
        4 => [b"HEAD /", rest, b" HTTP/1.1\r\nHost: t\r\n\r\n"].concat(),
        _ => rest.to_vec(),
    };
    let mut harness = Harness::new();
    harness.policy.full_scrape = has_full_scrape;
    harness.gate.replace(|lists| Lists {
        keys: is_keyed.then(|| Arc::new(Keys::new([b"KEY".to_vec()], None))),
        ..lists.clone()
    });
    if !rest.is_empty() {
        no_beginning_misleads(&buffer, is_keyed, usize::from(rest[0]) * buffer.len() / 256);
    }
    connection(&mut harness, source(is_v6), &buffer);
}

/// Answers what a connection sent, as the server does.
fn connection(harness: &mut Harness, source: IpAddr, buffer: &[u8]) {
    let mut at = 0;
    while at < buffer.len() {
        let (outcome, out) = harness.http(&buffer[at..], source);
        match outcome {
            Outcome::Partial => {
                assert!(out.is_empty());
                assert!(buffer.len() - at < HTTP_HEAD_BYTES_MAX);
                return;
            }
            Outcome::Elsewhere | Outcome::FullScrape(_) => {
                assert!(out.is_empty());
                return;
            }
            Outcome::Answered { taken, keep_alive } => {
                assert!(0 < taken && at + taken <= buffer.len());
                let is_head = body(&out).is_empty();
                assert!(is_head || bencode::is_dictionary(body(&out)));
                at += taken;
                if !keep_alive {
                    return;
                }
            }
            Outcome::Broken => {
                assert!(out.starts_with(b"HTTP/1."));
                return;
            }
        }
    }
}

/// The body of an answer, which is as long as its head says or left out.
fn body(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("an end of the head") + 4);
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n") || head.starts_with(b"HTTP/1.0 200 OK\r\n"));
    let head = str::from_utf8(head).expect("a head in ASCII");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .and_then(|length| length.parse::<usize>().ok())
        .expect("a length");
    assert!(body.is_empty() || body.len() == length);
    body
}

/// What the first bytes of a request are taken for, it stays when the others come.
fn no_beginning_misleads(buffer: &[u8], keyed: bool, cut: usize) {
    let paths = Paths {
        prefix: b"/files",
        keyed,
    };
    match (read(&buffer[..cut], paths), read(buffer, paths)) {
        (Read::Partial, _) | (Read::Malformed(_), Read::Malformed(_)) => {}
        (early, late) => assert_eq!(early, late),
    }
}
