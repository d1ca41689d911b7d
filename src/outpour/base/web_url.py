"""URLs that are fetched over HTTP, looked at before anything is asked: typing errors are told."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from outpour.base.errors import UsageError
from outpour.base.text import printable

_UNFIT = re.compile(r"[^\x21-\x7e]")
_KEPT = "".join(map(chr, range(0x21, 0x7F)))


def check_web_url(url: str) -> None:
    """Refuse what cannot be asked for over HTTP.

    Args:
        url: As a person or a stranger's list has it.

    Raises:
        UsageError: It is neither HTTP nor HTTPS, names no host or no port that there is, holds
            letters that no URL may, or a login.
    """
    if not url[:8].lower().startswith(("http://", "https://")):
        raise UsageError(f"`{printable(url)}`: neither `http://` nor `https://`")
    if _UNFIT.search(url):
        place, _, rest = url.partition("://")[2].partition("/")
        hint = "write the name of its host in ASCII, as in `xn--bcher-kva.example`"
        if not _UNFIT.search(place):
            try:
                raw = rest.encode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                # Half of a letter, which JSON can name, is written in no bytes.
                raw = rest.encode("utf-8", "replace")
            fit = quote(raw, safe=_KEPT)
            hint = f"write it as `{url.partition('://')[0]}://{place}/{fit}`"
        raise UsageError(f"`{printable(url)}`: holds letters that no URL may", hint=hint)
    check_place(url)
    check_no_login(url, "leave it out; `download` sends one with `--header 'Authorization: ...'`")


def check_no_login(url: str, hint: str = "leave it out") -> None:
    """Refuse a URL with a login in it: what is published, shown or logged is read by others.

    Args:
        url: One that names a host.
        hint: What to do instead.

    Raises:
        UsageError: It has one; the message does not.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise UsageError(f"`{bare}`: has a login in it, which others would read", hint=hint)


def check_place(url: str) -> None:
    """Refuse a URL of any kind that names no host, or a port that there is not.

    Raises:
        UsageError: It does.
    """
    hint = "write it in full, as in `http://example.org/x`"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise UsageError(f"`{printable(url)}`: not a URL", hint=hint) from None
    if not host:
        raise UsageError(f"`{printable(url)}`: names no host", hint=hint)
    try:
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        is_port = False
    if not is_port:
        raise UsageError(
            f"`{printable(url)}`: no port has this number", hint="they go from 1 to 65535"
        )
