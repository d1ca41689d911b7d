//! The head of an HTTP/1 request: which method and path, and whether the connection outlives it.
//!
//! Of the fields only the few that matter here are read. What is not for the tracker is handed over
//! with all its bytes, and judged there.

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
#[allow(clippy::struct_excessive_bools)] // each says something else of the request
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
    /// A proxy says whose request it passes on.
    pub(crate) is_forwarded: bool,
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

/// Which paths are the tracker's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paths<'a> {
    /// What may stand before each of them, without a slash at its end: the path of the public URL.
    pub(crate) prefix: &'a [u8],
    /// `/KEY/announce` is one of them.
    pub(crate) keyed: bool,
}

/// Reads one head from the front of `buffer`.
pub(crate) fn read<'b>(buffer: &'b [u8], paths: Paths<'_>) -> Read<'b> {
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
    let Some((action, key)) = action(path, paths) else {
        return Read::Elsewhere;
    };
    let fields_at = skipped + end + 1;
    let Some(fields) = Fields::scan(&buffer[fields_at..]) else {
        return partial(buffer);
    };
    if fields_at + fields.length > HTTP_HEAD_BYTES_MAX {
        return Read::Malformed(TOO_LARGE);
    }
    if let Some(reason) = fields.fault(line.is_http_1_0) {
        return Read::Malformed(reason);
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
        is_forwarded: fields.is_forwarded,
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
    let after = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    match after(b"http://").or_else(|| after(b"https://")) {
        Some(rest) => memchr(b'/', rest).map_or(b"/", |slash| &rest[slash..]),
        None => target,
    }
}

/// The tracker's paths, with those that other trackers made customary; none for any other.
///
/// Slashes at the ends are of whoever put the URL together: `http://host/` and `/announce`.
pub(crate) fn action<'p>(path: &'p [u8], paths: Paths<'_>) -> Option<(Action, Option<&'p [u8]>)> {
    let path = slashed(path)?;
    let after = path.strip_prefix(paths.prefix).and_then(slashed);
    let path = without_slashes(after.unwrap_or(path));
    if let Some(action) = last_segment(path) {
        return Some((action, None));
    }
    let slash = memrchr(b'/', path)?;
    let (first, action) = (
        without_slashes(&path[..slash]),
        last_segment(&path[slash + 1..])?,
    );
    if first == b"tracker.php" {
        Some((action, None))
    } else {
        (paths.keyed && !first.contains(&b'/')).then_some((action, Some(first)))
    }
}

/// A path from the last of the slashes that it begins with; none if it begins with none.
fn slashed(path: &[u8]) -> Option<&[u8]> {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    path.get(slashes.checked_sub(1)?..)
}

fn without_slashes(path: &[u8]) -> &[u8] {
    let is_slash = |byte: &u8| *byte == b'/';
    let first = path.iter().take_while(|byte| is_slash(byte)).count();
    let last = path.iter().rev().take_while(|byte| is_slash(byte)).count();
    path.get(first..path.len() - last).unwrap_or_default()
}

fn last_segment(segment: &[u8]) -> Option<Action> {
    match segment {
        b"announce" | b"announce.php" => Some(Action::Announce),
        b"scrape" | b"scrape.php" => Some(Action::Scrape),
        _ => None,
    }
}

#[derive(Default)]
struct Fields {
    keep_alive: Option<bool>,
    has_body: bool,
    is_forwarded: bool,
    hosts: usize,
    is_garbled: bool,
    length: usize,
}

impl Fields {
    /// Steps over the field lines up to the empty one; none if that is yet to come.
    fn scan(lines: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        loop {
            let rest = &lines[fields.length..];
            let end = memchr(b'\n', rest)?;
            fields.length += end + 1;
            let line = without_cr(&rest[..end]);
            let Some(first) = line.first() else {
                return Some(fields);
            };
            fields.is_garbled |= !has_name(line);
            if matches!(first | 0x20, b'c' | b'f' | b'h' | b't' | b'x') {
                fields.take(line);
            }
        }
    }

    /// What RFC 9112 has a server refuse, so that it and a proxy before it read the same request.
    fn fault(&self, is_http_1_0: bool) -> Option<&'static str> {
        match self.hosts {
            _ if self.is_garbled => Some("a field line is not NAME: VALUE"),
            0 if !is_http_1_0 => Some("the Host field is missing"),
            0 | 1 => None,
            _ => Some("there is more than one Host field"),
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
        } else if value_of(line, b"host").is_some() {
            self.hosts += 1;
        } else {
            let forwards = [&b"x-forwarded-for"[..], b"forwarded", b"x-real-ip"];
            let mut forwards = forwards.into_iter();
            self.is_forwarded |= forwards.any(|name| value_of(line, name).is_some());
        }
    }
}

/// Whether a field line has a name without blanks (RFC 9112 section 5.1), which a folded line has not.
fn has_name(line: &[u8]) -> bool {
    let name = memchr(b':', line).map(|colon| &line[..colon]);
    name.is_some_and(|name| !name.is_empty() && !name.iter().any(|byte| *byte <= b' '))
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
