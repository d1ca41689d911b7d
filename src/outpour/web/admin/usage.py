"""Who uses the tracker and who is turned away, as far as the core tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ClientKind(Protocol):
    """A client, in about how many announces it was."""

    @property
    def name(self) -> str:
        """Such as `qBittorrent`."""

    @property
    def version(self) -> str:
        """As far as it tells; may be empty."""

    @property
    def prefix(self) -> str:
        """What it was told by, in letters that can be shown."""

    @property
    def announces(self) -> int:
        """An estimate."""


class RefusedTorrent(Protocol):
    """A torrent that was refused, about so many times."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def infohash(self) -> bytes:
        """As it was announced."""

    @property
    def count(self) -> int:
        """An estimate."""


class RefusedAddress(Protocol):
    """An address or network that was refused, about so many times."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def network(self) -> str:
        """The address, or the network of 64 bits."""

    @property
    def count(self) -> int:
        """An estimate."""


class RefusedClient(Protocol):
    """A client that was refused, about so many times."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def name(self) -> str:
        """Such as `qBittorrent`."""

    @property
    def prefix(self) -> str:
        """The beginning of its peer id, or empty."""

    @property
    def count(self) -> int:
        """An estimate."""


class Refusals(Protocol):
    """What was refused most, the most frequent first."""

    @property
    def torrents(self) -> Sequence[RefusedTorrent]:
        """Torrents."""

    @property
    def addresses(self) -> Sequence[RefusedAddress]:
        """Addresses."""

    @property
    def clients(self) -> Sequence[RefusedClient]:
        """Clients."""


class Usage(Protocol):
    """Who uses the tracker and who is turned away; `usage_book.UsageBook` is one."""

    def clients(self, since_s: float = ..., limit: int = ...) -> Sequence[ClientKind]:
        """The clients of the last so many seconds by peer id, the most frequent first."""

    def agents(self, since_s: float = ..., limit: int = ...) -> Sequence[ClientKind]:
        """The same by their own word, over HTTP."""

    def refusals(self, since_s: float = ..., limit: int = ...) -> Refusals:
        """What was refused most in the last so many seconds."""
