"""Turns what a person types for a torrent, a date or a tier into values."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from string import hexdigits
from typing import TYPE_CHECKING, Any, NoReturn

import click

from outpour.base.errors import UsageError
from outpour.base.text import printable
from outpour.base.web_url import check_no_login, check_place
from outpour.cli.shared.env import Env
from outpour.torrent.bencode import LIMITS

if TYPE_CHECKING:
    from outpour.base.http_route import Route
    from outpour.torrent.metainfo import Metainfo

ANY_PATH = click.Path(readable=False, path_type=Path)
"""A path that nobody looks at yet: one that cannot be read is no mistake on the command line."""

TYPED_PATH = click.Path(readable=False, path_type=str)
"""The same as it was typed, where a URL may stand too: a path would lose one of its slashes."""


class Amount(click.FloatRange):
    """A number that there may be of something: neither `nan` nor beyond all bounds."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as it is there
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read it."""
        number: float = super().convert(value, param, ctx)
        # `nan` is neither above nor below anything.
        if not number <= AMOUNT_MAX:
            self.fail(f"{value} is no number, or too large", param, ctx)
        return number


AMOUNT_MAX = 1e9
"""Thirty years of seconds."""
DATE_MAX = (1 << 63) - 1
"""Seconds since 1970: what bencode of others can hold; milliseconds are noted alone."""

CA_FLAG = "--ca-file"
ca_option = click.option(
    CA_FLAG,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust these certificates in place of the system's.",
)
"""Whom to trust over HTTPS."""

STDIO = "-"
TORRENT_TYPE = "application/x-bittorrent, */*;q=0.5"


def read_torrent(env: Env, source: str, route: Route | None = None) -> Metainfo:
    """Read a .torrent file, one behind an HTTP or HTTPS URL, or stdin for `-`.

    Args:
        env: For stdin.
        source: Which.
        route: By which way to servers; None for the direct one.

    Raises:
        ReadError: It cannot be read, or is no torrent.
        NetworkError: The server cannot be reached, or does not have it.
        UsageError: It is a URL that is not of HTTP.
    """
    from outpour.torrent.metainfo import Metainfo

    if source == STDIO:
        return Metainfo.parse(env.stdin.read(LIMITS.length + 1), origin="standard input")
    if is_url(source):
        # HTTP takes as long to import as everything else together.
        from outpour.base.http_fetch import fetch
        from outpour.base.http_route import DIRECT

        route = route or DIRECT
        answer = fetch(source, bytes_max=LIMITS.length, accept=TORRENT_TYPE, route=route)
        return Metainfo.parse(answer.body, origin=f"`{printable(source)}`")
    refuse_other_scheme(source)
    return Metainfo.read(source)


def refuse_other_scheme(source: str) -> None:
    """Refuse what is meant as a URL and is none that is fetched.

    Raises:
        UsageError: It has another scheme, and no file is called so.
    """
    scheme, mark, _ = source.partition("://")
    if mark and scheme.isalnum() and not is_url(source) and not os.path.lexists(source):
        raise UsageError(
            f"`{printable(source)}`: no URL that can be read",
            hint="`http://` and `https://` can; name a file of this machine by its path alone",
        )


def is_url(source: str) -> bool:
    """Whether a source is fetched over HTTP rather than opened."""
    return source[:8].lower().startswith(("http://", "https://"))


def is_link(source: str) -> bool:
    """Whether a source is a magnet link."""
    return source[:7].lower() == "magnet:"


def read_tiers(trackers: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Read trackers: each value is a tier, commas separate equals inside one.

    Example:
        >>> read_tiers(["http://a/announce,http://b/announce", "udp://c:6969"])
        (('http://a/announce', 'http://b/announce'), ('udp://c:6969',))
    """
    tiers = [tuple(url.strip() for url in tier.split(",") if url.strip()) for tier in trackers]
    for url in (url for tier in tiers for url in tier):
        check_url(url)
    return tuple(tier for tier in tiers if tier)


def check_open_url(url: str) -> str:
    """Return a URL that could be asked and that everybody may read, or refuse it.

    Raises:
        UsageError: It is none, or has a login in it.
    """
    check_no_login(check_url(url), "leave it out; a tracker knows its own by a key in the path")
    return url


def check_url(url: str) -> str:
    """Return a URL that could be asked, or refuse it.

    Raises:
        UsageError: It has no scheme or no host, a port that there is not, or holds spaces.
    """
    scheme, mark, rest = url.partition("://")
    if not (scheme.isalnum() and mark and rest.strip("/")) or any(c.isspace() for c in url):
        raise UsageError(
            f"`{url}`: not a URL", hint="write it in full, as in `http://example.org/announce`"
        )
    check_place(url)
    return url


def read_ip(text: str) -> str:
    """Read an IP address, IPv6 with or without brackets.

    Raises:
        UsageError: It is something else.
    """
    import ipaddress

    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise UsageError(
            f"`{printable(text)}`: not an IP address",
            hint="write one of this machine, such as `192.0.2.7` or `::1`",
        ) from None


def read_similar(text: str) -> bytes:
    """Read an infohash of 40 or 64 hexadecimal digits, or take that of a .torrent file.

    Raises:
        ReadError: It is no infohash, and no torrent that can be read.
    """
    if len(text) in {40, 64} and all(digit in hexdigits for digit in text):
        return bytes.fromhex(text)
    from outpour.torrent.metainfo import Metainfo

    info = Metainfo.read(text).info
    digest = info.infohash_v1 or info.infohash_v2
    assert digest is not None
    return digest


def read_object(text: str, flag: str) -> dict[str, Any]:
    """Read a JSON object of what bencode has a form for; null stands at the top only.

    Raises:
        UsageError: It is no JSON, or holds fractions, booleans or null.
    """
    import json

    def refuse(what: str) -> NoReturn:
        raise UsageError(
            f"`{flag}`: holds {what}", hint="strings, whole numbers, lists and objects can be had"
        )

    try:
        value = json.loads(text, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"`{flag}`: not JSON: {str(error).lower()}") from None
    if not isinstance(value, dict):
        raise UsageError(f"`{flag}`: not a JSON object", hint="""as in '{"publisher": "me"}'""")
    info = value.get("info")
    pending = [*value.values(), *(info.values() if isinstance(info, dict) else ())]
    pending = [item for item in pending if item is not None and item is not info]
    while pending:
        item = pending.pop()
        if item is None or isinstance(item, bool):
            refuse("null" if item is None else "a boolean")
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return value


def read_date(text: str) -> int:
    """Read a date as seconds since 1970: a number, or ISO 8601 (UTC unless it has an offset).

    Raises:
        UsageError: It is neither.

    Example:
        >>> read_date("2026-01-01T00:00:00Z")
        1767225600
    """
    from datetime import datetime, timezone

    hint = "write `2026-01-31T12:00:00Z` or seconds since 1970"
    if text.isascii() and text.isdigit():
        seconds = int(text[:20])
    else:
        try:
            date = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise UsageError(f"`{text}`: not a date", hint=hint) from None
        if date.tzinfo is None:
            date = date.replace(tzinfo=timezone.utc)
        seconds = int(date.timestamp())
    if not 0 <= seconds <= DATE_MAX:
        raise UsageError(f"`{text[:100]}`: before 1970, or beyond all bounds", hint=hint)
    return seconds


def format_date(seconds: int) -> str:
    """Write seconds since 1970 for people, in UTC."""
    from datetime import datetime, timedelta, timezone

    try:
        date = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    except OverflowError:
        return str(seconds)
    return date.strftime("%Y-%m-%d %H:%M:%S UTC")
