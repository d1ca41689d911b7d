"""Tells which of the files that are there already a download may write to.

What was there is not ours: a file that no earlier run wrote, and of which not one piece matches
the torrent, belongs to somebody else. It is neither changed nor shortened unasked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.base.text import from_bytes
from outpour.engine import Resume
from outpour.torrent.info import File, Info

HINT = "`--overwrite` replaces it, `-o DIR` downloads to another folder"


def suspects_of(
    info: Info,
    folder: Path,
    paths: Sequence[bytes],
    wanted: Iterable[int],
    kept: Resume | None,
    *,
    overwrite: bool,
) -> list[int]:
    """Find the files that may be somebody else's, which only their pieces can tell.

    Args:
        info: The torrent.
        folder: Holds its root.
        paths: Where each file lies below it, padding left out.
        wanted: Indices, without padding, of the files to be written.
        kept: What earlier runs have kept.
        overwrite: Take all for ours, and cut off what is too long.

    Raises:
        WriteError: One of them is another's for certain: it is longer, or no file at all.
    """
    base = os.fsencode(folder.absolute())
    files = _stored(info)
    suspects: list[int] = []
    too_long: list[tuple[bytes, int]] = []
    for index in wanted:
        path = os.path.join(base, paths[index])  # noqa: PTH118 - paths are bytes
        status = _status_of(path)
        if status is None or files[index].symlink is not None:
            continue
        length = files[index].length
        if status.st_size > length:
            if not overwrite:
                raise _refusal(path, f"is there already, and longer than the {length} bytes of "
                               f"`{info.name}`")  # fmt: skip
            too_long.append((path, length))
        elif not overwrite and not _is_empty(path, status) and not _is_ours(kept, index):
            suspects.append(index)
    for path, length in too_long:
        os.truncate(path, length)
    return suspects


def refuse_foreign(
    info: Info, folder: Path, paths: Sequence[bytes], suspects: Iterable[int], has: Sequence[bool]
) -> None:
    """Refuse when one of the suspects has not one piece of the torrent.

    Args:
        info: The torrent.
        folder: Holds its root.
        paths: Where each file lies below it, padding left out.
        suspects: Indices of files, without padding.
        has: Of each piece, whether it is on disk.

    Raises:
        WriteError: There is one.
    """
    files = _stored(info)
    for index in suspects:
        first = files[index].offset // info.piece_length
        last = (files[index].offset + files[index].length - 1) // info.piece_length
        if not any(has[first : last + 1]):
            path = os.fsencode(folder / from_bytes(paths[index]))
            raise _refusal(path, f"is there already, and no part of `{info.name}`")


def ranges(indices: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Write ascending numbers as (first, last) of each run.

    Example:
        >>> [*ranges([0, 1, 2, 5])]
        [(0, 2), (5, 5)]
    """
    first = last = None
    for index in indices:
        if first is None or last is None:
            first = last = index
        elif index == last + 1:
            last = index
        else:
            yield first, last
            first = last = index
    if first is not None and last is not None:
        yield first, last


def _stored(info: Info) -> list[File]:
    return [file for file in info.files if not file.is_padding]


def _status_of(path: bytes) -> os.stat_result | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - paths are bytes
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):  # noqa: PTH114
            raise _refusal(path, "is a link that leads nowhere") from None
        return None
    except OSError as error:
        raise WriteError(f"`{from_bytes(path)}`: {reason(error)}") from error
    if not stat.S_ISREG(status.st_mode):
        raise WriteError(
            f"`{from_bytes(path)}`: is there already, and no file",
            hint="`-o DIR` downloads to another folder",
        )
    return status


def _is_empty(path: bytes, status: os.stat_result) -> bool:
    if status.st_size == 0:
        return True
    if status.st_blocks:
        return False
    # Room that was set aside, and nothing in it; some file systems keep little ones elsewhere.
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_ours(kept: Resume | None, index: int) -> bool:
    return kept is not None and kept.trusted and kept.owns(index)


def _refusal(path: bytes, why: str) -> WriteError:
    return WriteError(f"`{from_bytes(path)}`: {why}", hint=HINT)
