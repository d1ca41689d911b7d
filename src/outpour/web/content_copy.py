"""A copy of a torrent's content on another server, and what is known of it, for the web."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

CopyState = Literal["unchecked", "good", "missing", "wrong"]
CopyNamer = Literal["publisher", "torrent", "mirror"]


@dataclass(frozen=True, slots=True)
class ContentCopy:
    """A copy of one torrent's content.

    Attributes:
        url: Its web seed (BEP 19).
        state: `good` has been compared with the torrent, in part; `missing` is not there, or not
            yet; `wrong` is something else; `unchecked` was never looked at.
        by: Who named it: the publisher, the torrent itself, or a mirror that reported.
        since: Unix second from which on it is in this state, as far as is known; None if it is not.
        checked: Unix second of the latest look, None before the first.
    """

    url: str
    state: CopyState = "unchecked"
    by: CopyNamer = "publisher"
    since: int | None = None
    checked: int | None = None

    @property
    def is_refused(self) -> bool:
        """Whether nobody is to be sent there."""
        return self.state in ("missing", "wrong")


class KnownCopies(Protocol):
    """What is known of copies; every call is quick, on the event loop."""

    def of(self, infohash: bytes) -> Sequence[ContentCopy]:
        """The copies of a torrent, whatever their state."""

    def is_own(self, url: str) -> bool:
        """Whether a web seed leads to this server, at any of its addresses."""


class NoCopies:
    """Of a tracker alone, which looks at none."""

    def of(self, infohash: bytes) -> Sequence[ContentCopy]:
        """None."""
        del infohash
        return ()

    def is_own(self, url: str) -> bool:
        """None is known to."""
        del url
        return False


def copies_of(
    known: KnownCopies, infohash: bytes, named: Sequence[str], own: str
) -> tuple[ContentCopy, ...]:
    """The copies of a torrent: those that are known, and those that it names unchecked.

    Args:
        known: What is known of copies.
        infohash: The torrent.
        named: Its web seeds.
        own: The URL below which content is served here.
    """
    found = tuple(known.of(infohash))
    urls = {copy.url for copy in found}
    others = dict.fromkeys(
        url for url in named if url not in urls and not (url.startswith(own) or known.is_own(url))
    )
    return (*found, *(ContentCopy(url, by="torrent") for url in others))


def without_login(url: str) -> str:
    """A URL to look at: what opens a server is left out of it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
