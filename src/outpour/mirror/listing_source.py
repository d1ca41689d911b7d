"""What a mirror asks of whoever it follows, and the thread in which it does so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from outpour.base.errors import OutpourError
from outpour.mirror.offer import Listing, Offer, OfferedFile
from outpour.mirror.told_table import ToldWords
from outpour.torrent.metainfo import Metainfo

Tell = Callable[[Listing], None]
Complain = Callable[[OutpourError], None]


class Source(Protocol):
    """Lists torrents; each call blocks, and may be made on any thread.

    Attributes:
        withdraws: What it lists no longer is withdrawn; a feed lists the newest only.
    """

    withdraws: bool

    def follow(self, tell: Tell, complain: Complain, ended: threading.Event) -> None:
        """Tell what is listed, at once and whenever it changes, until `ended` is set.

        Args:
            tell: Takes what is listed.
            complain: Takes why it is not known at the moment; it is asked again by itself.
            ended: Set by whoever wants no more.
        """

    def metainfo(self, offer: Offer) -> Metainfo:
        """Fetch the .torrent of an offer.

        Raises:
            NetworkError, FormatError: It cannot be fetched, or is another.
        """

    def told(self, infohash: bytes, file_count: int) -> ToldWords:
        """Ask what is told of a torrent beside its .torrent and files.

        Args:
            infohash: The torrent.
            file_count: Its files but pads, as checksums of others are of no use.

        Raises:
            NetworkError, FormatError: It is not to be had.
        """

    def file(self, offered: OfferedFile) -> bytes:
        """Fetch a file beside content.

        Raises:
            NetworkError: It cannot be fetched.
        """
