//! The head of an HTTP/1 request: which method and path, and whether the connection outlives it.
//!
//! Fields other than the few that matter here are stepped over, not checked: what is not for the
//! tracker is handed over with all its bytes, and judged there.

use memchr::{memchr, memrchr};

use crate::wire::limits::HTTP_HEAD_BYTES_MAX;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<'a> {
    /// More bytes are needed to tell.
    Partial,
    /// Well-formed so far, and not for the tracker.
    Elsewhere,
    Malformed(&'static str),
    Whole(Head<'a>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) method: Method,
    pub(crate) action: Action,
    /// The `KEY` of `/KEY/announce`.
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) query: &'a [u8],
    pub(crate) is_http_1_0: bool,
    pub(crate) keep_alive: bool,
    /// A body follows, which no request to a tracker needs.
    pub(crate) has_body: bool,
    /// The request line as it came.
    pub(crate) line: &'a [u8],
    /// The field lines as they came.
    pub(crate) fields: &'a [u8],
    /// Bytes of the buffer this head took.
    pub(crate) length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Announce,
    Scrape,
}

/// Reads one head as [`read_below`] does, below no prefix.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read(buffer: &[u8], keyed: bool) -> Read<'_> {
    read_below(buffer, b"", keyed)
}

/// Reads one head from the front of `buffer`.
///
/// The tracker's paths may stand below `prefix`, such as `/files`, and without it: a proxy in front
/// takes it off or leaves it. `keyed` says whether `/KEY/announce` is for the tracker.
pub(crate) fn read_below<'b>(buffer: &'b [u8], prefix: &[u8], keyed: bool) -> Read<'b> {
    // RFC 9112 section 2.2: empty lines before a request are skipped.
    let skipped = buffer
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let rest = &buffer[skipped..];
    match rest.first() {
        Some(byte) if !byte.is_ascii_uppercase() => {
            return Read::Malformed("this port speaks HTTP/1.1");
        }
        _ => {}
    }
    let Some(end) = memchr(b'\n', rest) else {
        return partial(buffer);
    };
    let line = match RequestLine::parse(without_cr(&rest[..end])) {
        Ok(line) => line,
        Err(reason) => return Read::Malformed(reason),
    };
    let (path, query) = split_target(line.target);
    let path = match path.strip_prefix(prefix) {
        Some(below @ [b'/', ..]) => below,
        _ => path,
    };
    let Some((action, key)) = action(path, keyed) else {
        return Read::Elsewhere;
    };
    let fields_at = skipped + end + 1;
    let Some(fields) = Fields::scan(&buffer[fields_at..]) else {
        return partial(buffer);
    };
    if fields_at + fields.length > HTTP_HEAD_BYTES_MAX {
        return Read::Malformed(TOO_LARGE);
    }
    Read::Whole(Head {
        method: line.method,
        action,
        key,
        query,
        is_http_1_0: line.is_http_1_0,
        // A body would be read as the next request, so its connection ends with the answer.
        keep_alive: fields.keep_alive.unwrap_or(!line.is_http_1_0) && !fields.has_body,
        has_body: fields.has_body,
        line: without_cr(&rest[..end]),
        fields: &buffer[fields_at..fields_at + fields.length],
        length: fields_at + fields.length,
    })
}

const TOO_LARGE: &str = "the head of the request is too large";

fn partial(buffer: &[u8]) -> Read<'_> {
    if buffer.len() >= HTTP_HEAD_BYTES_MAX {
        Read::Malformed(TOO_LARGE)
    } else {
        Read::Partial
    }
}

struct RequestLine<'a> {
    method: Method,
    target: &'a [u8],
    is_http_1_0: bool,
}

impl<'a> RequestLine<'a> {
    /// Takes what lies between the first and the last space as the target: old clients leave spaces in it.
    fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        const WRONG: &str = "the request line is not METHOD TARGET VERSION";
        let first = memchr(b' ', line).ok_or(WRONG)?;
        let last = memrchr(b' ', line).ok_or(WRONG)?;
        let (method, target) = (&line[..first], line.get(first + 1..last).ok_or(WRONG)?);
        if target.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
            return Err(WRONG);
        }
        let is_http_1_0 = match &line[last + 1..] {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err("only HTTP/1.0 and HTTP/1.1 are spoken here"),
        };
        Ok(Self {
            method: match method {
                b"GET" => Method::Get,
                b"HEAD" => Method::Head,
                _ => Method::Other,
            },
            target,
            is_http_1_0,
        })
    }
}

