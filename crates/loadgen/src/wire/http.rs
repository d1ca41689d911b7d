//! BEP 3 and 48 over HTTP/1.1, as qBittorrent (libtorrent) writes announces and reads answers.

use std::io::Write;

use crate::population::Infohash;
use crate::requests::Event;

const UNRESERVED: &[u8] = b"-_.~!*()";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A head beyond this is not that of a tracker's answer.
const HEAD_BYTES_MAX: usize = 4096;

pub(crate) struct Announce<'a> {
    pub(crate) infohash: &'a Infohash,
    pub(crate) peer_id: &'a [u8; 20],
    pub(crate) key: u32,
    pub(crate) left: u64,
    pub(crate) event: Event,
    pub(crate) numwant: u32,
    pub(crate) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Announce { peers: usize },
    Scrape,
    Failure,
}

/// How far the bytes read so far go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Partial,
    /// The answer ends at this byte.
    Whole {
        head: usize,
        end: usize,
    },
    /// The answer has no length: the server ends it by closing.
    UntilClosed {
        head: usize,
    },
    Invalid,
}

/// Everything after the query: the same for all requests of a run.
pub(crate) fn tail(host: &str, is_kept: bool) -> String {
    let connection = if is_kept { "keep-alive" } else { "close" };
    format!(
        " HTTP/1.1\r\nHost: {host}\r\nUser-Agent: qBittorrent/4.6.7\r\n\
         Accept-Encoding: gzip\r\nConnection: {connection}\r\n\r\n"
    )
}

pub(crate) fn write_announce(out: &mut Vec<u8>, announce: &Announce<'_>, tail: &str) {
    out.extend_from_slice(b"GET /announce?info_hash=");
    escape(out, announce.infohash);
    out.extend_from_slice(b"&peer_id=");
    escape(out, announce.peer_id);
    let Announce {
        port, left, key, ..
    } = announce;
    let event = match announce.event {
        Event::None => "",
        Event::Completed => "&event=completed",
        Event::Started => "&event=started",
        Event::Stopped => "&event=stopped",
    };
    let written = write!(
        out,
        "&port={port}&uploaded=0&downloaded=0&left={left}&corrupt=0&key={key:08X}{event}\
         &numwant={}&compact=1&no_peer_id=1&supportcrypto=1&redundant=0{tail}",
        announce.numwant
    );
    assert!(written.is_ok(), "a vector takes all writes");
}

pub(crate) fn write_scrape(
    out: &mut Vec<u8>,
    torrents: impl Iterator<Item = Infohash>,
    tail: &str,
) {
    out.extend_from_slice(b"GET /scrape");
    for (index, infohash) in torrents.enumerate() {
        out.push(if index == 0 { b'?' } else { b'&' });
        out.extend_from_slice(b"info_hash=");
        escape(out, &infohash);
    }
    out.extend_from_slice(tail.as_bytes());
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) {
            out.push(byte);
        } else {
            out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}

/// Finds the end of the first answer in `bytes`.
pub(crate) fn frame(bytes: &[u8]) -> Progress {
    let status = b"HTTP/1.";
    if !bytes.starts_with(&status[..bytes.len().min(status.len())]) {
        return Progress::Invalid;
    }
    let Some(head) = find(&bytes[..bytes.len().min(HEAD_BYTES_MAX)], b"\r\n\r\n") else {
        return if bytes.len() < HEAD_BYTES_MAX {
            Progress::Partial
        } else {
            Progress::Invalid
        };
    };
    let head = head + 4;
    match content_length(&bytes[..head]) {
        None => Progress::UntilClosed { head },
        Some(length) if bytes.len() >= head + length => Progress::Whole {
            head,
            end: head + length,
        },
        Some(_) => Progress::Partial,
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let name = b"content-length:";
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let value = line.get(name.len()..)?;
        if !line[..name.len()].eq_ignore_ascii_case(name) {
            return None;
        }
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    })
}

