"""Turns the names in a torrent into the names on disk, or refuses the torrent.

A torrent may be read, shown and tracked whatever its names are; only here they become paths.
Names that can be stored as they are, are: bytes that are not UTF-8 and names that differ in case
only included. The others are spelt as libtorrent spells them, so that what one client wrote the
other finds. Whoever joins a name of a torrent to a folder takes it from here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeAlias

from outpour.base.errors import MetainfoError
from outpour.base.text import printable
from outpour.torrent.info import Info
from outpour.torrent.paths import component_fault

DiskPath: TypeAlias = tuple[str, ...]
"""Components below the folder that a torrent is saved in; the first is its root."""

CUT_BYTES = 240
"""Where libtorrent ends a name, but for an extension within its last nine bytes."""
_EXTENSION_BYTES = 10
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME_BYTES_MAX = 255

# Letters without width, and such that turn the direction of a line: libtorrent drops them, and
# separators and NUL with them.
_DROPPED = frozenset(
    "/\\\0\u061c\ufeff"
    + "".join(
        chr(code)
        for low, high in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069))
        for code in range(low, high + 1)
    )
)
_USUAL = re.compile(r"[A-Za-z0-9_ -][A-Za-z0-9_. -]{0,200}\Z")
# Bytes that begin with one below the first number belong together by the second; 0 is no beginning.
_SEQUENCE_LENGTHS = ((0x80, 1), (0xC0, 0), (0xE0, 2), (0xF0, 3), (0xF8, 4), (0xFC, 5), (0x100, 0))


def disk_names(info: Info, root: str | None = None) -> tuple[DiskPath, ...]:
    """Say where the files of a torrent lie on disk.

    Args:
        info: The torrent.
        root: What the root file or folder is called on disk, if not as in the torrent. Taken as
            it is.

    Returns:
        One path for each file that is more than padding, in their order; no two are equal, and
        none is the folder of another. As text of `surrogateescape`: their bytes on disk are those
        of `encode("utf-8", "surrogateescape")`, whatever the locale.

    Raises:
        MetainfoError: A name climbs out of the folder, be it that of what a link leads to.

    Example:
        >>> disk_names(metainfo.info)  # doctest: +SKIP
        (('Haiku R1beta6', 'haiku.iso'),)
    """
    top = root_name(info) if root is None else root
    if info.has_odd_names:
        for file in info.files:
            target_names(info, file.symlink or ())
    return _apart(_named(info, top, _stored if info.has_odd_names else None), fold=False)


def other_disk_names(info: Info, root: str | None = None) -> tuple[tuple[DiskPath, ...], ...]:
    """Say where else other clients would have put the same files, likeliest first.

    Returns:
        Ways to name all files, each in the form of `disk_names` and different from it: as
        libtorrent does with every name, and as clients do that take every name as it is. None of
        them for ordinary names.

    Raises:
        MetainfoError: As for `disk_names`.
    """
    usual = disk_names(info, root)
    ways: list[tuple[DiskPath, ...]] = []
    foreign = _foreign_root(info) if root is None else root
    replaced = _apart(_named(info, foreign, libtorrent_name), fold=True)
    if replaced != usual:
        ways.append(replaced)
    if info.meta_version == 2 and not info.infohash_v1 and len(usual) == 1 == len(usual[0]) - 1:
        # A tree of one file is one file to libtorrent, whatever the torrent is called.
        ways.append((replaced[0][1:],))
    if info.has_odd_names:
        plain = info.name if root is None else root
        given = _named(info, plain, None)
        storable = all(map(_is_storable, {part for path in given for part in path}))
        if storable and tuple(given) not in (usual, *ways):
            ways.append(tuple(given))
    return tuple(ways)


def root_name(info: Info) -> str:
    """Say what the root file or folder of a torrent is called on disk; one component.

    Raises:
        MetainfoError: The name climbs out of the folder.
    """
    if component_fault(info.name) is None:
        return info.name
    _check(info.name, "info.name")
    return _foreign_root(info)


def root_names(info: Info) -> tuple[str, ...]:
    """Say what any client may have called the root file or folder; that of `root_name` first."""
    names = [root_name(info), _foreign_root(info)]
    if _is_storable(info.name):
        names.append(info.name)
    return tuple(dict.fromkeys(names))


def safe_name(name: str) -> str:
    """Spell a name so that it can be that of a file, or a part of a URL, whatever it is."""
    return name if component_fault(name) is None else libtorrent_name(name)


def target_names(info: Info, target: Sequence[str]) -> DiskPath:
    """Say where a symbolic link (BEP 47) of a torrent leads: components below its root folder.

    Raises:
        MetainfoError: It climbs out of the folder.
    """
    if not info.has_odd_names:
        return tuple(target)
    return tuple(_stored(part) for part in target)


def files_as_folders(paths: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Find the paths below which others lie.

    Only depths at which files end can collide; a set of every folder above every file would let a
    small torrent of deep paths take a gigabyte.
    """
    files = set(paths)
    depths = sorted({len(path) for path in files})
    if len(depths) < 2:
        return set()
    return {
        path[:depth]
        for path in files
        for depth in depths[: bisect_left(depths, len(path))]
        if path[:depth] in files
    }


