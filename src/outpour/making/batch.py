"""Turns a folder into the things in it that become a torrent each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from outpour.base.errors import ReadError, reason
from outpour.making.globs import matcher
from outpour.making.symlinks import Symlinks, check_link
from outpour.making.walker import is_left_out

ENDING = ".torrent"


def things(
    folder: str | os.PathLike[str],
    *,
    hidden: bool = False,
    junk: bool = False,
    symlinks: Symlinks = "inside",
    exclude: Sequence[str] = (),
) -> tuple[Path, ...]:
    """List the files and folders directly in a folder, in byte order; torrents are left out.

    Args:
        folder: Where to look.
        hidden, junk, exclude: What to take; see `walker.walk`.
        symlinks: As for `walker.walk`; a torrent cannot be a link, so `keep` is `inside` here.

    Raises:
        ReadError: The folder cannot be listed, or a link in it leads out of it or to nothing.
    """
    top = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its name
    excluded = matcher(exclude)
    try:
        found = sorted(top.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        raise ReadError(f"`{folder}`: {reason(error)}") from error
    kept = []
    for path in found:
        if path.name.endswith(ENDING) or is_left_out((path.name,), hidden, junk, excluded):
            continue
        if path.is_symlink():
            if symlinks == "skip":
                continue
            check_link(str(path), os.path.realpath(top), symlinks)
        kept.append(path)
    return tuple(kept)
