"""What happens as JSON, an object a line: its time, its level, what it is, and its own values."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from outpour.base.event import Event

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LEVELS = ("debug", "info", "warning", "error")


def json_line(level: str, event: str, values: Mapping[str, object], at: float | None = None) -> str:
    """Write one object, in ASCII, with `time` as RFC 3339 has it, `level` and `event` first.

    Args:
        level: One of `LEVELS`.
        event: What happened, such as `file_skipped`.
        values: What is told of it; those that are None are left out.
        at: Unix time in seconds, None for now.
    """
    whole, milli = divmod(round((time.time() if at is None else at) * 1000), 1000)
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{milli:03}Z"
    head: dict[str, object] = {"time": stamp, "level": level, "event": event}
    told = {name: _plain(value) for name, value in values.items() if value is not None}
    return json.dumps(head | {name: one for name, one in told.items() if name not in head})


def event_values(event: Event) -> dict[str, object]:
    """The values of an event, with the sentence for people as `message` where it has one."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    if type(event).__str__ is not object.__str__:
        values.setdefault("message", str(event))
    return values


def event_name(event: Event) -> str:
    """Name an event as JSON has it: `file_skipped` for `FileSkipped`."""
    return _HUMP.sub("_", type(event).__name__).lower()


def _plain(value: object) -> object:
    """A value of JSON; bytes in hexadecimal."""
    match value:
        case bytes():
            return value.hex()
        case str() | Path():
            # A name that is no UTF-8 has halves of letters, which readers of JSON refuse.
            return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case bool() | int() | float() | None:
            return value
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case Iterable():
            return [_plain(one) for one in value]
        case _:
            return str(value)
