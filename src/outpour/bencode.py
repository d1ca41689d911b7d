"""Turns bencode (BEP 3) into plain values and back; what the values mean is left to the callers.

Reading and writing are loops, not recursion, so that no nesting can exhaust the stack.
Readers of the wild disagree on malformed input, which is how one file gets two infohashes; so
only one leniency exists, unsorted keys (`strict=False`), and the others are refused:
repeated keys, leading zeros, `-0`, signs, spaces and bytes after the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, Union

from outpour.errors import BencodeError
from outpour.units import MIB

Value: TypeAlias = Union[int, bytes, "list[Value]", "dict[bytes, Value]"]
Encodable: TypeAlias = Union[
    int, bytes, str, "Sequence[Encodable]", "Mapping[bytes, Encodable]", "Mapping[str, Encodable]"
]

INTEGER_MIN = -(1 << 63)
INTEGER_MAX = (1 << 63) - 1

_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,11}):")
_INTEGER = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader spends at most on one input.

    Attributes:
        depth: Lists and dictionaries inside each other.
        length: Bytes of the whole input.
        tokens: Values and keys together; each costs some 60 bytes of memory.
    """

    depth: int = 64
    length: int = 64 * MIB
    tokens: int = 3_000_000


LIMITS = Limits()


def decode(raw: bytes, *, limits: Limits = LIMITS, strict: bool = True) -> Value:
    """Read one value.

    Args:
        raw: The whole input.
        limits: What to spend at most.
        strict: Refuse dictionaries whose keys are not sorted.

    Raises:
        BencodeError: The input is malformed, repeats a key or exceeds a limit.

    Example:
        >>> decode(b"d4:name5:a.iso4:sizei12ee")
        {b'name': b'a.iso', b'size': 12}
    """
    return _Reader(raw, limits, strict).read()


def spans(
    raw: bytes, *, limits: Limits = LIMITS, strict: bool = False
) -> dict[bytes, tuple[int, int]]:
    """Say where the values of the outermost dictionary lie, as (start, end) byte offsets.

    Raises:
        BencodeError: As for `decode`, or the input is not a dictionary.

    Example:
        >>> spans(b"d1:ai1e1:bl1:xee")
        {b'a': (4, 7), b'b': (10, 15)}
    """
    reader = _Reader(raw, limits, strict)
    if not isinstance(reader.read(), dict):
        reader.fail("not a dictionary", 0)
    return reader.spans


def read_dictionary(
    raw: bytes, *, limits: Limits = LIMITS, strict: bool = True
) -> tuple[dict[bytes, Value], dict[bytes, tuple[int, int]]]:
    """Read a dictionary together with the `spans` of its values, in one pass.

    Raises:
        BencodeError: As for `decode`, or the input is not a dictionary.
    """
    reader = _Reader(raw, limits, strict)
    value = reader.read()
    if not isinstance(value, dict):
        reader.fail("not a dictionary", 0)
    return value, reader.spans


