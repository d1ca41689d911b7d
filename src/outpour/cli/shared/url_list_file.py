"""Reads the list that `create --from` names: a file, a URL, or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpour.base.text import printable
from outpour.cli.shared.env import Env
from outpour.cli.shared.inputs import STDIO, is_url, refuse_other_scheme
from outpour.cli.shared.source_list import read_bulk
from outpour.making.elsewhere.url_list import BYTES_MAX, folder_url, read_list

if TYPE_CHECKING:
    from outpour.base.http_route import Route
    from outpour.making.elsewhere.url_list import Listed


def read_url_list(env: Env, file: str, base: str | None, route: Route) -> list[Listed]:
    """Read it.

    Args:
        env: For stdin, which `-` stands for.
        file: A path or a URL; names in what lies behind a URL count from its folder.
        base: Another folder that they count from.
        route: By which way.

    Raises:
        ReadError: It cannot be read, is too long, or no list.
        NetworkError: Its server is not reached.
        UsageError: It has names, and nobody says where they lie; or it is a URL of another scheme.
    """
    if not is_url(file):
        refuse_other_scheme(file)
        raw = read_bulk(env, file, BYTES_MAX, "list of URLs")
        origin = "standard input" if file == STDIO else f"`{printable(file)}`"
        return read_list(raw, base, origin)
    from outpour.base.http_fetch import fetch

    raw = fetch(file, bytes_max=BYTES_MAX, route=route).body
    return read_list(raw, base or folder_url(file.rpartition("/")[0]), f"`{printable(file)}`")
