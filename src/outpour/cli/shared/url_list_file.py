"""Reads the list that `create --from` names: a file, a URL, or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpour.base.errors import ReadError, reason
from outpour.base.text import printable
from outpour.cli.shared.env import Env
from outpour.cli.shared.inputs import STDIO, is_url
from outpour.making.elsewhere.url_list import BYTES_MAX, folder_url, read_list

if TYPE_CHECKING:
    from outpour.making.elsewhere.url_list import Listed


def read_url_list(env: Env, file: str, base: str | None) -> list[Listed]:
    """Read it.

    Args:
        env: For stdin, which `-` stands for.
        file: A path or a URL; names in what lies behind a URL count from its folder.
        base: Another folder that they count from.

    Raises:
        ReadError: It cannot be read, is too long, or no list.
        NetworkError: Its server is not reached.
        UsageError: It has names, and nobody says where they lie.
    """
    origin = "standard input" if file == STDIO else f"`{printable(file)}`"
    if is_url(file):
        from outpour.base.http_fetch import fetch

        if base is None:
            base = folder_url(file.rpartition("/")[0])
        raw = fetch(file, bytes_max=BYTES_MAX).body
    else:
        try:
            if file == STDIO:
                raw = env.stdin.read(BYTES_MAX + 1)
            else:
                with open(file, "rb") as stream:  # noqa: PTH123 - as it was typed
                    raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            raise ReadError(f"{origin}: {reason(error)}") from error
    if len(raw) > BYTES_MAX:
        raise ReadError(f"{origin}: over {BYTES_MAX} bytes, which is no list")
    return read_list(raw, base, origin)