/// Splits a target into path and query, dropping the scheme and host that requests to proxies have.
fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    let target = if target[0] == b'/' {
        target
    } else {
        without_origin(target)
    };
    let (path, query) = match memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &[][..]),
    };
    (path.trim_ascii_end(), query)
}

fn without_origin(target: &[u8]) -> &[u8] {
    let scheme = b"http://";
    match target.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => {
            let rest = &target[scheme.len()..];
            memchr(b'/', rest).map_or(b"/", |slash| &rest[slash..])
        }
        _ => target,
    }
}

/// The tracker's paths, with those that other trackers made customary; none for any other.
pub(crate) fn action(path: &[u8], keyed: bool) -> Option<(Action, Option<&[u8]>)> {
    let path = path.strip_prefix(b"/")?;
    if let Some(action) = last_segment(path) {
        return Some((action, None));
    }
    let slash = memchr(b'/', path)?;
    let (first, action) = (&path[..slash], last_segment(&path[slash + 1..])?);
    if first == b"tracker.php" {
        Some((action, None))
    } else {
        (keyed && !first.is_empty()).then_some((action, Some(first)))
    }
}

fn last_segment(segment: &[u8]) -> Option<Action> {
    match segment {
        b"announce" | b"announce.php" => Some(Action::Announce),
        b"scrape" | b"scrape.php" => Some(Action::Scrape),
        _ => None,
    }
}

struct Fields {
    keep_alive: Option<bool>,
    has_body: bool,
    length: usize,
}

impl Fields {
    /// Steps over the field lines up to the empty one; none if that is yet to come.
    fn scan(lines: &[u8]) -> Option<Self> {
        let mut fields = Self {
            keep_alive: None,
            has_body: false,
            length: 0,
        };
        loop {
            let rest = &lines[fields.length..];
            let end = memchr(b'\n', rest)?;
            fields.length += end + 1;
            match without_cr(&rest[..end]) {
                [] => return Some(fields),
                line @ [b'c' | b'C' | b't' | b'T', ..] => fields.take(line),
                _ => {}
            }
        }
    }

    fn take(&mut self, line: &[u8]) {
        if let Some(value) = value_of(line, b"connection") {
            for token in value.split(|byte| *byte == b',') {
                let token = token.trim_ascii();
                if token.eq_ignore_ascii_case(b"close") {
                    self.keep_alive = Some(false);
                } else if token.eq_ignore_ascii_case(b"keep-alive") && self.keep_alive.is_none() {
                    self.keep_alive = Some(true);
                }
            }
        } else if let Some(length) = value_of(line, b"content-length") {
            self.has_body |= length != b"0";
        } else if value_of(line, b"transfer-encoding").is_some() {
            self.has_body = true;
        }
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) {
        return None;
    }
    Some(value.strip_prefix(b":")?.trim_ascii())
}

/// The value of a field, the first one where it is repeated.
pub(crate) fn field<'a>(fields: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut lines = fields.split(|byte| *byte == b'\n');
    lines.find_map(|line| value_of(without_cr(line), name))
}

/// Whether the client takes a body in gzip: it names it (RFC 9110 section 12.5.3) and not to refuse it.
pub(crate) fn takes_gzip(fields: &[u8]) -> bool {
    values_from_the_last(fields, b"accept-encoding").any(|coding| {
        let mut parts = coding.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"gzip") || name == b"*");
        let refused = |weight: &[u8]| {
            let value = weight
                .strip_prefix(b"q=")
                .or_else(|| weight.strip_prefix(b"Q="));
            value.is_some_and(|value| value.iter().all(|byte| matches!(byte, b'0' | b'.')))
        };
        is_gzip && !parts.any(refused)
    })
}

/// The values of a field that may be repeated, and in each the elements of its list, the last first.
pub(crate) fn values_from_the_last<'a>(
    fields: &'a [u8],
    name: &'static [u8],
) -> impl Iterator<Item = &'a [u8]> {
    fields
        .rsplit(|byte| *byte == b'\n')
        .filter_map(move |line| value_of(without_cr(line), name))
        .flat_map(|list| list.rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
