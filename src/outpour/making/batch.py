"""Turns a folder into the things in it that become a torrent each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from outpour.base.errors import OutpourError, ReadError, reason
from outpour.base.text import printable
from outpour.making.globs import matcher
from outpour.making.symlinks import Symlinks, check_link
from outpour.making.walker import is_left_out

ENDING = ".torrent"


class Things(NamedTuple):
    """What is directly in a folder.

    Attributes:
        paths: Files and folders, in byte order.
        faults: Why others are none, such as a link to nothing; they keep nobody from the rest.
    """

    paths: tuple[Path, ...]
    faults: tuple[OutpourError, ...]


def things(
    folder: str | os.PathLike[str],
    *,
    hidden: bool = False,
    junk: bool = False,
    symlinks: Symlinks = "inside",
    exclude: Sequence[str] = (),
) -> Things:
    """List the files and folders directly in a folder; torrents are left out.

    Args:
        folder: Where to look.
        hidden, junk, exclude: What to take; see `walker.walk`.
        symlinks: As for `walker.walk`; a torrent cannot be a link, so `keep` is `inside` here.

    Raises:
        ReadError: The folder cannot be listed.
    """
    top = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its name
    excluded = matcher(exclude)
    try:
        found = sorted(top.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        raise ReadError(f"`{folder}`: {reason(error)}") from error
    kept: list[Path] = []
    faults: list[OutpourError] = []
    for path in found:
        if path.name.endswith(ENDING) or is_left_out((path.name,), hidden, junk, excluded):
            continue
        try:
            if path.is_symlink():
                if symlinks == "skip":
                    continue
                check_link(str(path), os.path.realpath(top), symlinks)
        except OutpourError as error:
            faults.append(error)
        else:
            kept.append(path)
    return Things(tuple(kept), tuple(faults))


def is_made(torrent: Path) -> bool:
    """Whether the torrent of a thing is there already.

    Raises:
        ReadError: Its name is too long, or the folder cannot be looked into.
    """
    try:
        return torrent.exists()
    except OSError as error:
        raise ReadError(
            f"`{printable(str(torrent))}`: {reason(error)}",
            hint="rename the content, or make it on its own and choose a name with `-o`",
        ) from error
