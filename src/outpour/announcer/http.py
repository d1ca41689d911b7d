"""Announces and scrapes over HTTP and HTTPS (BEP 3, 7, 23, 24, 31, 48)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

from outpour.announcer.values import (
    INFOHASHES_MAX,
    AnnounceReply,
    AnnounceRequest,
    ScrapeReply,
    malformed,
    read_compact,
    read_count,
)
from outpour.base.errors import BencodeError, NetworkError, TrackerRefused, UsageError
from outpour.base.http_fetch import Fetched, fetch
from outpour.base.text import from_bytes
from outpour.base.units import MIB
from outpour.base.web_url import check_web_url
from outpour.torrent import bencode
from outpour.torrent.bencode import Limits, Value

BYTES_MAX = 2 * MIB
"""Of an answer: 100,000 peers, far beyond what trackers give."""
_LIMITS = Limits(depth=8, length=BYTES_MAX, tokens=400_000)
_WARNING_LENGTH_MAX = 1000


def announce(url: str, request: AnnounceRequest, *, timeout_s: float) -> AnnounceReply:
    """Announce to a tracker; see `outpour.announcer.announce`."""
    check_web_url(url)
    parameters = {
        "info_hash": quote(request.infohash, safe=""),
        "peer_id": quote(request.peer_id, safe=""),
        "port": request.port,
        "uploaded": request.uploaded,
        "downloaded": request.downloaded,
        "left": request.left,
        "compact": 1,
        "key": f"{request.key:08x}",
    }
    if request.event:
        parameters["event"] = request.event
    if request.numwant is not None:
        parameters["numwant"] = request.numwant
    root = _ask(_with_query(url, [f"{name}={value}" for name, value in parameters.items()]), url,
                timeout_s)  # fmt: skip
    interval = read_count(root, b"interval", url)
    if interval is None:
        raise malformed(url, "it has no `interval`")
    tracker_id = root.get(b"tracker id")
    return AnnounceReply(
        interval=interval,
        complete=read_count(root, b"complete", url),
        incomplete=read_count(root, b"incomplete", url),
        downloaded=read_count(root, b"downloaded", url),
        peers=_read_peers(root, url),
        warning=_read_text(root, b"warning message"),
        min_interval=read_count(root, b"min interval", url),
        tracker_id=tracker_id if isinstance(tracker_id, bytes) else None,
        external_ip=_read_address(root.get(b"external ip")),
    )


def scrape(url: str, infohashes: Sequence[bytes], *, timeout_s: float) -> dict[bytes, ScrapeReply]:
    """Scrape a tracker; see `outpour.announcer.scrape`."""
    check_web_url(url)
    if len(infohashes) > INFOHASHES_MAX:
        raise UsageError(f"`{url}`: at most {INFOHASHES_MAX} infohashes at a time")
    asked = [f"info_hash={quote(infohash, safe='')}" for infohash in infohashes]
    files = _ask(_with_query(scrape_url(url), asked), url, timeout_s).get(b"files")
    if not isinstance(files, dict):
        raise malformed(url, "it has no `files`")
    replies: dict[bytes, ScrapeReply] = {}
    for infohash in infohashes:
        counts = files.get(infohash)
        if isinstance(counts, dict):
            replies[infohash] = ScrapeReply(
                complete=read_count(counts, b"complete", url) or 0,
                incomplete=read_count(counts, b"incomplete", url) or 0,
                downloaded=read_count(counts, b"downloaded", url) or 0,
                name=_read_text(counts, b"name"),
            )
    return replies


def scrape_url(url: str) -> str:
    """Derive where to scrape from where to announce (BEP 48).

    Raises:
        NetworkError: The last part of the path does not begin with `announce`.

    Example:
        >>> scrape_url("http://example.org/x/announce.php?key=1")
        'http://example.org/x/scrape.php?key=1'
    """
    parts = urlsplit(url)
    folder, slash, last = parts.path.rpartition("/")
    if not slash or not last.startswith("announce"):
        raise NetworkError(f"`{url}`: this tracker cannot be scraped: its path has no `announce`")
    path = f"{folder}/scrape{last.removeprefix('announce')}"
    return parts._replace(path=path, fragment="").geturl()


def _with_query(url: str, parameters: list[str]) -> str:
    base = url.partition("#")[0]
    return f"{base}{'&' if '?' in base else '?'}{'&'.join(parameters)}"


def _ask(target: str, url: str, timeout_s: float) -> dict[bytes, Value]:
    try:
        answer = fetch(target, bytes_max=BYTES_MAX, timeout_s=timeout_s, any_status=True)
    except NetworkError as error:
        # The query holds nothing that a person needs to see again.
        raise NetworkError(error.message.replace(target, url), hint=error.hint) from error
    try:
        root = bencode.decode(answer.body, limits=_LIMITS, strict=False)
    except BencodeError as error:
        raise _not_bencode(answer, url) from error
    if not isinstance(root, dict):
        raise malformed(url, "not a dictionary")
    failure = _read_text(root, b"failure reason")
    if failure is not None:
        raise TrackerRefused(f"`{url}`: the tracker refused: {failure}")
    if answer.status >= 400:
        raise NetworkError(f"`{url}`: HTTP {answer.status}")
    return root


def _not_bencode(answer: Fetched, url: str) -> NetworkError:
    text = answer.body[:200].decode("utf-8", "replace").strip().partition("\n")[0]
    if answer.status >= 400:
        # Classic trackers refuse in plain text.
        is_page = text.startswith("<") or not text
        return NetworkError(f"`{url}`: HTTP {answer.status}" + ("" if is_page else f": {text}"))
    return malformed(url, "not bencode")


def _read_text(root: dict[bytes, Value], key: bytes) -> str | None:
    value = root.get(key)
    return from_bytes(value[:_WARNING_LENGTH_MAX]) if isinstance(value, bytes) else None


def _read_peers(root: dict[bytes, Value], url: str) -> tuple[tuple[str, int], ...]:
    peers = root.get(b"peers", b"")
    peers6 = root.get(b"peers6", b"")
    if not isinstance(peers6, bytes):
        raise malformed(url, "`peers6` is not a string")
    if isinstance(peers, bytes):
        found = read_compact(peers, is_v6=False, url=url)
    elif isinstance(peers, list):
        found = tuple(_read_peer(peer, url) for peer in peers)
    else:
        raise malformed(url, "`peers` is neither a string nor a list")
    return found + read_compact(peers6, is_v6=True, url=url)


def _read_peer(peer: Value, url: str) -> tuple[str, int]:
    host = peer.get(b"ip") if isinstance(peer, dict) else None
    port = peer.get(b"port") if isinstance(peer, dict) else None
    if not isinstance(host, bytes) or not isinstance(port, int) or not 0 <= port < 65536:
        raise malformed(url, "a peer has no address")
    return from_bytes(host[:255]), port


def _read_address(value: Value | None) -> str | None:
    if not isinstance(value, bytes) or len(value) not in (4, 16):
        return None
    return str(IPv4Address(value) if len(value) == 4 else IPv6Address(value))
