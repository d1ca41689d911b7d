"""Turns magnet links (BEP 9, 52, 53) into a frozen value and back."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from outpour.base import arguments
from outpour.base.errors import MagnetError
from outpour.base.host_port import format_host_port
from outpour.base.text import from_bytes, printable
from outpour.torrent.metainfo import Metainfo
from outpour.torrent.paths import component_fault

LINK_LENGTH_MAX = 256 * 1024
FILE_INDEX_MAX = 10_000_000
RANGES_MAX = 10_000

_HEX = re.compile(r"[0-9a-f]*\Z", re.IGNORECASE)
_INDEX = re.compile(r"(\d{1,8})(?:-(\d{1,8}))?\Z", re.ASCII)
_PEER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s\[\]:/@]+):(\d{1,5})\Z", re.ASCII)
# What may stand in a query without an escape; `/` and `:` keep tracker URLs legible, and no
# client splits a parameter at them.
_SAFE = "/:"
# `tr.1=` numbers a parameter; `x.pe` keeps its dot.
_NUMBERED = re.compile(r"([a-z]{2})\.\d+\Z")
# SHA-256 (0x12) of 32 bytes (0x20), the only multihash of BEP 52.
_SHA256 = "1220"


@dataclass(frozen=True, slots=True)
class Magnet:
    """A magnet link; at least one of the infohashes is there.

    Attributes:
        infohash_v1: 20 bytes (`btih`).
        infohash_v2: 32 bytes (`btmh`).
        name: What to show until the metainfo is there (`dn`).
        trackers: URLs (`tr`); each is a tier of its own.
        web_seeds: URLs (`ws`).
        peers: (host, port) of peers to ask first (`x.pe`).
        length: Bytes (`xl`).
        selected: Half-open ranges of the file indexes to download (`so`), empty for all.
        sources: URLs of the .torrent file (`xs`).
    """

    infohash_v1: bytes | None
    infohash_v2: bytes | None = None
    name: str | None = None
    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    length: int | None = None
    selected: tuple[tuple[int, int], ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("trackers", "web_seeds", "sources"):
            object.__setattr__(self, name, arguments.texts(getattr(self, name), name))
        object.__setattr__(self, "peers", arguments.nodes(self.peers, "peers"))
        if self.infohash_v1 is None and self.infohash_v2 is None:
            raise MagnetError("magnet link: it names no torrent")

    @property
    def infohash(self) -> bytes:
        """The 20 bytes that trackers and the DHT know: v1, else v2 cut off."""
        digest = self.infohash_v1 or self.infohash_v2
        assert digest is not None
        return digest[:20]

    @property
    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The trackers as a client asks them: one a tier."""
        return tuple((url,) for url in self.trackers)

    @classmethod
    def parse(cls, text: str) -> Magnet:
        """Read a magnet link; unknown parameters are skipped, as BEP 9 asks.

        Raises:
            MagnetError: The text is no magnet link, names no torrent that BitTorrent knows,
                or names two.

        Example:
            >>> Magnet.parse("magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=a+b").name
            'a b'
        """
        text = text.strip()
        if len(text) > LINK_LENGTH_MAX:
            raise MagnetError(f"magnet link: longer than {LINK_LENGTH_MAX} characters")
        if text[:8].lower() != "magnet:?":
            raise MagnetError(f"`{printable(text[:60])}`: not a magnet link")
        pairs = _parameters(text[8:])
        topics = [value for key, value in pairs if key == "xt"]
        if not topics:
            raise MagnetError("magnet link: it has no `xt`, which names the torrent")
        return cls(
            infohash_v1=_single([_read_v1(topic) for topic in topics if _is(topic, "btih")]),
            infohash_v2=_single([_read_v2(topic) for topic in topics if _is(topic, "btmh")]),
            name=_name(pairs),
            trackers=_all(pairs, "tr"),
            web_seeds=_all(pairs, "ws"),
            peers=_peers(pairs),
            length=next((int(v) for k, v in pairs if k == "xl" and _is_length(v)), None),
            selected=_selected(pairs),
            sources=_all(pairs, "xs"),
        )

    @classmethod
    def of(cls, metainfo: Metainfo) -> Magnet:
        """Name a torrent by its infohashes, trackers and web seeds."""
        info = metainfo.info
        return cls(
            infohash_v1=info.infohash_v1,
            infohash_v2=info.infohash_v2,
            name=info.name,
            trackers=tuple(dict.fromkeys(url for tier in metainfo.tiers for url in tier)),
            web_seeds=metainfo.web_seeds,
            length=info.length,
        )

    def __str__(self) -> str:
        parts: list[str] = []
        if self.infohash_v1 is not None:
            parts.append(f"xt=urn:btih:{self.infohash_v1.hex()}")
        if self.infohash_v2 is not None:
            parts.append(f"xt=urn:btmh:{_SHA256}{self.infohash_v2.hex()}")
        if self.name is not None:
            parts.append(f"dn={_quote(self.name)}")
        if self.length is not None:
            parts.append(f"xl={self.length}")
        parts += (f"tr={_quote(url)}" for url in self.trackers)
        parts += (f"ws={_quote(url)}" for url in self.web_seeds)
        parts += (f"xs={_quote(url)}" for url in self.sources)
        parts += (f"x.pe={format_host_port(host, port)}" for host, port in self.peers)
        if self.selected:
            ranges = (str(a) if b - a == 1 else f"{a}-{b - 1}" for a, b in self.selected)
            parts.append(f"so={','.join(ranges)}")
        return "magnet:?" + "&".join(parts)