class _Reader:
    __slots__ = ("_limits", "_raw", "_strict", "spans")

    def __init__(self, raw: bytes, limits: Limits, strict: bool) -> None:
        self._raw = raw
        self._limits = limits
        self._strict = strict
        self.spans: dict[bytes, tuple[int, int]] = {}

    def fail(self, what: str, offset: int) -> NoReturn:
        raise BencodeError(f"bencode: {what} at byte {offset}", offset=offset)

    def read(self) -> Value:
        # One loop for all: `stack` holds the containers around `container`, `key` the key whose
        # value is next. Attributes are copied to locals because a large torrent has millions
        # of turns.
        raw, end = self._raw, len(self._raw)
        if end > self._limits.length:
            self.fail(f"longer than {self._limits.length} bytes", self._limits.length)
        tokens, tokens_max, depth_max = 0, self._limits.tokens, self._limits.depth
        stack: list[tuple[list[Value] | dict[bytes, Value] | None, bytes | None, int]] = []
        container: list[Value] | dict[bytes, Value] | None = None
        key: bytes | None = None
        position = opened = 0
        while True:
            mark = raw[position : position + 1]
            tokens += mark != b"e"
            if tokens > tokens_max:
                self.fail(f"more than {tokens_max} values", position)
            start = position
            value: Value
            if mark.isdigit():
                value, position = self._string(position)
                if key is None and type(container) is dict:
                    self._check_key(container, value, start)
                    key = value
                    continue
            elif mark == b"e" and container is not None:
                if key is not None:
                    self.fail("key without a value", position)
                position += 1
                value, start = container, opened
                container, key, opened = stack.pop()
            elif key is None and type(container) is dict and position < end:
                self.fail("key that is not a string", position)
            elif mark == b"i":
                value, position = self._integer(position)
            elif mark in (b"l", b"d"):
                if len(stack) >= depth_max:
                    self.fail(f"nested deeper than {depth_max}", position)
                stack.append((container, key, opened))
                container, key, opened = [] if mark == b"l" else {}, None, position
                position += 1
                continue
            else:
                self.fail("unexpected end" if position >= end else "not a value", position)
            if container is None:
                if position != end:
                    self.fail("bytes after the end", position)
                return value
            if type(container) is list:
                container.append(value)
            elif type(container) is dict and key is not None:
                container[key] = value
                if len(stack) == 1:
                    self.spans[key] = (start, position)
                key = None

    def _string(self, position: int) -> tuple[bytes, int]:
        match = _LENGTH.match(self._raw, position)
        if match is None:
            self.fail("malformed string length", position)
        start = match.end()
        stop = start + int(match[1])
        if stop > len(self._raw):
            self.fail("string longer than the input", position)
        return self._raw[start:stop], stop

    def _integer(self, position: int) -> tuple[int, int]:
        match = _INTEGER.match(self._raw, position)
        if match is None:
            self.fail("malformed integer", position)
        value = int(match[1])
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            self.fail("integer of more than 64 bits", position)
        return value, match.end()

    def _check_key(self, container: dict[bytes, Value], key: bytes, position: int) -> None:
        if key in container:
            self.fail("repeated key", position)
        if self._strict and container and key < next(reversed(container)):
            self.fail("unsorted key", position)


_END = object()


def encode(value: Encodable) -> bytes:
    """Write one value in canonical form: keys sorted, text as UTF-8.

    Names that came from file systems keep their bytes (`surrogateescape`).

    Raises:
        TypeError: A value has no form in bencode.
        ValueError: An integer exceeds 64 bits, or a dictionary has a key twice (as text and
            as bytes).

    Example:
        >>> encode({"b": [1, "x"], "a": b""})
        b'd1:a0:1:bli1e1:xee'
    """
    parts: list[bytes] = []
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        if item is _END:
            parts.append(b"e")
        elif isinstance(item, (bytes, str)):
            text = _as_bytes(item)
            parts.append(b"%d:%b" % (len(text), text))
        elif isinstance(item, int):
            if not INTEGER_MIN <= item <= INTEGER_MAX:
                raise ValueError(f"{item} exceeds 64 bits")
            parts.append(b"i%de" % item)
        elif isinstance(item, Mapping):
            parts.append(b"d")
            pending.append(_END)
            pairs = {_as_bytes(key): content for key, content in item.items()}
            if len(pairs) != len(item):
                raise ValueError("a key is there twice")
            for key in sorted(pairs, reverse=True):
                pending += (pairs[key], key)
        elif isinstance(item, (list, tuple)):
            parts.append(b"l")
            pending.append(_END)
            pending.extend(reversed(item))
        else:
            raise TypeError(f"{type(item).__name__} has no form in bencode")
    return b"".join(parts)


def _as_bytes(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    raise TypeError(f"{type(text).__name__} cannot be a key")
