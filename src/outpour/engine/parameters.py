"""Builds libtorrent's parameters of one torrent from an order and what was kept of it."""

from __future__ import annotations

import os
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from outpour.base.errors import FormatError, MagnetError, MetainfoError
from outpour.base.text import is_utf8
from outpour.engine.binding import lt
from outpour.engine.disk_layout import as_read, disk_paths
from outpour.engine.error_codes import lowered
from outpour.engine.order import Order, Urgency
from outpour.torrent import bencode
from outpour.torrent.info import Info, read_info
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

LIMITS: Any = {
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
_PRIORITIES = {"first": 7, "last": 1}


def params_of(order: Order, kept: lt.add_torrent_params | None) -> lt.add_torrent_params:
    """Build the parameters of a torrent.

    Args:
        order: The torrent, and what to do with it.
        kept: What was kept from an earlier run.

    Raises:
        MetainfoError: libtorrent refuses the metainfo.
        MagnetError: libtorrent refuses the magnet link.
    """
    source = order.source
    params = _loaded(source) if isinstance(source, Metainfo) else _parsed(source)
    params.save_path = os.fsencode(order.save_path.absolute())  # type: ignore[assignment]
    is_trusted = order.mode == "seed" and order.trust and kept is None and _is_there(order)
    params.flags = _flags_of(order, is_trusted=is_trusted)
    if order.trackers is not None:
        params.trackers = [in_ascii(url) for tier in order.trackers for url in tier]
        params.tracker_tiers = [level for level, tier in enumerate(order.trackers) for _ in tier]
    if isinstance(source, Metainfo) and params.ti is not None:
        if kept is not None:
            for name in _COUNTERS if order.recheck else (*_COUNTERS, *_CLAIMS):
                setattr(params, name, getattr(kept, name))
        place_files(params, params.ti, source.info, order)
    else:
        # Which files there are, and where they go, is found out before any is written.
        params.flags |= lt.torrent_flags.default_dont_download
        params.url_seeds = []
    return params


def place_files(
    params: lt.add_torrent_params, files: lt.torrent_info, info: Info, order: Order
) -> None:
    """Say where each file lies, which are wanted, and from which servers they may come."""
    params.renamed_files = renamed_files(
        files, disk_paths(info) if order.paths is None else order.paths
    )  # type: ignore[assignment]
    if order.wanted is not None or order.urgency:
        params.file_priorities = file_priorities(files, order.wanted, order.urgency or {})
    elif order.mode == "seed" and not params.flags & lt.torrent_flags.seed_mode:
        # libtorrent makes empty files that are missing, of what is only to be seeded too.
        sizes = map(files.layout().file_size, range(files.num_files()))
        params.file_priorities = [_NORMAL_PRIORITY if size else 0 for size in sizes]
    params.url_seeds = web_seeds_of(order, info)
    if order.held:
        params.flags |= lt.torrent_flags.stop_when_ready


def web_seeds_of(order: Order, info: Info) -> list[str]:
    """Return the web seeds to use: none for pure v2.

    libtorrent fills the gap behind a file of a v2 tree with what belongs into the next one, finds
    that the hashes differ, and bans the server.
    """
    if info.version == "v2":
        return []
    return [*dict.fromkeys(map(in_ascii, (*order.source.web_seeds, *order.web_seeds)))]


def in_ascii(url: str) -> str:
    """A URL as libtorrent takes it."""
    # What a torrent names is not always UTF-8, and libtorrent takes no other text.
    return url if is_utf8(url) else quote(as_read(url), safe=string.punctuation)


def _is_there(order: Order) -> bool:
    """Whether each file has its length."""
    if not isinstance(order.source, Metainfo):
        return False
    info = order.source.info
    base = os.fsencode(order.save_path.absolute())
    files = [file for file in info.files if not file.is_padding]
    try:
        paths = disk_paths(info) if order.paths is None else order.paths
        for file, path in zip(files, paths, strict=True):
            status = os.stat(os.path.join(base, path))  # noqa: PTH116, PTH118 - paths are bytes
            if file.symlink is None and status.st_size != file.length:
                return False
    except (OSError, ValueError):
        return False
    return True


def _flags_of(order: Order, *, is_trusted: bool) -> int:
    flags = lt.torrent_flags.update_subscribe | lt.torrent_flags.apply_ip_filter
    if order.sequential:
        flags |= lt.torrent_flags.sequential_download
    if order.mode == "seed":
        # Keeps a torrent that is only to be seeded from ever writing to its content.
        flags |= lt.torrent_flags.upload_mode
        if is_trusted:
            # A look of its own at what is there would make what meanwhile is not.
            flags |= lt.torrent_flags.seed_mode | lt.torrent_flags.no_verify_files
    return flags


def _loaded(source: Metainfo) -> lt.add_torrent_params:
    try:
        return lt.load_torrent_buffer(source.raw, LIMITS)
    except RuntimeError as error:
        called = source.info.name or source.info.infohash_hex
        raise MetainfoError(
            f"`{called}`: not accepted by the peer engine: {error}", field="info"
        ) from error


def _parsed(magnet: Magnet) -> lt.add_torrent_params:
    try:
        return lt.parse_magnet_uri(str(magnet))
    except RuntimeError as error:
        raise MagnetError(f"`{magnet}`: not accepted by the peer engine: {error}") from error


def read_kept(resume: bytes, key: bytes) -> lt.add_torrent_params:
    """Read resume data of a torrent.

    Raises:
        FormatError: It is damaged or of another torrent.
    """
    try:
        kept = lt.read_resume_data(resume, LIMITS)
    except RuntimeError as error:
        raise FormatError(f"resume data: {lowered(str(error))}") from error
    hashes = kept.info_hashes
    if key not in (hashes.v1.to_bytes(), hashes.v2.to_bytes()[:20]):
        raise FormatError("resume data: of another torrent")
    return kept


def info_of(files: lt.torrent_info) -> Info:
    """Read what libtorrent was sent by a peer as everything else is read.

    Raises:
        MetainfoError: It is a torrent that could harm.
        BencodeError: It is not canonical.
    """
    raw = files.info_section()
    root = bencode.decode(raw, strict=False)
    if not isinstance(root, dict):
        raise MetainfoError("`info` is not a dictionary", field="info")
    return read_info(raw, root)


def stored_files(info: lt.torrent_info) -> Iterator[tuple[int, bytes]]:
    """Yield libtorrent's index and path of each file that is more than padding."""
    layout = info.layout()
    for index in range(layout.num_files()):
        if not layout.file_flags(index) & lt.file_flags_t.flag_pad_file:
            yield index, os.fsencode(layout.file_path(index))


def renamed_files(files: lt.torrent_info, paths: Sequence[bytes]) -> dict[int, bytes]:
    """Say where each file lies whose path on disk is not what libtorrent would make of it.

    libtorrent replaces what is not UTF-8, and gives another name to one of two files whose names
    differ in case only; bytes given as a new name reach the disk as they are.
    """
    stored = [*stored_files(files)]
    if len(stored) != len(paths):
        return {}
    collides = _differ_in_case_only(paths)
    return {
        index: path
        for (index, given), path in zip(stored, paths, strict=True)
        if given != path or collides
    }


def _differ_in_case_only(paths: Collection[bytes]) -> bool:
    # A file may also have the name of another's folder.
    files = {path.lower() for path in paths}
    folders: set[bytes] = set()
    pending = {path.rpartition(b"/")[0] for path in files}
    while pending:
        folders |= pending
        pending = {path.rpartition(b"/")[0] for path in pending} - folders
    return len(files) < len(paths) or not files.isdisjoint(folders)


def file_priorities(
    files: lt.torrent_info, wanted: Collection[int] | None, urgency: Mapping[int, Urgency]
) -> list[int]:
    """Turn what is wanted, and when, into libtorrent's priorities.

    Args:
        files: The torrent.
        wanted: Indices of files, padding not counted; None for all.
        urgency: By the same indices which come before or after the others.
    """
    stored = [index for index, _ in stored_files(files)]
    priorities = [_NORMAL_PRIORITY if wanted is None else 0] * files.num_files()
    for number in range(len(stored)) if wanted is None else wanted:
        if 0 <= number < len(stored):
            when = urgency.get(number)
            priorities[stored[number]] = _PRIORITIES[when] if when else _NORMAL_PRIORITY
    return priorities
