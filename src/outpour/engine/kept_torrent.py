"""What resume data tells about a torrent besides its pieces."""

from __future__ import annotations

from typing import Any

from outpour.base.errors import OutpourError
from outpour.engine.binding import lt
from outpour.engine.parameters import LIMITS
from outpour.torrent.metainfo import Metainfo

_NO_HASH = bytes(32)


def layers_of(resume: bytes) -> dict[bytes, bytes] | None:
    """Return the piece layers that resume data holds, None when one is missing.

    The resume data must hold the info dictionary.
    """
    entry = _entry_of(resume)
    if entry is None:
        return None
    layers: dict[bytes, bytes] = entry.get(b"piece layers", {})
    # libtorrent gives zeros for hashes that have not come.
    return None if any(_NO_HASH in layer for layer in layers.values()) else layers


def metainfo_of(resume: bytes) -> Metainfo | None:
    """Return the torrent that resume data holds, None when it holds none that is whole."""
    entry = _entry_of(resume)
    if entry is None or layers_of(resume) is None:
        return None
    try:
        return Metainfo.parse(lt.bencode(entry), origin="resume data")
    except OutpourError:
        return None


def _entry_of(resume: bytes) -> Any:  # noqa: ANN401 - a tree of what bencode can say
    try:
        params = lt.read_resume_data(resume, LIMITS)
        return lt.write_torrent_file(params, 0) if params.ti is not None else None
    except RuntimeError:
        return None
