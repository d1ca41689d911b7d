"""Builds libtorrent's parameters of one torrent from its source and what was kept of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any

from outpour.base.errors import FormatError, MagnetError, MetainfoError
from outpour.engine.alerts import lowered
from outpour.engine.binding import lt
from outpour.engine.disk_layout import disk_paths
from outpour.engine.status import Mode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

_LIMITS: Any = {
    "max_buffer_size": 64 << 20,
    "max_pieces": 0x800000,
    "max_decode_tokens": 3_000_000,
}
_COUNTERS = (
    "peers", "banned_peers", "total_uploaded", "total_downloaded", "active_time", "seeding_time",
    "finished_time", "added_time", "completed_time", "last_seen_complete",
)  # fmt: skip
_CLAIMS = ("have_pieces", "verified_pieces", "unfinished_pieces")
_NORMAL_PRIORITY = 4
_NO_HASH = bytes(32)


def key_of(source: Metainfo | Magnet) -> bytes:
    """Return the 20 bytes by which the engine knows a torrent."""
    return source.info.infohash if isinstance(source, Metainfo) else source.infohash


def name_of(source: Metainfo | Magnet) -> str:
    """Return what to call a torrent; empty when a magnet link does not say."""
    return source.info.name if isinstance(source, Metainfo) else source.name or ""


def flags_of(mode: Mode, *, trust: bool) -> int:
    """Return the flags of a torrent in a mode.

    `upload_mode` keeps a torrent that is only to be seeded from ever writing to its content.
    """
    flags = lt.torrent_flags.update_subscribe | lt.torrent_flags.apply_ip_filter
    if mode == "seed":
        flags |= lt.torrent_flags.upload_mode
        if trust:
            flags |= lt.torrent_flags.seed_mode
    return flags


def read_kept(resume: bytes, key: bytes) -> lt.add_torrent_params:
    """Read resume data of a torrent.

    Raises:
        FormatError: It is damaged or of another torrent.
    """
    try:
        kept = lt.read_resume_data(resume, _LIMITS)
    except RuntimeError as error:
        raise FormatError(f"resume data: {lowered(str(error))}") from error
    hashes = kept.info_hashes
    if key not in (hashes.v1.to_bytes(), hashes.v2.to_bytes()[:20]):
        raise FormatError("resume data: of another torrent")
    return kept


def layers_of(resume: bytes) -> dict[bytes, bytes] | None:
    """Return the piece layers that resume data holds, None when one is missing.

    The resume data must hold the info dictionary.
    """
    try:
        entry: Any = lt.write_torrent_file(lt.read_resume_data(resume, _LIMITS), 0)
    except RuntimeError:
        return None
    layers: dict[bytes, bytes] = entry.get(b"piece layers", {})
    # libtorrent gives zeros for hashes that have not come.
    return None if any(_NO_HASH in layer for layer in layers.values()) else layers


def params_of(
    source: Metainfo | Magnet, kept: lt.add_torrent_params | None, *, recheck: bool
) -> lt.add_torrent_params:
    """Build the parameters of a torrent.

    Args:
        source: The torrent.
        kept: What was kept from an earlier run.
        recheck: Take the counters from `kept` and not its claims about pieces.

    Raises:
        MetainfoError: libtorrent refuses the metainfo.
        MagnetError: libtorrent refuses the magnet link.
    """
    if isinstance(source, Magnet):
        return _params_of_magnet(source, kept, recheck=recheck)
    try:
        params = lt.load_torrent_buffer(source.raw, _LIMITS)
    except RuntimeError as error:
        raise MetainfoError(
            f"`{source.info.name}`: not accepted by the peer engine: {error}", field="info"
        ) from error
    if kept is not None:
        for name in _COUNTERS if recheck else (*_COUNTERS, *_CLAIMS):
            setattr(params, name, getattr(kept, name))
    return params


def _params_of_magnet(
    magnet: Magnet, kept: lt.add_torrent_params | None, *, recheck: bool
) -> lt.add_torrent_params:
    if kept is not None and kept.ti is not None:
        if recheck:
            kept.have_pieces = []
            kept.verified_pieces = []
            kept.unfinished_pieces = {}
        return kept
    try:
        return lt.parse_magnet_uri(str(magnet))
    except RuntimeError as error:
        raise MagnetError(f"`{magnet}`: not accepted by the peer engine: {error}") from error


def stored_files(info: lt.torrent_info) -> Iterator[tuple[int, bytes]]:
    """Yield libtorrent's index and path of each file that is more than padding."""
    layout = info.layout()
    for index in range(layout.num_files()):
        if not layout.file_flags(index) & lt.file_flags_t.flag_pad_file:
            yield index, os.fsencode(layout.file_path(index))


def renamed_files(
    info: lt.torrent_info, metainfo: Metainfo, root_name: str | None
) -> dict[int, bytes]:
    """Say where each file lies whose path on disk is not what libtorrent would make of it.

    libtorrent replaces what is not UTF-8; bytes given as a new name reach the disk as they are.
    """
    paths = disk_paths(metainfo.info, root_name)
    stored = [*stored_files(info)]
    if len(stored) != len(paths):
        return {}
    return {
        index: path for (index, given), path in zip(stored, paths, strict=True) if given != path
    }


def file_priorities(info: lt.torrent_info, wanted: Collection[int]) -> list[int]:
    """Turn the indices of wanted files, padding not counted, into libtorrent's priorities."""
    stored = [index for index, _ in stored_files(info)]
    chosen = {stored[index] for index in wanted if 0 <= index < len(stored)}
    return [_NORMAL_PRIORITY if index in chosen else 0 for index in range(info.num_files())]
