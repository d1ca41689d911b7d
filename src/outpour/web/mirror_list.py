"""What the web asks of who keeps the mirrors of a publisher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

MirrorState = Literal["checking", "counted", "gone", "lies"]


@dataclass(frozen=True, slots=True)
class ListedMirror:
    """A mirror of a publisher.

    Attributes:
        name: By which the publisher knows it.
        url: Of its page.
        state: `counted` is what visitors are told of; `checking` until its first copy was found to
            be good; `gone` does not ask any more; `lies` gave other bytes than were published.
        since: When it came into this state, in Unix seconds.
        seen: When it asked last, in Unix seconds.
        torrents: Whole ones, as it says.
        good: Those of them whose copies were found to be good.
        is_pinned: It is among the first peers that everyone is told of.
        why: What is wrong with it, empty for nothing.
    """

    name: str
    url: str
    state: MirrorState
    since: int
    seen: int
    torrents: int = 0
    good: int = 0
    is_pinned: bool = False
    why: str = ""


class MirrorRegistry(Protocol):
    """Keeps the mirrors of a publisher."""

    def name_of(self, token: str) -> str | None:
        """Whose token this is, None of nobody's."""

    def register(
        self,
        name: str,
        address: str,
        url: str,
        peer_port: int,
        complete: Sequence[bytes],
        gone: Sequence[bytes],
    ) -> ListedMirror:
        """Take note that a mirror is there.

        Args:
            name: As its token says.
            address: IP address that it asks from.
            url: Where it says its page is.
            peer_port: Where it says that it seeds, at that address.
            complete: Infohashes of what is whole there, beside those told before.
            gone: Infohashes of what is so no longer.

        Raises:
            UsageError: The URL cannot be one, or the mirror is not wanted.
        """

    def listed(self) -> Sequence[ListedMirror]:
        """All that ever registered and were not forgotten, by name."""

    def forget(self, name: str) -> bool:
        """Forget a mirror, so that it may register anew; says whether it was known."""


def host_of(url: str) -> str:
    """What visitors are told of a mirror's URL."""
    return urlsplit(url).netloc