def _quote(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=_SAFE)


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        key, _, value = part.partition("=")
        key = key.lower()
        numbered = _NUMBERED.match(key)
        raw = unquote_to_bytes(value.replace("+", " ").encode("utf-8", "surrogateescape"))
        pairs.append((numbered[1] if numbered else key, from_bytes(raw)))
    return pairs


def _is(topic: str, kind: str) -> bool:
    return topic[: len(kind) + 5].lower() == f"urn:{kind}:"


def _read_v1(topic: str) -> bytes:
    text = topic[9:]
    if len(text) == 40 and _HEX.match(text):
        return bytes.fromhex(text)
    # A `=` would be padding and leave less than 20 bytes.
    if len(text) == 32 and "=" not in text:
        try:
            return base64.b32decode(text.upper())
        except (binascii.Error, ValueError):
            pass
    raise MagnetError(
        f"magnet link: `{printable(text[:60])}` is not an infohash",
        hint="`btih` takes 40 hexadecimal digits or 32 of base32",
    )


def _read_v2(topic: str) -> bytes:
    text = topic[9:]
    if len(text) == 68 and text.startswith(_SHA256) and _HEX.match(text):
        return bytes.fromhex(text[4:])
    raise MagnetError(
        f"magnet link: `{printable(text[:80])}` is not an infohash of v2",
        hint="`btmh` takes `1220` and 64 hexadecimal digits",
    )


def _single(digests: list[bytes]) -> bytes | None:
    if len(set(digests)) > 1:
        raise MagnetError("magnet link: it names two torrents")
    return digests[0] if digests else None


def _all(pairs: Iterable[tuple[str, str]], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v.strip() for k, v in pairs if k == key and v.strip()))


def _name(pairs: Iterable[tuple[str, str]]) -> str | None:
    # The name becomes a file name wherever the metainfo is not there yet.
    name = next((value for key, value in pairs if key == "dn"), None)
    return name if name is not None and component_fault(name) is None else None


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _peers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, int], ...]:
    peers: list[tuple[str, int]] = []
    for key, value in pairs:
        match = _PEER.match(value) if key == "x.pe" else None
        if match and 0 < int(match[2]) < 65536:
            peers.append((match[1].strip("[]"), int(match[2])))
    return tuple(dict.fromkeys(peers))


def parse_selection(text: str) -> tuple[tuple[int, int], ...]:
    """Read a choice of files (BEP 53) as half-open ranges of their indexes, in order.

    Raises:
        MagnetError: The text is no such list.

    Example:
        >>> parse_selection("0,2-4")
        ((0, 1), (2, 5))
    """
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        match = _INDEX.match(part.strip())
        if match is None:
            raise MagnetError(
                f"magnet link: `{printable(part[:60])}` is not a file index",
                hint="`so` takes indexes from 0 and ranges of them, as in `0,3-5`",
            )
        first = int(match[1])
        last = int(match[2] or match[1])
        if not first <= last <= FILE_INDEX_MAX or len(ranges) >= RANGES_MAX:
            raise MagnetError(f"magnet link: `{part}` is not a range of file indexes")
        ranges.append((first, last + 1))
    return tuple(sorted(set(ranges)))


def _selected(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
    # Unlike a bad peer, a bad choice of files is refused: skipping it would download them all.
    texts = [value for key, value in pairs if key == "so"]
    return parse_selection(",".join(texts)) if texts else ()
