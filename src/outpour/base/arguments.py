"""Turns what a Python program passes into what it meant, or says what to pass instead.

A text is a sequence of texts too, so that `exclude="*.tmp"` would be five patterns of one letter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

from outpour.base.errors import UsageError
from outpour.base.text import printable
from outpour.base.units import parse_size

Choice = TypeVar("Choice", bound=str)


def texts(value: object, what: str) -> tuple[str, ...]:
    """Read a sequence of texts; one text alone stands for a sequence of it.

    Raises:
        UsageError: It is something else.

    Example:
        >>> texts("*.tmp", "exclude"), texts(["a", "b"], "exclude")
        (('*.tmp',), ('a', 'b'))
    """
    items = _items((value,) if isinstance(value, str) else value, what, "texts")
    if not all(isinstance(item, str) for item in items):
        raise _not(what, value, 'a sequence of texts, as in `("a", "b")`')
    return tuple(str(item) for item in items)


def tiers(value: object, what: str) -> tuple[tuple[str, ...], ...]:
    """Read tiers of URLs (BEP 12); a text among them is a tier of its own.

    Raises:
        UsageError: It is something else.

    Example:
        >>> tiers("http://a/", "trackers"), tiers(["http://a/", ["udp://b:1"]], "trackers")
        ((('http://a/',),), (('http://a/',), ('udp://b:1',)))
    """
    items = _items((value,) if isinstance(value, str) else value, what, "tiers")
    return tuple(texts(item, what) for item in items)


def hashes(value: object, what: str) -> tuple[bytes, ...]:
    """Read a sequence of infohashes; one alone stands for a sequence of it.

    Raises:
        UsageError: It is something else.
    """
    items = _items((value,) if isinstance(value, bytes) else value, what, "bytes")
    if not all(isinstance(item, bytes) for item in items):
        raise _not(what, value, "a sequence of bytes, as `bytes.fromhex` makes of digits")
    return tuple(bytes(item) for item in items if isinstance(item, bytes))


def nodes(value: object, what: str) -> tuple[tuple[str, int], ...]:
    """Read a sequence of (host, port); one alone stands for a sequence of it.

    Raises:
        UsageError: It is something else.
    """
    items = _items(value, what, "pairs")
    if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], int):
        items = (items,)
    pairs: list[tuple[str, int]] = []
    for item in items:
        pair = item if isinstance(item, tuple | list) else ()
        if len(pair) != 2 or not isinstance(pair[0], str) or not _is_number(pair[1]):
            raise _not(what, item, 'pairs of host and port, as in `(("127.0.0.1", 6881),)`')
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def choice(value: object, allowed: Sequence[Choice], what: str) -> Choice:
    """Read one of a few words, in any case.

    Raises:
        UsageError: It is none of them.

    Example:
        >>> choice("V2", ("v1", "v2"), "format")
        'v2'
    """
    for word in allowed:
        if isinstance(value, str) and value.lower() == word:
            return word
    raise _not(what, value, f"one of {', '.join(f'`{word}`' for word in allowed)}")


def text(value: object, what: str) -> str | None:
    """Read a text, or None for none.

    Raises:
        UsageError: It is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise _not(what, value, "a text or None")


def number(value: object, what: str) -> int | None:
    """Read a whole number, or None for none.

    Raises:
        UsageError: It is something else.
    """
    if value is None:
        return None
    if not _is_number(value):
        raise _not(what, value, "a whole number or None")
    assert isinstance(value, int)
    return value


def size(value: object, what: str) -> int | None:
    """Read bytes as a number, or as a text such as `1MiB`, or None for none.

    Raises:
        UsageError: It is something else.
    """
    return parse_size(value) if isinstance(value, str) else number(value, what)


def flag(value: object, what: str) -> bool:
    """Read yes or no.

    Raises:
        UsageError: It is neither; a text is not, as `"no"` would be yes.
    """
    if isinstance(value, bool) or (_is_number(value) and value in {0, 1}):
        return bool(value)
    raise _not(what, value, "True or False")


def path(value: object, what: str) -> str:
    """Read a path as text, `surrogateescape` for bytes that are not UTF-8.

    Raises:
        UsageError: It is none.
    """
    if isinstance(value, str | bytes | os.PathLike):
        return os.fsdecode(value)
    raise _not(what, value, "a path")


def _items(value: object, what: str, kind: str) -> tuple[object, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _not(what, value, f"a sequence of {kind}")
    return tuple(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _not(what: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{what}: `{printable(repr(value)[:60])}` is not {wanted}")
