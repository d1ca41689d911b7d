"""Reads what `download` is given in bulk: sources from files, and headers for their servers."""

from __future__ import annotations

from collections.abc import Iterable

from outpour.base.errors import ReadError, UsageError, reason
from outpour.base.text import from_bytes, printable, typed
from outpour.base.units import MIB
from outpour.cli.shared.env import Env
from outpour.cli.shared.inputs import STDIO

BYTES_MAX = 16 * MIB
"""Of one file: a hundred thousand magnet links."""


def read_bulk(env: Env, file: str, bytes_max: int, what: str) -> bytes:
    """Read a file that somebody has written for us, or stdin for `-`.

    Args:
        env: For stdin.
        file: Its path.
        bytes_max: No such file is longer.
        what: What it is to be, for the message.

    Raises:
        ReadError: It cannot be read, or is too long.
    """
    origin = "standard input" if file == STDIO else f"`{printable(file)}`"
    try:
        if file == STDIO:
            raw = env.stdin.read(bytes_max + 1)
        else:
            with open(file, "rb") as stream:  # noqa: PTH123 - as it was typed
                raw = stream.read(bytes_max + 1)
    except OSError as error:
        raise ReadError(f"{origin}: {reason(error)}") from error
    if len(raw) > bytes_max:
        raise ReadError(f"{origin}: over {bytes_max} bytes, which is no {what}")
    return raw


def read_sources(env: Env, files: Iterable[str]) -> list[str]:
    """Read files of sources, one a line; empty lines and those that begin with `#` are left out.

    Args:
        env: For stdin, which `-` stands for.
        files: Their paths.

    Raises:
        ReadError: One cannot be read, or is too long.
    """
    sources: list[str] = []
    for file in files:
        raw = read_bulk(env, file, BYTES_MAX, "list of sources")
        lines = from_bytes(typed(raw)).splitlines()
        sources += [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
    return sources


def read_headers(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read headers of HTTP, as `NAME: VALUE`.

    Raises:
        UsageError: One is something else.
    """
    headers: list[tuple[str, str]] = []
    for text in texts:
        name, colon, value = text.partition(":")
        is_name = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not colon or not is_name or not value.isprintable():
            raise UsageError(
                f"`{text}`: not a header", hint="as in `--header 'Authorization: Bearer TOKEN'`"
            )
        headers.append((name, value.strip()))
    return tuple(headers)
