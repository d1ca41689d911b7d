"""What the engine is asked to do with one torrent, as a frozen value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from outpour.engine.status import Mode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

Urgency = Literal["first", "last"]
"""When the pieces of a file are asked for, before all others or after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One torrent and what to do with it; `Engine.add` says what each part means."""

    source: Metainfo | Magnet
    save_path: Path
    mode: Mode = "download"
    trust: bool = True
    recheck: bool = False
    held: bool = False
    paths: Sequence[bytes] | None = None
    trackers: Sequence[Sequence[str]] | None = None
    web_seeds: Sequence[str] = ()
    wanted: Collection[int] | None = None
    urgency: Mapping[int, Urgency] | None = None
    sequential: bool = False
    known_as: bytes | None = None

    @property
    def key(self) -> bytes:
        """The 20 bytes by which the engine knows the torrent."""
        source = self.source
        own = source.info.infohash if isinstance(source, Metainfo) else source.infohash
        return self.known_as or own

    @property
    def name(self) -> str:
        """What to call the torrent; empty when a magnet link does not say."""
        source = self.source
        return source.info.name if isinstance(source, Metainfo) else source.name or ""
