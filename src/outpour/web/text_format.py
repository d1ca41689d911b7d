"""Values as people read them: names made harmless, counts grouped, times in UTC."""

from __future__ import annotations

import re
import time
from email.utils import formatdate

from outpour.base.text import is_unprintable

LATEST = 253402300799
"""The last second of the year 9999, the last that four digits can show."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_STRANGE = "\N{REPLACEMENT CHARACTER}"


def text(name: str) -> str:
    """A name as valid Unicode: bytes that were no UTF-8 are replaced."""
    return _SURROGATES.sub(_STRANGE, name)


def label(name: str) -> str:
    """A name to look at: no control characters, nothing that turns the text around it.

    Replaced and not escaped as on a terminal: a reader of the page wants to know the name.
    """
    if name.isascii() and name.isprintable():
        return name
    return "".join(
        _STRANGE if is_unprintable(letter) or letter in "\ufffe\uffff" else letter
        for letter in name
    )


def count(number: int) -> str:
    """A count with its thousands grouped."""
    return f"{number:,}"


def minute(at: float) -> str:
    """A time to the minute, as the classic page gives it."""
    return time.strftime("%Y-%m-%d %H:%M", _moment(at)) + " UTC"


def iso(at: float) -> str:
    """A time for machines, RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", _moment(at))


def http_date(at: float) -> str:
    """A time as headers of HTTP have it (RFC 9110, 5.6.7)."""
    return formatdate(min(max(int(at), 0), LATEST), usegmt=True)


def day(at: float) -> str:
    """A date."""
    return time.strftime("%Y-%m-%d", _moment(at))


def _moment(at: float) -> time.struct_time:
    # A torrent may say that it was created in the year 300,000,000,000.
    return time.gmtime(min(max(at, 0), LATEST))
