"""What hands torrents to a download while it runs: followed pages and feeds, watched folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outpour.base.errors import OutpourError
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo


@dataclass(frozen=True, slots=True)
class Supplied:
    """A torrent that has come.

    Attributes:
        key: By which its supply knows it.
        torrent: What to download.
    """

    key: str
    torrent: Metainfo | Magnet


class Supply(Protocol):
    """Hands over what is new at each turn, and hears what became of it."""

    def turn(self) -> Sequence[Supplied | OutpourError]:
        """What has come since the last turn, and what went wrong."""

    def completed(self, key: str) -> None:
        """Know that one is complete.

        Raises:
            WriteError: It cannot be remembered.
        """

    def failed(self, key: str) -> None:
        """Know that one was given up, so that it may come again."""

    def close(self) -> None:
        """Hand over nothing more."""