/// Reads a whole answer; `None` when it is not one. A line end after the bencode is let pass:
/// `aquatic_http` counts one as part of its body.
pub(crate) fn read(head: &[u8], body: &[u8]) -> Option<Answer> {
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    if head.get(9..12)? != b"200" || body.first() != Some(&b'd') || body.last() != Some(&b'e') {
        return None;
    }
    if find(body, b"14:failure reason").is_some() {
        return Some(Answer::Failure);
    }
    if body.starts_with(b"d5:files") {
        return Some(Answer::Scrape);
    }
    let peers = string_length(body, b"5:peers")? / 6;
    let peers6 = string_length(body, b"6:peers6").unwrap_or(0) / 18;
    Some(Answer::Announce {
        peers: peers + peers6,
    })
}

/// The length of the byte string that follows `key`.
fn string_length(body: &[u8], key: &[u8]) -> Option<usize> {
    let value = &body[find(body, key)? + key.len()..];
    let digits = value.iter().position(|&byte| byte == b':')?;
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle[0];
    let mut from = 0;
    while let Some(step) = bytes[from..].iter().position(|&byte| byte == first) {
        from += step;
        if bytes[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Announce, Answer, Progress, frame, read, tail, write_announce, write_scrape};
    use crate::requests::Event;

    #[test]
    fn an_announce_looks_like_that_of_qbittorrent() {
        let mut out = Vec::new();
        let announce = Announce {
            infohash: b"\x00\x9faZ0-_.~!*()\xff %&=+/",
            peer_id: b"-qB4670-0123456789ab",
            key: 0xabc,
            left: 5,
            event: Event::Started,
            numwant: 200,
            port: 6881,
        };
        write_announce(&mut out, &announce, &tail("127.0.0.1:1", false));
        assert_eq!(
            String::from_utf8_lossy(&out),
            "GET /announce?info_hash=%00%9faZ0-_.~!*()%ff%20%25%26%3d%2b%2f\
             &peer_id=-qB4670-0123456789ab&port=6881&uploaded=0&downloaded=0&left=5&corrupt=0\
             &key=00000ABC&event=started&numwant=200&compact=1&no_peer_id=1&supportcrypto=1\
             &redundant=0 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: qBittorrent/4.6.7\r\n\
             Accept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn a_scrape_names_each_torrent() {
        let mut out = Vec::new();
        write_scrape(&mut out, [[b'a'; 20], [b'b'; 20]].into_iter(), "");
        let expected = format!(
            "GET /scrape?info_hash={}&info_hash={}",
            "a".repeat(20),
            "b".repeat(20)
        );
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nabcd";
        for length in 0..answer.len() {
            assert_eq!(frame(&answer[..length]), Progress::Partial, "{length}");
        }
        let end = answer.len();
        assert_eq!(frame(answer), Progress::Whole { head: end - 4, end });
        let next = [answer.as_slice(), b"HTTP"].concat();
        assert_eq!(frame(&next), Progress::Whole { head: end - 4, end });
    }

    #[test]
    fn an_answer_without_length_lasts_until_the_close() {
        let answer = b"HTTP/1.0 200 OK\r\n\r\nde";
        assert_eq!(frame(answer), Progress::UntilClosed { head: 19 });
        assert_eq!(frame(b"SSH-2.0"), Progress::Invalid);
        assert_eq!(
            frame(&[b"HTTP/1.1 200".as_slice(), &[b' '; 5_000]].concat()),
            Progress::Invalid
        );
    }

    #[test]
    fn bodies_are_told_apart() {
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let announce = b"d8:completei1e5:peers12:aaaaaabbbbbb6:peers618:cccccccccccccccccce";
        assert_eq!(read(head, announce), Some(Answer::Announce { peers: 3 }));
        assert_eq!(read(head, b"d5:filesdee"), Some(Answer::Scrape));
        assert_eq!(read(head, b"d5:filesdee\r\n"), Some(Answer::Scrape));
        assert_eq!(
            read(head, b"d14:failure reason2:noe"),
            Some(Answer::Failure)
        );
        assert_eq!(read(head, b"<html>"), None);
        assert_eq!(read(b"HTTP/1.1 404 Not Found\r\n\r\n", announce), None);
        assert_eq!(read(b"HTTP", announce), None);
    }
}
