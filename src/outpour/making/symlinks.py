"""Turns a symbolic link on disk into the path it leads to below a folder, or refuses it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal, TypeAlias

from outpour.base.errors import ReadError, reason
from outpour.base.text import printable

Symlinks: TypeAlias = Literal["inside", "follow", "keep", "refuse", "skip"]
"""What becomes of links; see `walker.walk`."""

_HINT = "leave it out with `--exclude`, or all links with `--symlinks skip`"


def target_of(link: str, path: tuple[str, ...], real_top: str) -> tuple[str, ...]:
    """Say where a link leads, as components below the folder (`symlink path` of BEP 47).

    Links on the way to the target are resolved, the target itself is not: a link to a link stays
    one, so that each is kept once.

    Args:
        link: Where the link is on disk.
        path: Its components below the folder.
        real_top: The folder, without links in it.

    Raises:
        ReadError: The link leads out of the folder, to nothing, round in a circle, or to a folder
            around it.
    """
    check_target(link)
    try:
        written = Path(link).readlink()
    except OSError as error:
        raise ReadError(f"`{printable(link)}`: {reason(error)}") from error
    aim = Path(link).parent / written
    # A last `..` is no name of its own, and has to be resolved too.
    named = aim.name not in {"", ".", ".."}
    real = os.path.join(os.path.realpath(aim.parent), aim.name) if named else os.path.realpath(aim)  # noqa: PTH118
    if not is_below(real, real_top):
        raise outside(link, real)
    target = Path(os.path.relpath(real, real_top)).parts
    if target == path[: len(target)]:
        raise leads_back(link)
    return target


def check_link(link: str, real_top: str, symlinks: Symlinks) -> None:
    """Refuse a link that may not be followed.

    Raises:
        ReadError: It leads nowhere, or where `symlinks` lets none lead.
    """
    if symlinks == "refuse":
        raise ReadError(
            f"`{printable(link)}`: a link", hint="choose with `--symlinks` what becomes of links"
        )
    check_target(link)
    if symlinks != "follow":
        real = os.path.realpath(link)
        if not is_below(real, real_top):
            raise outside(link, real)


def check_target(link: str) -> None:
    """Refuse a link that leads to nothing or round in a circle.

    Raises:
        ReadError: It does.
    """
    try:
        Path(link).stat()
    except OSError as error:
        what = {errno.ENOENT: "a link to nothing", errno.ELOOP: "a link that leads to itself"}
        raise ReadError(
            f"`{printable(link)}`: {what.get(error.errno or 0) or reason(error)}", hint=_HINT
        ) from error


def is_below(real: str, real_top: str) -> bool:
    """Whether a resolved path is the folder or inside of it."""
    return os.path.commonpath([real, real_top]) == real_top


def outside(link: str, real: str) -> ReadError:
    """The fault of a link that leads out of what is published."""
    return ReadError(
        f"`{printable(link)}`: a link to `{printable(real)}`, outside of the folder",
        hint="publish what it leads to with `--symlinks follow`, or leave it out with `--exclude`",
    )


def leads_back(link: str) -> ReadError:
    """The fault of a link that would make the tree endless."""
    return ReadError(
        f"`{printable(link)}`: a link that leads back to a folder around it",
        hint="remove the link, or leave it out with `--exclude`",
    )
