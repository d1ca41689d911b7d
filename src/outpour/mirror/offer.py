"""A torrent as a publisher offers it, before its .torrent is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAGNET = "magnet:"


@dataclass(frozen=True, slots=True)
class Offer:
    """A torrent that somebody lists.

    Attributes:
        key: What the list knows it by: an infohash in hexadecimal, the URL of its .torrent, or
            its magnet link.
        name: Of the torrent as far as the list tells, else its title.
        length: Bytes of its content, None if the list does not tell.
        published_at: Unix time in seconds by the clock of whoever lists it, None if not told.
        group: The published folder that it lies in, None where there is but one.
        torrent_url: Where its .torrent is; None if it is not offered.
        tag: Changes with its .torrent, which may name other trackers and web seeds under the same
            infohash; None if the list does not tell.
        licence: Under which terms it may be used, None if not told.
        about_tag: Changes with what is told of it beside all this; None where nothing is.
    """

    key: str
    name: str
    length: int | None = None
    published_at: int | None = None
    group: str | None = None
    torrent_url: str | None = None
    tag: str | None = None
    licence: str | None = None
    about_tag: str | None = None

    @property
    def is_magnet(self) -> bool:
        """Whether only its magnet link is known, so that peers have to be asked for the rest."""
        return self.key.startswith(MAGNET)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that a publisher has beside its content, and that is no torrent.

    Attributes:
        name: Of the file.
        length: Bytes.
        tag: Changes with the file.
        path: What it is called below the publisher's `/content/`, escaped as in a URL.
        group: The published folder that it lies in, None where there is but one.
        modified: Unix second in which it was last written to, None if not told.
    """

    name: str
    length: int
    tag: str
    path: str
    group: str | None = None
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a publisher lists.

    Attributes:
        offers: By their keys, in the order of the list.
        is_whole: All that is listed; whatever is not among them is listed no longer.
        is_cut: There were more than a mirror takes.
        beside: All files beside content; None where nobody looked at them.
    """

    offers: Mapping[str, Offer]
    is_whole: bool
    is_cut: bool = False
    beside: Sequence[OfferedFile] | None = None
