"""Turns a magnet link into metainfo, by asking peers for the info dictionary (BEP 9, 52)."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from outpour.downloader.outcome import Note
from outpour.downloader.unreachable import Reach, refuse_lonely, stalled
from outpour.engine import Engine, EngineEvent, MetadataArrived, TrackerFailed, TrackerWarned
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

if TYPE_CHECKING:
    from outpour.torrent.bencode import Encodable
    from outpour.torrent.magnet_link import Magnet

CONTENT_RATE = 64 * 1024
"""Bytes a second, while the hashes of a v2 torrent come: they come beside content only."""
LAYERS_EVERY_S = 0.25


class MetadataJob:
    """Asks peers for what a magnet link names; a context manager.

    Args:
        engine: Does the work.
        magnet: Names the torrent.
        trackers: More trackers.
        peers: (host, port) of peers to connect to at once.
        stall_s: Give up after so long; 0 for never.
        discovers: Whether peers may be found without a tracker.
        is_alone: The engine has nothing else to do: it is slowed down once only hashes lack.
    """

    def __init__(
        self,
        engine: Engine,
        magnet: Magnet,
        *,
        trackers: Sequence[str] = (),
        peers: Sequence[tuple[str, int]] = (),
        stall_s: float = 0.0,
        discovers: bool = False,
        is_alone: bool = True,
    ) -> None:
        reach = Reach(tuple(trackers), (), tuple(peers), discovers)
        refuse_lonely(replace(magnet, web_seeds=()), reach)
        self._engine = engine
        self._magnet = magnet
        self._trackers = tuple(trackers)
        self._peers = tuple(peers)
        self._stall_s = stall_s
        self._discovers = discovers
        self._is_alone = is_alone
        self._name = magnet.name or magnet.infohash.hex()
        self._troubles: dict[str, str] = {}
        self._moved_at = time.monotonic()
        self._looked_at = -1e9
        self._is_asked_anew = False
        # Pieces may begin to come before the metadata has been taken note of.
        self._folder = tempfile.TemporaryDirectory(prefix="outpour-", ignore_cleanup_errors=True)

    def __enter__(self) -> MetadataJob:
        self._add(self._magnet)
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.remove(self._magnet.infohash)
        self._folder.cleanup()

    def turn(
        self, events: Iterable[EngineEvent] | None = None
    ) -> tuple[Metainfo | None, list[Note]]:
        """Look once at the engine: the metainfo as soon as it is whole, and what went wrong.

        Args:
            events: What the engine told since the last turn; None asks it.

        Raises:
            NetworkError: Nothing came for too long.
            MetainfoError: What came is a torrent that could harm.
        """
        notes: list[Note] = []
        for event in self._engine.events() if events is None else events:
            if event.infohash != self._magnet.infohash:
                continue
            if isinstance(event, MetadataArrived):
                self._moved_at = time.monotonic()
                self._ask_for_layers()
            elif isinstance(event, TrackerFailed | TrackerWarned) and event.infohash is not None:
                is_new = self._troubles.get(event.url) != event.message
                self._troubles[event.url] = event.message
                if is_new:
                    notes.append(
                        Note(event.infohash, self._name, f"`{event.url}`: {event.message}")
                    )
        metainfo = self._look()
        if metainfo is None and self._stall_s and self._waited_s() > self._stall_s:
            raise stalled(self._name, self._stall_s, self._troubles, discovers=self._discovers)
        return metainfo, notes

    def _add(self, magnet: Magnet) -> None:
        tiers = [*magnet.tiers, self._trackers] if self._trackers else None
        key = self._engine.add(magnet, Path(self._folder.name), trackers=tiers)
        for host, port in self._peers:
            self._engine.connect_peer(key, host, port)

    def _ask_for_layers(self) -> None:
        if self._is_alone:
            self._engine.limit(download_rate=CONTENT_RATE)
        raw = self._engine.info(self._magnet.infohash)
        if raw is None or self._magnet.infohash_v2 is not None or self._is_asked_anew:
            return
        info = bencode.decode(raw, strict=False)
        if isinstance(info, dict) and info.get(b"meta version") == 2:
            # Who was met under the v1 infohash does not speak of v2: meet them again under both.
            self._is_asked_anew = True
            self._engine.remove(self._magnet.infohash)
            self._add(replace(self._magnet, infohash_v2=hashlib.sha256(raw).digest()))

    def _waited_s(self) -> float:
        return time.monotonic() - self._moved_at

    def _look(self) -> Metainfo | None:
        info = self._engine.info(self._magnet.infohash)
        if info is None or time.monotonic() - self._looked_at < LAYERS_EVERY_S:
            return None
        layers = self._engine.piece_layers(self._magnet.infohash)
        self._looked_at = time.monotonic()
        if layers is None:
            return None
        raw = _assemble(info, layers, self._magnet, self._trackers)
        return Metainfo.parse(raw, origin=f"`{self._name}`")


def _assemble(
    info: bytes, layers: dict[bytes, bytes], magnet: Magnet, trackers: Sequence[str]
) -> bytes:
    # The info dictionary goes in as it came: encoded anew it might have another infohash.
    urls = tuple(dict.fromkeys((*magnet.trackers, *trackers)))
    parts: dict[str, bytes] = {"info": info}
    values: dict[str, Encodable] = {
        "announce": urls[0] if urls else "",
        "announce-list": [[url] for url in urls] if len(urls) > 1 else [],
        "piece layers": layers,
        "url-list": list(magnet.web_seeds),
    }
    parts |= {key: bencode.encode(value) for key, value in values.items() if value}
    body = b"".join(bencode.encode(key) + parts[key] for key in sorted(parts))
    return b"d" + body + b"e"