def libtorrent_name(name: str) -> str:
    r"""Spell one component as libtorrent does on Linux; never a separator, `.` or `..`.

    Example:
        >>> libtorrent_name("Icon\r"), libtorrent_name("a/b"), libtorrent_name("..")
        ('Icon_', 'ab', '_')
    """
    return _spell(name) or "_"


def _spell(name: str) -> str:
    if _USUAL.match(name):
        return name
    raw = name.encode("utf-8", "surrogateescape")
    kept: list[bytes] = []
    added = at = 0
    has_extension = False
    while at < len(raw):
        letter, length = _letter(raw, at)
        if letter is not None and letter in _DROPPED:
            at += length
            continue
        if letter is None or _CONTROL.match(letter):
            # A sequence of bytes that is no letter is replaced as a whole.
            kept.append(b"_")
            added += 1
            at += length
            continue
        kept.append(raw[at : at + length])
        added += length
        if added >= CUT_BYTES and not has_extension:
            dot = raw.rfind(b".", max(len(raw) - _EXTENSION_BYTES, at) + 1)
            if dot < 0:
                break
            has_extension = True
            at = dot
            continue
        at += length
    spelt = b"".join(kept)
    return "" if spelt in (b"", b".", b"..") else spelt.decode("utf-8", "surrogateescape")


def climbs(name: str) -> bool:
    """Whether a component is `..`, or would be without what no disk stores."""
    return (
        name.count(".") == 2
        and "".join(letter for letter in name if letter not in _DROPPED) == ".."
    )


def _named(info: Info, root: str, spell: Callable[[str], str] | None) -> list[DiskPath]:
    paths = [file.path for file in info.files if not file.is_padding]
    if not info.is_folder:
        # In v2 the only file of a tree stands there under the name of the torrent.
        return [(root,)] * len(paths)
    if spell is None:
        return [(root, *path) for path in paths]
    spelt = {name: spell(name) for name in {name for path in paths for name in path}}
    return [(root, *[spelt[name] for name in path]) for path in paths]


def _stored(name: str) -> str:
    if component_fault(name) is None:
        return name
    _check(name, "info.files")
    return libtorrent_name(name)


def _check(name: str, where: str) -> None:
    if climbs(name):
        raise MetainfoError(
            f"`{where}`: name `{printable(name)}` climbs out of the folder, and is stored nowhere",
            field=where,
        )


def _foreign_root(info: Info) -> str:
    if not info.name:
        return "_"
    # Two torrents whose names are nothing but signs that are dropped do not share a folder.
    digest = info.infohash_v1 or info.infohash_v2
    assert digest is not None
    return _spell(info.name) or digest.hex()


def _letter(raw: bytes, at: int) -> tuple[str | None, int]:
    # As libtorrent walks through bytes: the first says how many belong together.
    length = next(length for below, length in _SEQUENCE_LENGTHS if raw[at] < below)
    if length == 0:
        return None, 1
    sequence = raw[at : at + length]
    if len(sequence) < length:
        return None, len(sequence)
    try:
        return sequence.decode(), length
    except UnicodeDecodeError:
        return None, length


def _is_storable(name: str) -> bool:
    length = len(name.encode("utf-8", "surrogateescape"))
    return name not in {"", ".", ".."} and not {"/", "\0"} & {*name} and length <= _NAME_BYTES_MAX


def _apart(paths: Sequence[DiskPath], *, fold: bool) -> tuple[DiskPath, ...]:
    """Give files that would lie under one name a number each, as libtorrent does.

    Args:
        paths: Where they would lie.
        fold: Take names that differ in the case of ASCII letters for one.
    """
    keys = [_folded(path) for path in paths] if fold else paths
    folders = files_as_folders(keys)
    if not folders and len(set(keys)) == len(keys):
        return tuple(paths)
    taken = {*keys}
    in_order = sorted(taken)
    seen: set[DiskPath] = set()
    numbers: dict[DiskPath, int] = {}
    apart: list[DiskPath] = []
    for path, key in zip(paths, keys, strict=True):
        if key not in seen and key not in folders:
            seen.add(key)
            apart.append(path)
            continue
        stem, dot, extension = path[-1].rpartition(".")
        if not dot:
            stem, extension = path[-1], ""
        while True:
            number = numbers[key] = numbers.get(key, 0) + 1
            numbered = (*path[:-1], f"{stem}.{number}{dot}{extension}")
            folded = _folded(numbered) if fold else numbered
            if folded not in taken and not _has_below(in_order, folded):
                break
        taken.add(folded)
        seen.add(folded)
        apart.append(numbered)
    return tuple(apart)


def _has_below(in_order: Sequence[DiskPath], folder: DiskPath) -> bool:
    at = bisect_left(in_order, folder)
    return at < len(in_order) and in_order[at][: len(folder)] == folder


def _folded(path: DiskPath) -> DiskPath:
    return tuple(part.lower() if part.isascii() else _lower(part) for part in path)


def _lower(part: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in part)
